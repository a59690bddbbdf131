/** The reference stack, stopped while it starts a server: nothing of it goes on. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../../examples/reference-stack/servers/mlflow.ts";
import { JITI, projectPath } from "./real-process.ts";

/** Where an MLflow is installed that never answers; its process says its id. */
function silentMlflow(cache: string): () => number {
  const [bin, pidFile] = [join(cache, "mlflow/venv/bin"), join(cache, "pid")];
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(cache, "mlflow/installed"), "mlflow==3.17.2");
  const program = `#!/bin/sh\necho $$ > ${pidFile}\nexec sleep 60\n`;
  writeFileSync(join(bin, "mlflow"), program, { mode: 0o755 });
  return () => (existsSync(pidFile) ? Number(readFileSync(pidFile, "utf8")) : 0);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s leaves no server and no folder behind", async (signal, code) => {
  const folder = mkdtempSync(join(tmpdir(), "baton-stopped-"));
  const [cache, temporary] = [join(folder, "cache"), join(folder, "tmp")];
  mkdirSync(temporary);
  const pid = silentMlflow(cache);
  const child = spawn(process.execPath, [JITI, projectPath("test/e2e/stopped-stack-child.ts")], {
    stdio: ["ignore", "inherit", "pipe"],
    env: { ...process.env, TMPDIR: temporary, BATON_INTEROP_CACHE: cache },
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
    if (pid() > 0 && isAlive(pid())) process.kill(pid(), "SIGKILL");
    rmSync(folder, { recursive: true });
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const closed = once(child, "close");
  await until(15_000, async () => pid() > 0);
  child.kill(signal);
  expect(await closed).toEqual([code, null]);
  expect(said).toContain("it can't be ended");
  expect(isAlive(pid())).toBe(false);
  expect(readdirSync(temporary).filter((name) => name.startsWith("baton-"))).toEqual([]);
});
