/** Long simulations: the credit decision and workflows made by chance, seed after seed. See scripts/sim.mjs. */
import { describeSimulation, simulate } from "baton/testing";
import { pullReport } from "../../examples/credit-decision/bureau.ts";
import { makeApplication } from "../../examples/credit-decision/people.ts";
import { creditDecision } from "../../examples/credit-decision/workflow.ts";
import { randomOptions, randomWorkflow } from "./random-workflow.ts";

/** One seed: an odd one takes the credit decision, an even one a workflow made by chance. Gives what broke, in lines. */
export async function simulateSeed(seed: number): Promise<readonly string[]> {
  const seeds = { from: seed, count: 1 };
  const repeat = () => `npm run sim -- --seeds 1 --from ${seed}`;
  const report =
    seed % 2 === 1
      ? await simulate(creditDecision, {
          inputs: Array.from({ length: 3 }, (_, i) => makeApplication({ seed, number: i + 1 })),
          agents: {
            "credit-score": (question, { idempotencyKey }) =>
              pullReport(question, { key: idempotencyKey }),
          },
          seeds,
          repeat,
        })
      : await simulate(randomWorkflow(seed), { ...randomOptions(seed), repeat });
  return report.failures.length === 0 ? [] : describeSimulation(report);
}
