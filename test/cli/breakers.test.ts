/** `baton breakers` on a project whose agent stands behind a breaker. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { recordingTerminal } from "./recording-terminal.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
// Inside the repository, so that the project finds zod.
const folder = mkdtempSync(join(ROOT, "node_modules", ".baton-cli-test-"));

const CONFIG = `
import { agent, contract, defineConfig, workflow } from "baton";
import { z } from "zod";

const Name = contract("name", "1.0.0", z.object({ name: z.string() }));
const Text = contract("text", "1.0.0", z.object({ text: z.string() }));
const kept = agent({
  name: "kept", version: "1.0.0", input: Name, output: Text,
  execute: ({ name }) => ({ text: "kept " + name }),
});
const greeter = agent({
  name: "greeter", version: "1.0.0", input: Name, output: Text, retry: { attempts: 1 },
  breaker: { name: "greetings", failures: 1, whenOpen: { fallback: kept } },
  execute: ({ name }) => {
    if (name === "down") throw new Error("nobody there");
    return { text: "Dear " + name };
  },
});
const patient = agent({
  name: "patient", version: "1.0.0", input: Name, output: Text,
  breaker: { name: "slow" },
  execute: ({ name }) => ({ text: name }),
});
const greet = workflow("greet", "1.0.0", { input: Name })
  .step("greet", greeter, { input: ({ input }) => input })
  .output(({ greet }) => greet);
const wait = workflow("wait", "1.0.0", { input: Name })
  .step("greet", patient, { input: ({ input }) => input })
  .output(({ greet }) => greet);
export default defineConfig({ workflows: [greet, wait] });
`;

async function baton(...argv: readonly string[]) {
  const terminal = recordingTerminal({ cwd: folder });
  const code = await runProgram(argv, terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

beforeAll(async () => {
  writeFileSync(join(folder, "baton.config.ts"), CONFIG);
  await baton("run", "greet", "--id", "r0", "--input", '{"name":"down"}');
  await baton("run", "greet", "--id", "r1", "--input", '{"name":"down"}');
});

afterAll(() => rmSync(folder, { recursive: true }));

test("the list shows state, reason and agents; --json gives the same as data", async () => {
  const { code, out } = await baton("breakers");
  expect(code).toBe(0);
  expect(out).toMatch(/greetings\s+open\s+1/);
  expect(out).toContain("greeter@1.0.0");
  const { out: json } = await baton("breakers", "--json");
  expect(JSON.parse(json)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ name: "greetings", state: "open", openedCount: 1 }),
      expect.objectContaining({ name: "slow", state: "closed", openedCount: 0 }),
    ]),
  );
});

test("show and lineage say that a fallback stood in", async () => {
  expect((await baton("show", "r1")).out).toContain(
    "kept@1.0.0 stood in for greeter@1.0.0: the breaker greetings was open",
  );
  expect((await baton("lineage", "r1", "greet")).out).toContain("(fallback for greeter@1.0.0)");
});

test("open and close are recorded with who and why", async () => {
  const opened = await baton("breakers", "open", "slow", "--by", "ada", "--reason", "maintenance");
  expect(opened).toMatchObject({ code: 0, out: "open: slow, by ada: maintenance\n" });
  expect((await baton("breakers", "list", "slow")).out).toMatch(
    /slow\s+open\s+1\s+closed by hand\s+ada\s+maintenance/,
  );
  const { out } = await baton("breakers", "close", "slow", "--by", "eve", "--json");
  expect(JSON.parse(out)).toMatchObject({ state: "closed", by: { kind: "person", id: "eve" } });
  expect((await baton("verify")).code).toBe(0);
});

test("a breaker that nobody knows is not found; one must be named; the action is checked", async () => {
  const unknown = await baton("breakers", "open", "nobody");
  expect(unknown.code).toBe(3);
  expect(unknown.err).toContain("There are: greetings, slow.");
  expect((await baton("breakers", "close")).code).toBe(2);
  expect((await baton("breakers", "explode", "slow")).code).toBe(2);
  expect((await baton("breakers", "list", "nobody", "--json")).code).toBe(3);
});
