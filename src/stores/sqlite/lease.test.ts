import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JournalStore } from "../../ports/journal-store.ts";
import { sqlite } from "./sqlite.ts";

const HOLDER = fileURLToPath(new URL("../../../test/conformance/lease-holder.ts", import.meta.url));
const JITI = fileURLToPath(new URL("../../../node_modules/jiti/lib/jiti-cli.mjs", import.meta.url));

describe("the lease between processes", () => {
  let folder: string;
  let file: string;
  let store: JournalStore;
  let child: ChildProcess;
  let lines: AsyncIterator<string>;
  let reader: Interface;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "baton-lease-"));
    file = join(folder, "baton.db");
    // The child is TypeScript, which Node 20 does not run by itself.
    child = spawn(process.execPath, [JITI, HOLDER, file], { stdio: ["pipe", "pipe", "inherit"] });
    if (child.stdout === null) throw new Error("The child has no output.");
    reader = createInterface({ input: child.stdout });
    lines = reader[Symbol.asyncIterator]();
    assert.deepEqual(await nextLine(), { kind: "acquired", epoch: 1 });
    store = await sqlite(file)({ readOnly: false });
  });
  afterEach(async () => {
    await store.close();
    await kill();
    reader.close();
    await rm(folder, { recursive: true });
  });

  async function nextLine(): Promise<unknown> {
    const { value } = await lines.next();
    return JSON.parse(String(value));
  }
  async function ask(stream: string): Promise<unknown> {
    child.stdin?.write(`${stream}\n`);
    return nextLine();
  }
  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  test("a second process is refused while the first lives, and told who holds it", async () => {
    expect(await store.acquire("test")).toEqual({
      kind: "held",
      lease: { epoch: 1, holder: "child", heartbeat: 0 },
    });
    expect(await ask("run/a")).toEqual({ kind: "appended", commitNo: 1 });
    expect(await store.read({ namespace: "default", stream: "run/a" }, 0)).toHaveLength(1);
  });

  test("after kill -9 the lease is free at once, with the next epoch", async () => {
    await kill();
    expect(await store.acquire("test")).toEqual({ kind: "acquired", epoch: 2, abandoned: true });
  });

  test("a process that hangs can be taken over, and is fenced when it wakes", async () => {
    expect(await ask("run/a")).toEqual({ kind: "appended", commitNo: 1 });
    child.kill("SIGSTOP");
    const held = await store.acquire("test");
    if (held.kind !== "held") throw new Error("The lease was free.");
    expect(await store.acquire("test", held.lease)).toEqual({
      kind: "acquired",
      epoch: 2,
      abandoned: true,
    });
    child.kill("SIGCONT");
    expect(await ask("run/b")).toEqual({ kind: "fenced", epoch: 1, currentEpoch: 2 });
    expect(await store.head({ namespace: "default", stream: "run/b" })).toBeUndefined();
  });

  test("a new holder is known to live while the old one, taken over, still does", async () => {
    child.kill("SIGSTOP");
    const held = await store.acquire("test");
    await store.acquire("test", held.kind === "held" ? held.lease : undefined);
    child.kill("SIGCONT");
    await kill();
    const third = await sqlite(file)({ readOnly: false });
    expect(await third.acquire("third")).toMatchObject({
      kind: "held",
      lease: { epoch: 2, holder: "test" },
    });
    await store.close();
    expect(await third.acquire("third")).toEqual({ kind: "acquired", epoch: 3 });
    await third.close();
  });
});
