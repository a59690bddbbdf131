/** A probe that is announced was let through before it began: another may follow it a cooldown after that. */
import { describeSimulation, simulate } from "baton/testing";
import { expect, test } from "vitest";
import { randomOptions, randomWorkflow } from "./random-workflow.ts";

test("a probe that waited for its entry counts from when it was announced (seed 8007874)", async () => {
  const report = await simulate(randomWorkflow(8_007_874), randomOptions(8_007_874));
  expect(report.failures.length === 0 ? "" : describeSimulation(report).join("\n")).toBe("");
});
