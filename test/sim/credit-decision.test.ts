/** The credit decision under faults, as a user's own workflow is simulated; and what a simulation itself must be. */
import { expect, test } from "vitest";
import { describeSimulation, simulate, type SimulationOptions } from "baton/testing";
import { pullReport } from "../../examples/credit-decision/bureau.ts";
import { makeApplication } from "../../examples/credit-decision/people.ts";
import { creditDecision } from "../../examples/credit-decision/workflow.ts";
import { seedsOf } from "./seeds.ts";

const OPTIONS: Omit<SimulationOptions, "seeds"> = {
  inputs: Array.from({ length: 40 }, (_, i) => makeApplication({ seed: 1, number: i + 1 })),
  agents: {
    "credit-score": (question, { idempotencyKey }) => pullReport(question, { key: idempotencyKey }),
  },
};

test("promises 1, 3 to 8, 10 and 11 hold for the credit decision, whatever goes wrong", async () => {
  const seeds = seedsOf(60);
  console.log(`credit-decision: seeds ${seeds.from} to ${seeds.from + seeds.count - 1}`);
  const report = await simulate(creditDecision, {
    ...OPTIONS,
    seeds,
    invariants: ({ run, state, output }) => {
      const approved = JSON.stringify(output ?? null).includes('"approved"');
      return approved && state["risk"] === undefined
        ? [`${run} was approved without a look at its risk.`]
        : [];
    },
  });
  expect(report.failures, describeSimulation(report).join("\n")).toEqual([]);
  expect(report.runs).toBeGreaterThan(seeds.count - 1);
}, 600_000);

test("the same seed gives the same journal, byte for byte, whatever was simulated before", async () => {
  const seeds = { from: 40, count: 12 };
  const first = await simulate(creditDecision, { ...OPTIONS, seeds });
  const again = await simulate(creditDecision, { ...OPTIONS, seeds: { from: 46, count: 6 } });
  expect([...again.digests]).toEqual([...first.digests].slice(6));
  expect(new Set(first.digests.values()).size).toBe(12);
});

test("faults of every kind happen", async () => {
  const { faults } = await simulate(creditDecision, {
    ...OPTIONS,
    faults: { compensate: 0.2, compensationFailure: 0.5 },
    seeds: { from: 1, count: 40 },
  });
  expect(Object.keys(faults).sort()).toEqual([
    "agentFailure",
    "agentHang",
    "cancel",
    "clockJump",
    "compensate",
    "compensationFailure",
    "crash",
    "crashAfter",
    "crashBefore",
    "diskFull",
    "duplicate",
    "leaseLoss",
    "loseAnswer",
    "restart",
    "slowDisk",
  ]);
});

test("an agent with side effects is not called for real, and a fake must have its agent", async () => {
  const seeds = { from: 1, count: 1 };
  await expect(simulate(creditDecision, { inputs: [1], seeds })).rejects.toMatchObject({
    code: "ARGUMENT_INVALID",
    details: { problems: ["credit-score acts on the outside world, and has no fake."] },
  });
  await expect(
    simulate(creditDecision, {
      ...OPTIONS,
      agents: { ...OPTIONS.agents, nobody: { answers: [] } },
      seeds,
    }),
  ).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
  await expect(simulate(creditDecision, { seeds })).rejects.toMatchObject({
    code: "ARGUMENT_INVALID",
  });
});
