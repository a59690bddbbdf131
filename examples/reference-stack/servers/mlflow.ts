/** A real MLflow server: installed from PyPI into a folder for caches, started on a free port, ended after. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installedIn, installFromPypi } from "./installing.ts";

const START_MS = 120_000;

export interface Mlflow {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** Gives why it can't be installed. */
export function installMlflow(): string | undefined {
  return installFromPypi("mlflow", ["mlflow==3.17.2"]);
}

export async function startMlflow(): Promise<Mlflow> {
  const folder = mkdtempSync(join(tmpdir(), "baton-mlflow-"));
  const port = await freePort();
  const child = spawn(
    join(installedIn("mlflow"), "venv/bin/mlflow"),
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

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
