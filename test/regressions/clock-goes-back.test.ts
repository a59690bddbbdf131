/** An item of a map whose retry was due waits for its place among those that execute; meanwhile the wall clock goes back. */
import { describeSimulation, simulate } from "baton/testing";
import { expect, test } from "vitest";
import { randomOptions, randomWorkflow } from "../sim/random-workflow.ts";

test("promise 11: an item whose retry was due is not forgotten when the clock goes back", async () => {
  const seed = 1_006_328;
  const report = await simulate(randomWorkflow(seed), {
    ...randomOptions(seed),
    faults: { clockJump: 1 },
  });
  expect(report.faults["clockJump"]).toBeGreaterThan(0);
  expect(report.failures, describeSimulation(report).join("\n")).toEqual([]);
});
