/** `baton simulate`, in a project of its own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { recordingTerminal } from "./recording-terminal.ts";

// Inside the repository, so that the project finds zod.
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(ROOT, "node_modules", ".baton-simulate-test-"));

const CONFIG = `import { agent, choreography, contract, defineConfig, on, topic, workflow } from "baton";
import { z } from "zod";
const count = contract("count", "1.0.0", z.number());
const pay = agent({ name: "pay", version: "1.0.0", input: count, output: count, sideEffects: true, compensate: () => {},
  execute: () => { throw new Error("must not be called"); } });
const flow = (name: string) => workflow(name, "1.0.0", { input: count })
  .step("a", pay, { input: ({ input }) => input }).output(({ a }) => a);
const [Asked, Told] = [topic("asked", count), topic("told", count)];
const answering = choreography("answering", "1.0.0", { starts: Asked, subscriptions: { tell: on(Asked, pay, { publishes: Told }) } });
const asking = workflow("asking", "1.0.0", { input: count })
  .emit("asks", Asked, { data: ({ input }) => input })
  .awaitEvent("told", Told, { needs: ["asks"], timeout: "1h" }).output(({ told }) => told);
export default defineConfig({ workflows: [flow("paid"), flow("bare"), answering, asking], simulation: {
  inputs: { paid: [1, 2], asking: [3] }, agents: { pay: (n: number) => n + 1, other: { answers: [1] } } } });
`;

beforeAll(() => writeFileSync(join(folder, "baton.config.ts"), CONFIG));
afterAll(() => rmSync(folder, { recursive: true }));

async function baton(...argv: readonly string[]) {
  const terminal = recordingTerminal({ cwd: folder });
  const code = await runProgram(argv, terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

test("simulate runs the seeds that it is told, with the config's fakes, and prints the range", async () => {
  const said = await baton("simulate", "paid", "--seeds", "5", "--from", "7");
  expect(said).toMatchObject({ code: 0, err: "" });
  expect(said.out).toMatch(/^ok {2}paid@1\.0\.0: seeds 7 to 11: \d+ runs, /);
});

test("simulate --json prints one document", async () => {
  const { code, out } = await baton("simulate", "paid", "--seeds", "3", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    workflow: "paid@1.0.0",
    from: 1_700_000_000,
    count: 3,
    failures: [],
  });
});

test("simulate opens what takes a workflow's events beside it", async () => {
  const { code, out } = await baton("simulate", "asking", "--seeds", "5", "--from", "1", "--json");
  expect(code).toBe(0);
  const { runs, calls } = JSON.parse(out) as { readonly runs: number; readonly calls: number };
  // Each asking run has begun one that answers, whose agent was called.
  expect(calls).toBeGreaterThan(5);
  expect(runs).toBeGreaterThan(9);
});

test("simulate says what it lacks", async () => {
  expect(await baton("simulate", "bare")).toMatchObject({ code: 2 });
  expect((await baton("simulate", "bare")).err).toContain('simulation: { inputs: { "bare"');
  expect(await baton("simulate", "nobody")).toMatchObject({ code: 3 });
});
