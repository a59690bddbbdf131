/** The commands about savepoints and pivots: compensate --to, and what the others say of a run that went back a little. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { recordingTerminal } from "./recording-terminal.ts";

// Inside the repository, so that the project finds zod.
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(ROOT, "node_modules", ".baton-cli-test-"));

const CONFIG = `
import { agent, contract, defineConfig, workflow } from "baton";
import { z } from "zod";
const Trip = contract("trip", "1.0.0", z.object({ city: z.string() }));
const common = { version: "1.0.0", input: Trip, output: Trip, timeout: "5s", retry: { attempts: 1 } };
const quote = agent({ ...common, name: "quote", execute: (trip) => trip });
const seat = agent({ ...common, name: "seat", execute: (trip) => trip, compensate: () => {} });
const pay = agent({ ...common, name: "pay", execute: (trip, { turn }) => {
  if (turn === 0) throw new Error("the seat was sold");
  return trip;
} });
const print = agent({ ...common, name: "print", execute: () => { throw new Error("no paper"); } });
const base = (name) => workflow(name, "1.0.0", { input: Trip })
  .step("quote", quote, { input: ({ input }) => input, savepoint: true })
  .step("seat", seat, { needs: ["quote"], input: ({ quote }) => quote })
  .step("pay", pay, { needs: ["seat"], input: ({ seat }) => seat, pivot: name === "paid" });
const trip = base("trip").output(({ pay }) => pay);
const paid = base("paid")
  .step("ticket", print, { needs: ["pay"], input: ({ pay }) => pay })
  .output(({ ticket }) => ticket);
export default defineConfig({ workflows: [trip, paid] });
`;

let count = 0;

async function baton(...argv: readonly string[]) {
  const terminal = recordingTerminal({ cwd: folder, columns: 200 });
  const code = await runProgram([...argv, "--store", join(folder, `${count}.db`)], terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

beforeAll(() => writeFileSync(join(folder, "baton.config.ts"), CONFIG));
afterAll(() => rmSync(folder, { recursive: true }));
// A store of its own for each test.
beforeEach(() => {
  count += 1;
});

test("a run that went back a little completes; show, graph and verify say so", async () => {
  const ran = await baton("run", "trip", "--id", "t", "--input", '{"city":"Oslo"}');
  expect(ran).toMatchObject({ code: 0 });
  const shown = await baton("show", "t");
  expect(shown.out).toMatch(/back to +quote \(version 1\), and on again at /);
  expect(shown.out).toMatch(/seat \(turn 1\) +sealed/);
  expect((await baton("show", "t", "--entries")).out).toContain("run.restored");
  const graph = await baton("graph", "trip");
  expect(graph.out).toContain("quote@1.0.0, savepoint");
  expect((await baton("graph", "--run", "t")).out).toMatch(/sealed +seat/);
  expect((await baton("verify")).code).toBe(0);
  expect((await baton("replay", "t")).code).toBe(0);
});

test("compensate --to goes back to a savepoint and on, also of a run that has completed", async () => {
  await baton("run", "trip", "--id", "t", "--input", '{"city":"Oslo"}');
  const none = await baton("compensate", "t", "--to", "seat", "--reason", "x");
  expect(none).toMatchObject({ code: 3 });
  expect(none.err).toContain("has no savepoint seat that it can go back to; it has: quote");
  const back = await baton("compensate", "t", "--to", "quote", "--reason", "too dear", "--json");
  expect(JSON.parse(back.out)).toMatchObject({ id: "t", status: "completed" });
  expect(back.code).toBe(0);
  const shown = await baton("show", "t");
  expect(shown.out.match(/back to/g)).toHaveLength(2);
  expect((await baton("verify")).code).toBe(0);
});

test("behind its pivot a run is neither cancelled nor compensated", async () => {
  await baton("run", "paid", "--id", "p", "--input", '{"city":"Oslo"}');
  expect((await baton("runs")).out).toMatch(/p +paid@1\.0\.0 +parked/);
  for (const command of ["cancel", "compensate"]) {
    const said = await baton(command, "p", "--reason", "x");
    expect(said.code).not.toBe(0);
    expect(said.err).toContain("Run p has passed its pivot pay, and only goes forward.");
    expect(said.err).toContain("baton dead-letters");
  }
  expect((await baton("graph", "paid")).out).toContain("pay@1.0.0, pivot");
});
