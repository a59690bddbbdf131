/** At-most-once agents in lives made by chance: none is called again while an earlier attempt may have acted. */
import { agent, contract, workflow } from "baton";
import { describeSimulation, simulate } from "baton/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { seedsOf } from "./seeds.ts";

const No = contract("no", "1.0.0", z.number());
const shared = { version: "1.0.0", input: No, output: No, timeout: "10s" } as const;
const asks = agent({ ...shared, name: "asks", delivery: "at-most-once", execute: (n) => n + 1 });
const probes = agent({
  ...shared,
  name: "probes",
  delivery: "at-most-once",
  execute: (n) => n + 2,
  // The simulation's own world outside answers in its place.
  probe: () => ({ kind: "unknown" }),
});
const plain = agent({ ...shared, name: "plain", execute: (n) => n + 3 });

const flow = workflow("once", "1.0.0", { input: No })
  .step("a", probes, { input: ({ input }) => input })
  .step("b", asks, { input: ({ input }) => input })
  .step("c", plain, { needs: ["a"], input: ({ a }) => a })
  .map("each", probes, { needs: ["c"], over: ({ c }) => [c, 1, 2], input: (n) => n })
  .output(({ b, each }) => [b, ...each]);

test("promises 3, 4, 8 and 11 hold for at-most-once agents, whatever goes wrong", async () => {
  const { from, count } = seedsOf(60);
  console.log(`at-most-once: seeds ${from} to ${from + count - 1}`);
  const answers = new Set<unknown>();
  const report = await simulate(flow, {
    invariants: ({ entries }) => {
      for (const { entry } of entries)
        if (entry.kind === "attempt.probed") answers.add(entry.payload["answer"]);
      return [];
    },
    agents: { asks: (n: number) => n + 1, probes: (n: number) => n + 2 },
    inputs: [1, 2, 3],
    faults: { agentFailure: 0.1 },
    seeds: { from, count },
  });
  expect(report.failures.length === 0 ? "" : describeSimulation(report).join("\n")).toBe("");
  if (count >= 60) expect([...answers]).toEqual(expect.arrayContaining(["done", "notDone"]));
}, 600_000);
