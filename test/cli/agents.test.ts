/** `baton agents`: what bounds the calls of each. */
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
const kept = agent({ name: "kept", version: "1.0.0", input: Name, output: Name, execute: (it) => it });
const greeter = agent({
  name: "greeter", version: "1.0.0", input: Name, output: Name, timeout: "5s",
  retry: { attempts: 2, budget: { share: 0, least: 0 } },
  concurrency: 10, queue: 100,
  rate: { calls: 100, per: "1m", burst: 5, key: ({ name }) => name },
  breaker: { whenOpen: { fallback: kept } },
  execute: ({ name }) => {
    throw new Error("nobody there");
  },
});
const old = agent({ name: "old", version: "1.0.0", input: Name, output: Name, execute: (it) => it });
const greet = workflow("greet", "1.0.0", { input: Name })
  .step("greet", greeter, { input: ({ input }) => input })
  .output(({ greet }) => greet);
export default defineConfig({ workflows: [greet], agents: [old] });
`;

async function baton(...argv: readonly string[]) {
  const terminal = recordingTerminal({ cwd: folder });
  const code = await runProgram(argv, terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

beforeAll(() => writeFileSync(join(folder, "baton.config.ts"), CONFIG));
afterAll(() => rmSync(folder, { recursive: true }));

test("every agent is listed with its bounds, fallbacks and older versions too", async () => {
  const { code, out } = await baton("agents");
  expect(code).toBe(0);
  expect(out).toMatch(
    /greeter@1\.0\.0 +5s +2 \(0% \+ 0\) +10 \+ 100 +100\/1m, burst 5, by key +greeter/,
  );
  expect(out).toMatch(/kept@1\.0\.0 +3\s/);
  expect(out).toMatch(/old@1\.0\.0 +3\s/);
});

test("--json gives the same as data, with the workflows that call each", async () => {
  const { out } = await baton("agents", "--json");
  const listed: unknown = JSON.parse(out);
  expect(listed).toEqual([
    {
      agent: "greeter@1.0.0",
      timeoutMs: 5_000,
      attempts: 2,
      retryBudget: { share: 0, least: 0 },
      concurrency: 10,
      queue: 100,
      rate: { name: "greeter", calls: 100, perMs: 60_000, burst: 5, byKey: true },
      breaker: "greeter",
      workflows: ["greet@1.0.0"],
    },
    { agent: "kept@1.0.0", attempts: 3, workflows: ["greet@1.0.0"] },
    { agent: "old@1.0.0", attempts: 3, workflows: [] },
  ]);
});

test("`baton show` says where no retry was made for a spent budget", async () => {
  await baton("run", "greet", "--id", "r", "--input", '{"name":"ada"}');
  expect((await baton("show", "r")).out).toContain("the retry budget of greeter@1.0.0 is spent");
});
