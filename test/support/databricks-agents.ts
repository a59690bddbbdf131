/** Agents that ask the workspace of a test, and the runs of one of them. */
import {
  type Agent,
  type AgentContext,
  type Baton,
  contract,
  type Json,
  memory,
  open,
  type RunOutcome,
  type RunReport,
  type Workflow,
  workflow,
} from "baton";
import { databricksAgent, type DatabricksAgentOptions } from "baton/databricks";
import { countedIds } from "baton/testing";
import { onTestFinished } from "vitest";
import { z } from "zod";
import type { DatabricksServer } from "./databricks-server.ts";

const Applicant = contract("applicant", "1.0.0", z.object({ name: z.string(), income: z.int() }));
const Risk = contract("risk", "1.0.0", z.object({ grade: z.string() }));
export const ADA = { name: "Ada", income: 4_200 };
export const PAT = "dapi-0123456789abcdef";

interface Person {
  name: string;
  income: number;
}
interface Graded {
  grade: string;
}
type Options = DatabricksAgentOptions<Person, Graded>;

export function riskAgent(
  server: DatabricksServer,
  more: Partial<Options> = {},
): Agent<Person, Graded> {
  return databricksAgent({
    name: "risk",
    version: "1.0.0",
    input: Applicant,
    output: Risk,
    host: server.url,
    endpoint: "risk",
    auth: { token: PAT },
    ...more,
    // The parts of the options that exclude each other are given together, by each test.
  } as Options);
}

export function rated(agent: Agent<Person, Graded>): Workflow<Person, Graded> {
  return workflow("rating", "1.0.0", { input: Applicant })
    .step("risk", agent, { input: ({ input }) => input })
    .output(({ risk }) => risk);
}

export interface Played {
  readonly baton: Baton;
  /** What was streamed. */
  readonly chunks: readonly Json[];
  readonly log: readonly unknown[];
  readonly outcome: RunOutcome<unknown>;
}

/** One run of one step. */
export async function play(server: DatabricksServer, more: Partial<Options> = {}): Promise<Played> {
  const rating = rated(riskAgent(server, more));
  const log: unknown[] = [];
  const baton = await open({
    store: memory(),
    workflows: [rating],
    ids: countedIds(),
    log: (line) => log.push(line),
  });
  onTestFinished(() => baton.close({ graceMs: 0 }));
  const run = await baton.start(rating, ADA, { id: "ada" });
  const chunks: Json[] = [];
  for await (const item of baton.watch("ada", { partials: true }))
    if (item.kind === "partial") chunks.push(item.chunk);
  return { baton, chunks, log, outcome: await run.outcome() };
}

/** The one attempt is made, so that its failure is the run's. */
export const ONCE = { retry: { attempts: 1 } } as const;

/** As many as are left out, one right behind the other. */
export const QUICKLY = {
  retry: { attempts: 3, backoff: { baseMs: 0, factor: 1, maxMs: 0, jitter: 0 } },
} as const;

export async function usageIn(baton: Baton): Promise<RunReport["usage"]> {
  return (await baton.report("ada")).usage;
}

/** What of its context a call looks at. */
export function callContext(more: Partial<AgentContext> = {}): AgentContext {
  const context = {
    signal: new AbortController().signal,
    run: "r",
    idempotencyKey: "k",
    traceparent: "t",
    usage: () => {},
    stream: () => {},
    heartbeat: () => {},
    remainingMs: () => undefined,
    ...more,
  };
  // The rest of it is not looked at.
  return context as unknown as AgentContext;
}
