/** A disk that is full under a running process: a small file system in memory, where the machine lets us mount one. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Baton, open, type RunSummary } from "baton";
import { sqlite } from "baton/sqlite";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { application, creditGraph } from "../../bench/credit-graph.ts";
import { type RealProcess, realProcess } from "./real-process.ts";

const DISK_BYTES = 3 * 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), "baton-full-"));
const disk = join(folder, "disk");
mkdirSync(disk);
const isMounted = mounted();
if (!isMounted)
  console.warn("full-disk.test.ts is skipped: this user may not mount a file system.");

function mounted(): boolean {
  try {
    const size = `size=${DISK_BYTES}`;
    execFileSync("mount", ["-t", "tmpfs", "-o", size, "tmpfs", disk], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

afterAll(() => {
  if (isMounted) execFileSync("umount", ["--lazy", disk]);
  rmSync(folder, { recursive: true });
});

describe.runIf(isMounted)("on a full disk", () => {
  const file = join(disk, "full.db");
  const ballast = join(disk, "ballast");
  const executions = join(folder, "executions.tsv");
  let child: RealProcess | undefined;
  const graph = creditGraph();

  beforeEach(() => {
    writeFileSync(executions, "");
  });
  afterEach(async () => {
    await child?.signal("SIGKILL");
    for (const path of [executions, ballast]) rmSync(path, { force: true });
    for (const suffix of ["", "-wal", "-shm", ".lock"]) rmSync(`${file}${suffix}`, { force: true });
  });

  /** Takes what room is left, byte by byte at the end. */
  function fill(): void {
    let bytes = Buffer.alloc(64 * 1024);
    for (;;) {
      try {
        writeFileSync(ballast, bytes, { flag: "a" });
      } catch {
        if (bytes.length === 1) return;
        bytes = bytes.subarray(0, bytes.length / 2);
      }
    }
  }

  /** A process with runs under way on a disk that fills up; resolves when its log says so. */
  async function full(): Promise<RealProcess> {
    const started = await realProcess();
    child = started;
    await started.ask({ act: "open", file });
    await started.ask({ act: "work", width: 20, executions });
    while (readFileSync(executions, "utf8").length < 2_000) await soon();
    fill();
    await started.heard("log", "Tried again in");
    return started;
  }

  /** The runs that have not ended, as a reader beside the process sees them. */
  async function waitingRuns(): Promise<readonly RunSummary[]> {
    const baton = await open({ store: sqlite(file), workflows: [graph], readOnly: true });
    try {
      return await baton.runs({ open: true });
    } finally {
      await baton.close();
    }
  }

  function sealed(runs: readonly RunSummary[]): number {
    return runs.reduce((sum, { lastSeq }) => sum + lastSeq, 0);
  }

  function soon(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 5));
  }

  async function afterwards<X>(act: (baton: Baton) => Promise<X>): Promise<X> {
    const baton = await open({ store: sqlite(file), workflows: [graph] });
    try {
      return await act(baton);
    } finally {
      await baton.close();
    }
  }

  /** All that was begun ends well, each step is in the journal once, and every journal is whole. */
  async function expectWhole(): Promise<void> {
    await afterwards(async (baton) => {
      const begun = await baton.runs({ limit: 10_000 });
      expect(begun.length).toBeGreaterThan(20);
      for (const { id } of begun)
        expect((await (await baton.run(id)).outcome()).kind).toBe("completed");
      for (const { id } of begun) {
        const sealed: string[] = [];
        for await (const { entry } of baton.entries(id))
          if (entry.kind === "step.sealed") sealed.push(String(entry.path));
        expect(sealed.toSorted()).toEqual(["approval", "fraud", "income", "risk", "score"]);
      }
      expect(await baton.verify()).toMatchObject({ problems: [] });
    });
  }

  test("runs wait, a start is refused, and all goes on when there is room", {
    timeout: 30_000,
  }, async () => {
    const waiting = await full();
    expect((await waiting.heard("log", "Tried again in")).message).toMatch(/full/);
    expect(await waiting.ask({ act: "start" })).toMatchObject({ code: "STORE_FAILED" });
    const before = sealed(await waitingRuns());
    truncateSync(ballast);
    // Those that wait try again by themselves; then the whole journal of each is there.
    while ((await waitingRuns()).length > 0 && sealed(await waitingRuns()) === before) await soon();
    expect(await waiting.ask({ act: "start" })).toEqual({ did: "start" });
    await waiting.ask({ act: "close" });
    await expectWhole();
  });

  test("a process that is killed loses and doubles nothing", { timeout: 30_000 }, async () => {
    expect.hasAssertions();
    const killed = await full();
    await killed.signal("SIGKILL");
    rmSync(ballast);
    expect((await waitingRuns()).length).toBeGreaterThan(0);
    await expectWhole();
  });

  test("closing ends, and says so in its log", { timeout: 30_000 }, async () => {
    const closing = await full();
    expect(await closing.ask({ act: "close" })).toMatchObject({ did: "close" });
    rmSync(ballast);
    await expectWhole();
  });

  test("a store can't be made, and is refused; a store that is there can be read", {
    timeout: 30_000,
  }, async () => {
    await afterwards(async (baton) =>
      (await baton.start(graph, application(1), { id: "a" })).result(),
    );
    fill();
    const fresh = open({ store: sqlite(join(disk, "fresh.db")), workflows: [graph] });
    await expect(fresh).rejects.toMatchObject({ code: "STORE_FAILED" });
    const again = open({ store: sqlite(file), workflows: [graph] });
    await expect(again).rejects.toMatchObject({ code: "STORE_FAILED" });
    rmSync(ballast);
    expect(await afterwards(async (baton) => (await baton.report("a")).status)).toBe("completed");
  });
});
