/** A real MLflow server: installed from PyPI into a folder for caches, started on a free port, ended after. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CACHE = fileURLToPath(new URL("../../.cache/interop/mlflow", import.meta.url));
/** What was tested. */
const PACKAGE = "mlflow>=3.6,<4";
const INSTALL_MS = 600_000;
const START_MS = 120_000;

export interface Mlflow {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** Installs it unless it is there; gives why it can't be. */
export function installMlflow(): string | undefined {
  const done = join(CACHE, "installed");
  if (existsSync(done)) return undefined;
  rmSync(CACHE, { recursive: true, force: true });
  mkdirSync(CACHE, { recursive: true });
  const steps = [
    ["python3", "-m", "venv", join(CACHE, "venv")],
    [join(CACHE, "venv/bin/pip"), "install", "--quiet", PACKAGE],
  ] as const;
  for (const [command, ...args] of steps) {
    const { status, stderr, error } = spawnSync(command, args, { timeout: INSTALL_MS });
    if (status !== 0)
      return `${command} ${args.join(" ")}: ${error?.message ?? String(stderr).slice(-500)}`;
  }
  writeFileSync(done, PACKAGE);
  return undefined;
}

export async function startMlflow(): Promise<Mlflow> {
  const folder = mkdtempSync(join(tmpdir(), "baton-mlflow-"));
  const port = await freePort();
  const child = spawn(
    join(CACHE, "venv/bin/mlflow"),
    [
      "server",
      ...["--host", "127.0.0.1", "--port", String(port), "--workers", "1"],
      ...["--backend-store-uri", `sqlite:///${join(folder, "mlflow.db")}`],
      ...["--default-artifact-root", join(folder, "artifacts")],
    ],
    // A group of its own: the server starts workers, which end with it.
    { cwd: folder, stdio: "ignore", detached: true },
  );
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    await ended(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until(START_MS, async () => (await fetch(`${url}/health`)).ok);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}

/** Waits until something holds; what throws does not hold yet. */
export async function until(limitMs: number, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (performance.now() < endMs) {
    if (await holds().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`It did not come true within ${limitMs} ms.`);
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.pid === undefined) return resolve();
    child.once("exit", () => resolve());
    process.kill(-child.pid, "SIGKILL");
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
