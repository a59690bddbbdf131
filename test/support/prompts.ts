/** Agents that ask the model of a test's provider, and the runs of one of them. */
import {
  type Agent,
  type Baton,
  contract,
  exponential,
  type Failure,
  type Json,
  type OpenOptions,
  rule,
  type RunOutcome,
  workflow,
} from "baton";
import { promptAgent, type PromptAgentOptions } from "baton/ai-sdk";
import { z } from "zod";
import type { ModelProvider } from "./model-provider.ts";
import { entriesOf, type Opened, opened } from "./opened.ts";

export const Ticket = contract("ticket", "1.0.0", z.object({ text: z.string() }));
export const Verdict = contract(
  "verdict",
  "1.0.0",
  z.object({ label: z.enum(["bug", "wish"]), confidence: z.number() }),
  {
    description: "What a ticket is about.",
    rules: [
      rule("confidence is at least 0.7", ({ confidence }) => confidence >= 0.7, {
        path: "/confidence",
      }),
    ],
  },
);

interface TicketText {
  text: string;
}
interface VerdictValue {
  label: "bug" | "wish";
  confidence: number;
}
type Options = PromptAgentOptions<TicketText, VerdictValue>;
export type More = Partial<Omit<Options, "compensate" | "compensateUnknown">>;

export const BUG = { label: "bug", confidence: 0.9 } as const;
export const GOOD = { text: JSON.stringify(BUG) };
/** Its rule is broken. */
export const UNSURE = { text: JSON.stringify({ ...BUG, confidence: 0.2 }) };

export const QUICKLY = { attempts: 3, backoff: exponential("1ms") };

/** An agent that says of a ticket what it is about. */
export function triage({ model }: ModelProvider, more: More = {}): Agent<TicketText, VerdictValue> {
  return promptAgent({
    name: "triage",
    version: "1.0.0",
    input: Ticket,
    output: Verdict,
    model,
    retry: QUICKLY,
    prompt: ({ text }: TicketText) => `Ticket: ${text}`,
    // Virtual time would be over before a provider has answered over real HTTP. The type knows no way to say that there is none.
    ...({ timeout: undefined } as object),
    ...more,
  });
}

export interface Played extends Opened {
  readonly outcome: RunOutcome<unknown>;
  /** What failed, in order. */
  readonly failures: readonly Failure[];
  /** What was streamed meanwhile, with the attempt that it is of. */
  readonly chunks: readonly (readonly [number, Json])[];
  /** What was used, by the entries of attempts in order. */
  readonly usage: readonly (readonly unknown[])[];
}

/** Runs one step of the agent, as the run `r`. */
export async function play<O>(
  agent: Agent<TicketText, O>,
  options: Partial<OpenOptions> = {},
  text = "it crashes",
): Promise<Played> {
  const flow = workflow("flow", "1.0.0", { input: Ticket })
    .step("a", agent as Agent<TicketText, unknown>, { input: ({ input }) => input })
    .output(({ a }) => a);
  const given = await opened({ workflows: [flow], ...options });
  const run = await given.baton.start(flow, { text }, { id: "r" });
  const watching = chunksOf(given.baton);
  const outcome = await given.clock.until(run.outcome());
  const attempts = (await entriesOf(given.baton, "r")).filter(
    ({ kind }) => kind === "attempt.failed" || kind === "step.sealed",
  );
  // The payloads of these kinds, as docs/journal.md describes them.
  const payloads = attempts.map(
    ({ payload }) => payload as { readonly error?: Failure; readonly usage?: readonly unknown[] },
  );
  return {
    ...given,
    outcome,
    chunks: await watching,
    failures: payloads.flatMap(({ error }) => (error === undefined ? [] : [error])),
    usage: payloads.map(({ usage = [] }) => usage),
  };
}

async function chunksOf(baton: Baton): Promise<(readonly [number, Json])[]> {
  const chunks: (readonly [number, Json])[] = [];
  for await (const item of baton.watch("r", { partials: true }))
    if (item.kind === "partial") chunks.push([item.attempt, item.chunk]);
  return chunks;
}

/** The text of a request's last message. */
export function lastSaid({ requests }: ModelProvider, request: number): unknown {
  return requests[request]?.body.messages.at(-1)?.content;
}
