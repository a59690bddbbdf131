import { simulate } from "baton/testing";
import { expect, test } from "vitest";
import { randomOptions, randomWorkflow } from "./random-workflow.ts";

/** A child's end was told twice, and the second time it was taken for that of the child of the next turn, which was still under way. */
test("promise 4: the end of a child run is not taken for that of the one which came after it", async () => {
  const seed = 20_261_205_012_880;
  const report = await simulate(randomWorkflow(seed), randomOptions(seed));
  expect(report.failures).toEqual([]);
});
