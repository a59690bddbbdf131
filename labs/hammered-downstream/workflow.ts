/** The two agents of the lab as a workflow of Baton: the score comes from the bureau, the decision follows from it. */
import { agent, contract, exponential, type Workflow, workflow } from "baton";
import { z } from "zod";
import { type Parameters, SCORE_NEEDED } from "./parameters.ts";
import type { Fate } from "./plan.ts";

/** What becomes of an attempt that meets the breaker open; `none`: there is no breaker, retries alone. */
export type Policy = "none" | "wait" | "fallback";

const Customer = contract("lab.customer", "1.0.0", z.object({ id: z.string() }));
const Score = contract("lab.score", "1.0.0", z.object({ score: z.int(), onFile: z.boolean() }));
export const decisionSchema = z.object({ approved: z.boolean(), onFallback: z.boolean() });
const Decision = contract("lab.decision", "1.0.0", decisionSchema);

/** What the agents are given from outside. */
export interface World {
  readonly fateOf: (run: string) => Fate;
  readonly pull: (fate: Fate) => Promise<number>;
}

type Decided = z.infer<typeof decisionSchema>;

/** The workflow, with the parameters of the plan as policies of its agents. */
export function labWorkflow(
  { fateOf, pull }: World,
  parameters: Parameters,
  policy: Policy,
): Workflow<{ readonly id: string }, Decided> {
  const { attempts, firstPauseMs, longestPauseMs, cooldownMs } = parameters;
  const lastKnownScore = agent({
    ...{ name: "last-known-score", version: "1.0.0", input: Customer, output: Score },
    timeout: "5s",
    execute: ({ id }) => ({ score: fateOf(id).scoreOnFile, onFile: true }),
  });
  const creditScore = agent({
    ...{ name: "credit-score", version: "1.0.0", input: Customer, output: Score },
    timeout: `${parameters.timeoutMs}ms`,
    concurrency: parameters.callsAtOnce,
    retry: {
      attempts,
      backoff: exponential(`${firstPauseMs}ms`, { max: `${longestPauseMs}ms`, jitter: 0.5 }),
    },
    ...(policy === "none"
      ? {}
      : {
          breaker: {
            name: "bureau",
            failures: parameters.breakerFailures,
            cooldown: `${cooldownMs}ms`,
            probes: parameters.probes,
            whenOpen: policy === "wait" ? "wait" : { fallback: lastKnownScore },
          },
        }),
    execute: async ({ id }, { signal }) => ({
      score: await unlessAborted(pull(fateOf(id)), signal),
      onFile: false,
    }),
  });
  const decide = agent({
    ...{ name: "decide", version: "1.0.0", input: Score, output: Decision, timeout: "5s" },
    execute: ({ score, onFile }) => ({ approved: score >= SCORE_NEEDED, onFallback: onFile }),
  });
  return workflow("lab.scoring", "1.0.0", { input: Customer, output: Decision })
    .step("score", creditScore, { input: ({ input }) => input })
    .step("decision", decide, { needs: ["score"], input: ({ score }) => score })
    .output(({ decision }) => decision);
}

/** As with `fetch`: who called is told at once when the attempt is over. The bureau is not. */
async function unlessAborted<X>(call: Promise<X>, signal: AbortSignal): Promise<X> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("The bureau did not answer.")));
  });
  return await Promise.race([call, aborted]);
}
