/** Workflows made by chance, in lives made by chance. */
import { describeSimulation, simulate } from "baton/testing";
import { expect, test } from "vitest";
import { randomOptions, randomWorkflow } from "./random-workflow.ts";
import { seedsOf } from "./seeds.ts";

test("promises 1, 3 to 8, 10, 11 and 13, and what breakers, rates and deadlines are to do, hold for workflows of every shape, whatever goes wrong", async () => {
  const { from, count } = seedsOf(140);
  console.log(`random workflows: seeds ${from} to ${from + count - 1}`);
  const failures: string[] = [];
  const ends = new Set<string>();
  for (let seed = from; seed < from + count && failures.length === 0; seed += 1) {
    const report = await simulate(randomWorkflow(seed), {
      ...randomOptions(seed),
      repeat: (each) =>
        `BATON_SIM_FROM=${each} BATON_SIM_SEEDS=1 npx vitest run test/sim/random.test.ts`,
    });
    for (const end of Object.keys(report.ends)) ends.add(end);
    if (report.failures.length > 0) failures.push(...describeSimulation(report));
  }
  expect(failures.join("\n")).toBe("");
  if (count >= 100)
    expect([...ends]).toEqual(
      expect.arrayContaining(["run.completed", "run.failed", "run.compensated"]),
    );
}, 600_000);
