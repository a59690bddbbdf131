/** The simulator must be able to fail: each bug that is planted in a store is found within a few seeds. */
import { agent, contract, exponential, workflow } from "baton";
import { describeSimulation, type FaultRates, simulate } from "baton/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { PLANTED } from "./planted.ts";

const count = contract("count", "1.0.0", z.int());
const add = agent({
  name: "add",
  version: "1.0.0",
  input: count,
  output: count,
  timeout: "10s",
  retry: { attempts: 5, backoff: exponential("100ms") },
  execute: async (n, context) => await context.once("effect", () => n + 1),
});
const flow = workflow("flow", "1.0.0", { input: count })
  .step("a", add, { input: ({ input }) => input })
  .map("many", add, { needs: ["a"], over: ({ a }) => [a, a, a], input: (n) => n })
  .sleep("nap", { needs: ["a"], for: "1m" })
  .approval("ok", { needs: ["nap"], show: () => "?", timeout: "24h" })
  .step("b", add, { needs: ["a", "ok"], input: ({ a }) => a })
  .step("c", add, { needs: ["b", "many"], input: ({ b }) => b })
  .output(({ c }) => c);

/** Enough of everything, so that a few seeds have what shows the bug. */
const FAULTS: Partial<FaultRates> = {
  crash: 0.6,
  crashAfter: 0.03,
  leaseLoss: 0.08,
  loseAnswer: 0.05,
  duplicate: 0.6,
  cancel: 0,
};

const SEEDS = { from: 1, count: 40 };

function planted(bug: string) {
  const store = PLANTED[bug];
  if (store === undefined) throw new Error(`No store ${bug}.`);
  return store;
}

test.each(Object.keys(PLANTED))(
  "it finds a store that %s",
  async (bug) => {
    const store = planted(bug);
    const report = await simulate(flow, {
      input: 1,
      faults: FAULTS,
      seeds: SEEDS,
      store,
      failuresMax: 1,
      shrinks: false,
    });
    expect(report.failures.length).toBeGreaterThan(0);
    const [failure] = report.failures;
    expect(failure?.schedule.length).toBeLessThanOrEqual(failure?.faults ?? 0);
    if (process.env["BATON_SIM_SHOW"] === "1")
      console.log(describeSimulation(report).slice(0, 12).join("\n"));
  },
  60_000,
);

test("without a bug it finds none", async () => {
  const report = await simulate(flow, { input: 1, faults: FAULTS, seeds: SEEDS });
  expect(report.failures, describeSimulation(report).join("\n")).toEqual([]);
});

test("a shrunk schedule is enough by itself, and is smaller", async () => {
  const store = planted("forgets the check of the expected seq");
  const options = { input: 1, faults: FAULTS, seeds: SEEDS, store, failuresMax: 1 };
  const { failures } = await simulate(flow, options);
  expect(failures).toHaveLength(1);
  for (const { seed, schedule, faults, repeat } of failures) {
    expect(schedule.length).toBeLessThan(faults);
    expect(repeat).toContain(`from: ${seed}`);
    const seeds = { from: seed, count: 1 };
    const again = await simulate(flow, { input: 1, faults: FAULTS, seeds, store, schedule });
    expect(again.failures).toHaveLength(1);
  }
});
