/** `baton budgets` on a project whose agents share a budget. */
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
import { agent, budget, contract, defineConfig, workflow } from "baton";
import { z } from "zod";

const Name = contract("name", "1.0.0", z.object({ name: z.string() }));
const Text = contract("text", "1.0.0", z.object({ text: z.string() }));
const spend = budget("spend", { tokens: 1500, money: "5 EUR", calls: 2, time: "1h", per: "7d", whenSpent: "wait" });
const greeter = agent({
  name: "greeter", version: "1.0.0", input: Name, output: Text, timeout: "1m",
  budgets: [spend], maximum: { tokens: 1000, money: "1 EUR" },
  execute: ({ name }, context) => {
    context.usage({ model: "fable", inputTokens: 500, outputTokens: 100 });
    return { text: "Dear " + name };
  },
});
const greet = workflow("greet", "1.0.0", { input: Name })
  .step("greet", greeter, { input: ({ input }) => input })
  .output(({ greet }) => greet);
export default defineConfig({
  workflows: [greet],
  prices: { fable: { inputPerMillion: "1000", outputPerMillion: "2000", currency: "EUR" } },
});
`;

async function baton(...argv: readonly string[]) {
  const terminal = recordingTerminal({ cwd: folder });
  const code = await runProgram(argv, terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

beforeAll(async () => {
  writeFileSync(join(folder, "baton.config.ts"), CONFIG);
  await baton("run", "greet", "--id", "r0", "--input", '{"name":"a"}');
  await baton("run", "greet", "--id", "r1", "--input", '{"name":"b"}');
});

afterAll(() => rmSync(folder, { recursive: true }));

test("the list shows each measure: limit, spent, reserved and left; --json gives the same as data", async () => {
  const { code, out } = await baton("budgets");
  expect(code).toBe(0);
  expect(out).toMatch(/spend\s+tokens\s+1,500\s+600\s+0\s+900/);
  expect(out).toMatch(/money\s+5 EUR\s+0.7 EUR\s+0 EUR\s+4.3 EUR/);
  expect(out).toMatch(/calls\s+2\s+1\s+0\s+1/);
  const { out: json } = await baton("budgets", "--json");
  expect(JSON.parse(json)).toMatchObject([{ name: "spend", spent: { tokens: 600, calls: 1 } }]);
});

test("the list of one name has that one alone", async () => {
  const { out } = await baton("budgets", "list", "spend", "--json");
  expect(JSON.parse(out)).toMatchObject([{ name: "spend" }]);
});

test("show names the runs that wait, and show of a run names the budget", async () => {
  const { out } = await baton("budgets", "show", "spend");
  expect(out).toContain("when spent: runs wait");
  expect(out).toContain("used by: greeter@1.0.0");
  expect(out).toContain("waiting: r1");
  const run = await baton("show", "r1");
  expect(run.out).toContain("waits for the budget spend");
  expect(run.out).toContain("next:  baton budgets");
});

test("raise is recorded with who and why, and says what is left now", async () => {
  const { code, out } = await baton(
    ...["budgets", "raise", "spend", "--tokens", "1000", "--by", "ada", "--reason", "month's end"],
  );
  expect(code).toBe(0);
  expect(out).toContain("raised: spend, by ada: month's end; left: ");
  const { out: after } = await baton("budgets", "show", "spend");
  expect(after).toContain("raised by: 1,000 tokens");
});

test("what is not there, and what adds nothing, is refused", async () => {
  expect((await baton("budgets", "show", "none")).err).toContain("There are: spend.");
  expect((await baton("budgets", "raise", "none", "--calls", "1")).code).toBe(3);
  expect((await baton("budgets", "raise", "spend")).err).toContain("adds nothing");
  expect((await baton("budgets", "raise", "spend", "--money", "5 USD")).err).toContain("EUR");
  expect((await baton("budgets", "raise")).code).toBe(2);
});
