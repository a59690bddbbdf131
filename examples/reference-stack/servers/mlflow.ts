/** A real MLflow server: installed from PyPI into a folder for caches, started on a free port, ended after. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ends } from "../ending.ts";
import { installedIn, installFromPypi } from "./installing.ts";

const START_MS = 120_000;
/** Who does not answer a question in this time is asked another one. */
const QUESTION_MS = 5_000;

export interface Mlflow {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** Gives why it can't be installed. */
export function installMlflow(): string | undefined {
  return installFromPypi("mlflow", ["mlflow==3.17.2"]);
}

/** @param ends are given its end before it answers. */
export async function startMlflow(ends: Ends = []): Promise<Mlflow> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "baton-mlflow-"));
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
  ends.push(stop);
  try {
    await until(START_MS, async (signal) => (await fetch(`${url}/health`, { signal })).ok);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}

/** Waits until something holds; what throws does not hold yet, and what is asked ends with its signal. */
export async function until(
  limitMs: number,
  holds: (signal: AbortSignal) => Promise<boolean>,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  for (let leftMs = limitMs; leftMs > 0; leftMs = endMs - performance.now()) {
    const signal = AbortSignal.timeout(Math.ceil(Math.min(leftMs, QUESTION_MS)));
    if (await holds(signal).catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`It did not come true within ${limitMs} ms.`);
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const isOver = child.exitCode !== null || child.signalCode !== null;
    if (isOver || child.pid === undefined) return resolve();
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
