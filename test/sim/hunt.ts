/** Looks for a seed that breaks a promise, over what is made by chance. Loaded anew for each bug that is planted in the sources. */
import { describeSimulation, type FaultRates, simulate } from "baton/testing";
import { eventfulOptions, randomEventful } from "./random-choreography.ts";
import { randomOptions, randomWorkflow } from "./random-workflow.ts";

/** Where a bug is looked for. */
export type Hunted = "workflows" | "choreographies";

/** What the first failing seed broke, in lines; undefined if none did. */
export async function hunt(
  seeds: { readonly from: number; readonly count: number },
  more: Partial<FaultRates> = {},
  hunted: Hunted = "workflows",
): Promise<readonly string[] | undefined> {
  for (let seed = seeds.from; seed < seeds.from + seeds.count; seed += 1) {
    const { main, ...options } =
      hunted === "workflows"
        ? { main: randomWorkflow(seed), ...randomOptions(seed) }
        : { ...eventfulOptions(seed), ...randomEventful(seed) };
    const faults = { ...options.faults, ...more };
    const report = await simulate(main, { ...options, faults, shrinks: false });
    if (report.failures.length > 0) return describeSimulation(report);
  }
  return undefined;
}
