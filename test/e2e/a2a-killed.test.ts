/** kill -9 of either side of a remote step: one credit decision over two processes, each with a journal of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";
import { JITI, projectPath, SOURCES } from "./real-process.ts";

let folder = "";
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "baton-a2a-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) await killed(child);
  await rm(folder, { recursive: true });
});

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const at = server.address();
  server.close();
  await once(server, "close");
  return typeof at === "object" && at !== null ? at.port : 0;
}

interface Started {
  readonly child: ChildProcess;
  readonly lines: string[];
  /** Resolves once such a line was printed by this process. */
  readonly said: (beginning: string) => Promise<string>;
}

function started(role: string, where: string, ...more: readonly string[]): Started {
  const file = join(folder, `${role}.db`);
  const child = spawn(
    process.execPath,
    [JITI, projectPath("test/e2e/a2a-child.ts"), role, file, where, ...more],
    {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, JITI_ALIAS: aliases() },
    },
  );
  children.push(child);
  const lines: string[] = [];
  const waiting: (() => void)[] = [];
  const reader = createInterface(child.stdout);
  const wake = (): void => {
    for (const go of waiting.splice(0)) go();
  };
  let ended = false;
  reader.on("line", (line) => {
    lines.push(line);
    wake();
  });
  reader.on("close", () => {
    ended = true;
    wake();
  });
  const said = async (beginning: string): Promise<string> => {
    for (;;) {
      const found = lines.find((line) => line.startsWith(beginning));
      if (found !== undefined) return found;
      if (ended) throw new Error(`${role} has ended without saying "${beginning}".`);
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  return { child, lines, said };
}

function aliases(): string {
  // What real-process.ts has written as JSON.
  const known = JSON.parse(SOURCES["JITI_ALIAS"] ?? "{}") as Readonly<Record<string, string>>;
  return JSON.stringify({ ...known, "baton/a2a": projectPath("src/a2a.ts") });
}

test("a remote step ends as it would have, whichever side is killed in the middle of it", {
  timeout: 120_000,
}, async () => {
  const port = await freePort();
  const remotes = [started("remote", `${port}`, "hang")];
  await remotes[0]?.said("ready");
  const url = `http://127.0.0.1:${port}/`;
  const callers = [started("caller", url)];
  // The caller is killed once it has sent its message, the remote side in the middle of its work.
  await callers[0]?.said("sent");
  await remotes[0]?.said("hangs");
  for (const { child } of [...callers, ...remotes]) await killed(child);
  callers.push(started("caller", url));
  remotes.push(started("remote", `${port}`));
  await remotes[1]?.said("ready");
  const ended = await callers[1]?.said("{");
  expect(JSON.parse(ended ?? "")).toEqual({ decision: { approved: true }, problems: [] });
  const looks = remotes.flatMap(({ lines }) => lines.filter((line) => line.startsWith("look")));
  expect(new Set(looks)).toEqual(new Set(["look-1 ada", "look-2 ada", "look-3 ada"]));
  // What was done before the kill was recorded, and is not done again.
  expect(looks).toHaveLength(3);
  expect(callers.flatMap(({ lines }) => lines).filter((line) => line === "decided")).toEqual([
    "decided",
  ]);
});
