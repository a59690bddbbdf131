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
  // A fake has no outside world that could tell; this never says that nothing was done, so that none may act twice.
  probe: (n) => (n % 3 === 0 ? { kind: "unknown" } : { kind: "done", output: n + 2 }),
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
  const report = await simulate(flow, {
    agents: { asks: (n: number) => n + 1, probes: (n: number) => n + 2 },
    inputs: [1, 2, 3],
    faults: { agentFailure: 0.1 },
    seeds: { from, count },
  });
  expect(report.failures.length === 0 ? "" : describeSimulation(report).join("\n")).toBe("");
  const kinds = new Set<string>();
  for (const end of Object.keys(report.ends)) kinds.add(end);
  expect(kinds.size).toBeGreaterThan(0);
}, 600_000);
