/** Workflows made by chance, in lives made by chance. */
import { describeSimulation, simulate } from "baton/testing";
import { expect, test } from "vitest";
import { randomWorkflow } from "./random-workflow.ts";

const FROM = Number(process.env["SIM_FROM"] ?? 1);
const COUNT = Number(process.env["SIM_SEEDS"] ?? 20);

test("scratch", async () => {
  const t = performance.now();
  const ends: Record<string, number> = {};
  const faults: Record<string, number> = {};
  let bad = 0;
  for (let seed = FROM; seed < FROM + COUNT && bad < 4; seed += 1) {
    const report = await simulate(randomWorkflow(seed), {
      inputs: [1, 2, { a: 3 }],
      answers: { },
      seeds: { from: seed, count: 1 },
    });
    for (const [k, n] of Object.entries(report.ends)) ends[k] = (ends[k] ?? 0) + n;
    for (const [k, n] of Object.entries(report.faults)) faults[k] = (faults[k] ?? 0) + n;
    if (report.failures.length > 0) { bad += 1; console.log(describeSimulation(report).join("\n")); }
  }
  console.log(COUNT, performance.now() - t, ends, faults);
  expect(bad).toBe(0);
}, 600_000);
