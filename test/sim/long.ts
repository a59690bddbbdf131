/** Long simulations: the credit decision, workflows and choreographies made by chance, seed after seed. See scripts/sim.mjs. */
import { describeSimulation, simulate, type SimulationReport } from "baton/testing";
import { pullReport } from "../../examples/credit-decision/bureau.ts";
import { makeApplication } from "../../examples/credit-decision/people.ts";
import { creditDecision } from "../../examples/credit-decision/workflow.ts";
import { eventfulOptions, randomEventful } from "./random-choreography.ts";
import { randomOptions, randomWorkflow } from "./random-workflow.ts";

/** What seeds are of: `all` by turns. */
export type Kind = "all" | "choreographies" | "credit" | "workflows";

/**
 * One seed: an odd one takes the credit decision, an even one a workflow made by chance, or a choreography with what is
 * beside it: every fourth. Gives what broke, in lines.
 */
export async function simulateSeed(seed: number, kind: Kind = "all"): Promise<readonly string[]> {
  const which = kind === "all" ? "" : ` --only ${kind}`;
  const repeat = () => `npm run sim -- --seeds 1 --from ${seed}${which}`;
  const report = await simulateKind(seed, kind === "all" ? kindOf(seed) : kind, repeat);
  return report.failures.length === 0 ? [] : describeSimulation(report);
}

function kindOf(seed: number): Exclude<Kind, "all"> {
  if (seed % 2 === 1) return "credit";
  return seed % 4 === 2 ? "choreographies" : "workflows";
}

async function simulateKind(
  seed: number,
  kind: Exclude<Kind, "all">,
  repeat: () => string,
): Promise<SimulationReport> {
  switch (kind) {
    case "workflows":
      return await simulate(randomWorkflow(seed), { ...randomOptions(seed), repeat });
    case "choreographies": {
      const { main, ...more } = randomEventful(seed);
      return await simulate(main, { ...eventfulOptions(seed), ...more, repeat });
    }
    case "credit":
      return await simulate(creditDecision, {
        inputs: Array.from({ length: 3 }, (_, i) => makeApplication({ seed, number: i + 1 })),
        agents: {
          "credit-score": (question, { idempotencyKey }) =>
            pullReport(question, { key: idempotencyKey }),
        },
        seeds: { from: seed, count: 1 },
        repeat,
      });
  }
}
