/** The real process: streams, signals and exit codes. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MAIN = join(ROOT, "src", "cli", "main.ts");
// Runs TypeScript as it stands, so that this test needs no build.
const JITI = join(ROOT, "node_modules", "jiti", "lib", "jiti-cli.mjs");
const folder = mkdtempSync(join(ROOT, "node_modules", ".baton-cli-process-"));

const ENV = { ...process.env, JITI_FS_CACHE: join(folder, "compiled") };

const CONFIG = `import { agent, contract, defineConfig, workflow } from "baton";
import { z } from "zod";
const Any = contract("any", "1.0.0", z.object({ ms: z.int() }));
const nap = agent({
  name: "nap", version: "1.0.0", input: Any, output: Any, timeout: "60s",
  execute: async (input, { signal, log }) => {
    console.error("napping");
    log.warn("it is dark");
    await new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, input.ms);
      signal.addEventListener("abort", () => { clearTimeout(timer); reject(new Error("woken")); });
    });
    return input;
  },
});
// A handle that a user's code forgets must not keep the command from ending.
setInterval(() => undefined, 60_000);
export default defineConfig({ workflows: [
  workflow("nap", "1.0.0", { input: Any }).step("nap", nap, { input: ({ input }) => input }).output(({ nap }) => nap),
] });
`;

beforeAll(() => writeFileSync(join(folder, "baton.config.ts"), CONFIG));
afterAll(() => rmSync(folder, { recursive: true }));

interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<{
    readonly code: number | null;
    readonly out: string;
    readonly err: string;
  }>;
  /** Resolves once stderr has said this. */
  readonly said: (text: string) => Promise<void>;
}

function start(...argv: readonly string[]): Running {
  const child = spawn(process.execPath, [JITI, MAIN, ...argv], { cwd: folder, env: ENV });
  const written = { out: "", err: "" };
  child.stdout.on("data", (chunk) => (written.out += String(chunk)));
  child.stderr.on("data", (chunk) => (written.err += String(chunk)));
  const closed = once(child, "close");
  return {
    child,
    ended: closed.then(() => ({ code: child.exitCode, ...written })),
    said: async (text) => {
      while (!written.err.includes(text)) await Promise.race([once(child.stderr, "data"), closed]);
    },
  };
}

test("it runs, prints, and ends although a timer is still there", { timeout: 60_000 }, async () => {
  const { ended } = start("run", "nap", "--id", "short", "--input", '{"ms":1}', "--json");
  expect(await ended).toMatchObject({
    code: 0,
    out: expect.stringContaining('"status":"completed"'),
  });
});

test("a reader of stdout that had enough ends no work: every line is run, and the store closed", {
  timeout: 60_000,
}, async () => {
  const lines = Array.from({ length: 300 }, () => '{"ms":1}\n');
  writeFileSync(join(folder, "many.jsonl"), lines.join(""));
  const batch = start("run", "nap", "many.jsonl", "--json", "--in-flight", "4", "--store", "m.db");
  await once(batch.child.stdout, "data");
  batch.child.stdout.destroy();
  expect((await batch.ended).code).toBe(0);
  const listed = start(
    "runs",
    "--store",
    "m.db",
    "--status",
    "completed",
    "--limit",
    "999",
    "--json",
  );
  const { out } = await listed.ended;
  expect(JSON.parse(out)).toHaveLength(lines.length);
});

test("a warning that nobody reads ends no work", { timeout: 60_000 }, async () => {
  const quiet = start("run", "nap", "--input", '{"ms":1}', "--json", "--store", "q.db");
  quiet.child.stderr.destroy();
  expect(await quiet.ended).toMatchObject({
    code: 0,
    out: expect.stringContaining('"status":"completed"'),
  });
});

test.skipIf(!existsSync("/dev/full"))(
  "what could not be printed is told, and its work is done",
  {
    timeout: 60_000,
  },
  async () => {
    const full = openSync("/dev/full", "w");
    onTestFinished(() => closeSync(full));
    const argv = ["run", "nap", "--id", "unheard", "--input", '{"ms":1}', "--store", "f.db"];
    const child = spawn(process.execPath, [JITI, MAIN, ...argv], {
      cwd: folder,
      env: ENV,
      stdio: ["ignore", full, "pipe"],
    });
    let err = "";
    child.stderr?.on("data", (chunk) => (err += String(chunk)));
    await once(child, "close");
    expect(child.exitCode).toBe(1);
    expect(err).toContain("error: stdout could not be written: ENOSPC");
    const { out } = await start("show", "unheard", "--store", "f.db").ended;
    expect(out).toContain("unheard  completed");
  },
);

test("while one process writes, another reads and is refused to write; Ctrl-C ends it with 130", {
  timeout: 60_000,
}, async () => {
  const writer = start("run", "nap", "--id", "long", "--input", '{"ms":45000}');
  await writer.said("napping");
  const [reading, writing] = await Promise.all([
    start("show", "long").ended,
    start("cancel", "long", "--json").ended,
  ]);
  expect(reading).toMatchObject({ code: 0, out: expect.stringContaining("long  running") });
  expect(writing).toMatchObject({ code: 4, err: expect.stringContaining('"code":"STORE_IN_USE"') });
  writer.child.kill("SIGINT");
  await writer.said("Stopping");
  writer.child.kill("SIGINT");
  expect((await writer.ended).code).toBe(130);
});
