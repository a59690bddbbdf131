/** Choreographies made by chance, with workflows beside them that publish and await, in lives made by chance. */
import { describeSimulation, simulate } from "baton/testing";
import { expect, test } from "vitest";
import { eventfulOptions, randomEventful } from "./random-choreography.ts";
import { seedsOf } from "./seeds.ts";

test("what is promised of events holds for choreographies of every shape, whatever goes wrong", async () => {
  const { from, count } = seedsOf(100);
  console.log(`random choreographies: seeds ${from} to ${from + count - 1}`);
  const failures: string[] = [];
  const ends = new Set<string>();
  const faults = new Set<string>();
  for (let seed = from; seed < from + count && failures.length === 0; seed += 1) {
    const { main, ...beside } = randomEventful(seed);
    const report = await simulate(main, {
      ...eventfulOptions(seed),
      ...beside,
      repeat: (each) => `npm run sim -- --seeds 1 --from ${each} --only choreographies`,
    });
    for (const end of Object.keys(report.ends)) ends.add(end);
    for (const fault of Object.keys(report.faults)) faults.add(fault);
    if (report.failures.length > 0) failures.push(...describeSimulation(report));
  }
  expect(failures.join("\n")).toBe("");
  if (count < 100) return;
  expect([...ends]).toEqual(
    expect.arrayContaining(["run.completed", "run.failed", "run.compensated"]),
  );
  expect([...faults]).toEqual(
    expect.arrayContaining(["pause", "rewind", "duplicate", "leaseLoss"]),
  );
}, 600_000);

test("the same seed gives the same journal, byte for byte", async () => {
  for (const seed of [2, 3, 5, 9]) {
    const { main, ...beside } = randomEventful(seed);
    const options = { ...eventfulOptions(seed), ...beside };
    const [first, again] = [await simulate(main, options), await simulate(main, options)];
    expect([...again.digests]).toEqual([...first.digests]);
  }
});
