/** A nats-server of one's own, for tests and benches: on a free port, with a store folder of its own, ended by its process id. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface NatsServer {
  /** `127.0.0.1:<port>`; the same after a restart. */
  readonly address: string;
  /** Resolves when it answers. */
  readonly start: () => Promise<void>;
  /** Ends it at once (kill -9); what it has stored stays. */
  readonly kill: () => Promise<void>;
  /** Ends it, and removes what it has stored. */
  readonly dispose: () => Promise<void>;
}

/** Whether there is a nats-server to be started here. */
export function hasNatsServer(): boolean {
  return spawnSync("nats-server", ["--version"]).status === 0;
}

/** A server that was started. */
export async function natsServer(...more: readonly string[]): Promise<NatsServer> {
  const folder = mkdtempSync(join(tmpdir(), "baton-nats-"));
  const port = await freePort();
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = once(running, "exit");
    running.kill("SIGKILL");
    await gone;
  };
  const start = async (): Promise<void> => {
    const args = ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", folder, ...more];
    const started = spawn("nats-server", args, { stdio: "ignore" });
    child = started;
    while (!(await answers(port))) {
      if (started.exitCode !== null) throw new Error(`nats-server ended with ${started.exitCode}.`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  await start();
  return {
    address: `127.0.0.1:${port}`,
    start,
    kill,
    dispose: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("There is no free port.");
  return address.port;
}

/** A server says INFO to whoever connects. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "data");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
