/** Looks for a seed that breaks a promise, over workflows made by chance. Loaded anew for each bug that is planted in the sources. */
import { describeSimulation, type FaultRates, simulate } from "baton/testing";
import { randomOptions, randomWorkflow } from "./random-workflow.ts";

/** What the first failing seed broke, in lines; undefined if none did. */
export async function hunt(
  seeds: { readonly from: number; readonly count: number },
  more: Partial<FaultRates> = {},
): Promise<readonly string[] | undefined> {
  for (let seed = seeds.from; seed < seeds.from + seeds.count; seed += 1) {
    const options = randomOptions(seed);
    const faults = { ...options.faults, ...more };
    const report = await simulate(randomWorkflow(seed), { ...options, faults, shrinks: false });
    if (report.failures.length > 0) return describeSimulation(report);
  }
  return undefined;
}
