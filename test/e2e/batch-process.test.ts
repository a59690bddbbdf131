/** `baton run` on a file of inputs, as a real process that is told to stop, or whose disk is full. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { JITI, projectPath } from "./real-process.ts";

const LINES = 300;

const CONFIG = `import { appendFileSync } from "node:fs";
import { agent, contract, defineConfig, workflow } from "baton";
import { sqlite } from "baton/sqlite";
import { z } from "zod";
const Line = contract("line", "1.0.0", z.object({ no: z.int() }));
const take = (name) => agent({
  name, version: "1.0.0", input: Line, output: Line, timeout: "10s",
  execute: async (line) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    appendFileSync("executions.tsv", line.no + " " + name + "\\n");
    return line;
  },
});
const bytes = process.env.FILE_BYTES_MAX;
export default defineConfig({
  store: sqlite("batch.db", bytes === undefined ? {} : { fileBytesMax: Number(bytes) }),
  workflows: [
    workflow("take", "1.0.0", { input: Line })
      .step("first", take("first"), { input: ({ input }) => input })
      .step("second", take("second"), { needs: ["first"], input: ({ first }) => first })
      .output(({ second }) => second),
  ],
});
`;

let folder: string;

beforeEach(() => {
  // Beside the packages that the config imports.
  folder = mkdtempSync(projectPath("node_modules/.baton-batch-"));
  writeFileSync(join(folder, "baton.config.ts"), CONFIG);
  writeFileSync(join(folder, "executions.tsv"), "");
  const lines = Array.from({ length: LINES }, (_, no) => JSON.stringify({ no }));
  writeFileSync(join(folder, "lines.jsonl"), `${lines.join("\n")}\n`);
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function batch(more: Readonly<Record<string, string>> = {}): {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
} {
  const argv = ["run", "take", "lines.jsonl", "--json", "--in-flight", "10"];
  const env = { ...process.env, JITI_FS_CACHE: join(folder, "compiled"), ...more };
  const child = spawn(process.execPath, [JITI, projectPath("src/cli/main.ts"), ...argv], {
    cwd: folder,
    env,
  });
  const written = { out: "", err: "" };
  child.stdout.on("data", (chunk) => (written.out += String(chunk)));
  child.stderr.on("data", (chunk) => (written.err += String(chunk)));
  return { child, ended: once(child, "close").then(() => ({ code: child.exitCode, ...written })) };
}

function executions(): readonly string[] {
  return readFileSync(join(folder, "executions.tsv"), "utf8").split("\n").slice(0, -1);
}

function summaryOf({ out }: Ended): unknown {
  return JSON.parse(out.trimEnd().split("\n").at(-1) ?? "");
}

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s in the middle of a batch: what is under way is sealed, 130, and the next one goes on without repeating anything",
  async (signal) => {
    const { child, ended } = batch();
    while (executions().length < 40 && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill(signal);
    const stopped = await ended;
    expect(stopped.code).toBe(130);
    expect(executions().length).toBeLessThan(2 * LINES);
    const again = await batch().ended;
    expect(again.code).toBe(0);
    expect(summaryOf(again)).toMatchObject({ summary: { statuses: { completed: LINES } } });
    expect(executions()).toHaveLength(2 * LINES);
    expect(new Set(executions()).size).toBe(2 * LINES);
  },
  60_000,
);

test("a batch on a full disk ends with 5 and says so; with more room it goes on, and repeats only what was not sealed", {
  timeout: 60_000,
}, async () => {
  const full = await batch({ FILE_BYTES_MAX: "300000" }).ended;
  expect(full).toMatchObject({ code: 5, err: expect.stringContaining("STORE_FAILED") });
  expect(full.err).toMatch(/full/);
  const before = executions();
  expect(before.length).toBeGreaterThan(20);
  const again = await batch().ended;
  expect(again.code).toBe(0);
  expect(summaryOf(again)).toMatchObject({ summary: { statuses: { completed: LINES } } });
  expect(new Set(executions()).size).toBe(2 * LINES);
  // At most the ten that were in flight had an answer that could not be sealed.
  expect(executions().length - 2 * LINES).toBeLessThanOrEqual(10);
});
