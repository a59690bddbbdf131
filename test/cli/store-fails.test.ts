/** A store that fails once a run is under way: nothing is started any more that could meet the failure, and the command still ends. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { recordingTerminal } from "./recording-terminal.ts";

// Inside the repository, so that the project finds zod.
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(ROOT, "node_modules", ".baton-store-fails-test-"));

// The first append registers the workflow, the second starts the run; the third would seal its step.
const CONFIG = `import { agent, contract, defineConfig, memory, workflow } from "baton";
import { z } from "zod";
const count = contract("count", "1.0.0", z.number());
const one = agent({ name: "one", version: "1.0.0", input: count, output: count, timeout: "5s", execute: (n: number) => n + 1 });
let appends = 0;
const store = memory();
export default defineConfig({
  workflows: [workflow("counted", "1.0.0", { input: count }).step("a", one, { input: ({ input }) => input }).output(({ a }) => a)],
  store: async (mode) => {
    const inner = await store(mode);
    return { ...inner, append: async (request) => {
      appends += 1;
      if (appends > 2) throw new Error("disk full");
      return await inner.append(request);
    } };
  },
});
`;

beforeAll(() => {
  writeFileSync(join(folder, "baton.config.ts"), CONFIG);
  writeFileSync(join(folder, "lines.jsonl"), "1\n2\n3\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

test("a batch whose every place is taken by a run that can't be sealed ends with 5, and says why", {
  timeout: 30_000,
}, async () => {
  const terminal = recordingTerminal({ cwd: folder });
  const argv = ["run", "counted", "lines.jsonl", "--in-flight", "1"];
  expect(await runProgram(argv, terminal)).toBe(5);
  expect(terminal.err()).toContain("STORE_FAILED");
});
