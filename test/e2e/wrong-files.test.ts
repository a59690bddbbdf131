/** What people and scripts do to the files of a store while no process has it. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Baton, isBatonError, open } from "baton";
import { sqlite } from "baton/sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { creditGraph } from "../../bench/credit-graph.ts";
import { seeded } from "./seeded.ts";
import { realProcess } from "./real-process.ts";
import { fillStore, letters, runId } from "./told-runs.ts";

let folder: string;
let file: string;
const graph = creditGraph();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-files-"));
  file = join(folder, "baton.db");
});
afterEach(() => rmSync(folder, { recursive: true }));

async function opened<X>(act: (baton: Baton) => Promise<X>, readOnly = false): Promise<X> {
  const baton = await open({ store: sqlite(file), workflows: [graph, letters], readOnly });
  try {
    return await act(baton);
  } finally {
    await baton.close();
  }
}

/** Leaves the file and its log as a killed process does. */
async function killedAtWork(): Promise<void> {
  const executions = join(folder, "executions.tsv");
  writeFileSync(executions, "");
  const child = await realProcess();
  await child.ask({ act: "open", file });
  await child.ask({ act: "work", width: 3, executions });
  while (statSync(executions).size < 600) await new Promise((resolve) => setImmediate(resolve));
  await child.signal("SIGKILL");
}

describe("after a kill -9", { timeout: 30_000 }, () => {
  beforeEach(killedAtWork);

  test("a -shm that is deleted loses nothing", async () => {
    const before = await opened((baton) => baton.verify(), true);
    rmSync(`${file}-shm`);
    expect(await opened((baton) => baton.verify(), true)).toEqual(before);
    expect(before.entries).toBeGreaterThan(10);
  });

  test("a -wal that is deleted takes its commits with it, which verify cannot know; the store is sound", async () => {
    const before = await opened((baton) => baton.verify(), true);
    rmSync(`${file}-wal`);
    const after = await opened((baton) => baton.verify());
    expect(after.problems).toEqual([]);
    expect(after.commits).toBeLessThan(before.commits);
  });

  test.each([
    ["gone", () => renameSync(file, join(folder, "elsewhere.db"))],
    ["emptied", () => truncateSync(file)],
  ])(
    "a log whose file is %s is not thrown away: the store is refused until the file is back",
    async (_, harm) => {
      const copy = join(folder, "copy.db");
      copyFileSync(file, copy);
      harm();
      await expect(opened((baton) => baton.verify())).rejects.toMatchObject({
        code: "STORE_CORRUPT",
        message: expect.stringContaining("-wal"),
      });
      copyFileSync(copy, file);
      expect((await opened((baton) => baton.verify())).entries).toBeGreaterThan(10);
    },
  );

  test("a file that is put in the place of another, beside the other's log, is never taken for whole", async () => {
    const ours = await opened((baton) => baton.verify(), true);
    const other = join(folder, "other.db");
    await fillStore(other, 10);
    copyFileSync(other, file);
    const verdict = await opened((baton) => baton.verify(), true).then(
      ({ problems, entries }) => (problems.length > 0 ? "found" : entries),
      (error: unknown) => (isBatonError(error) ? error.code : String(error)),
    );
    // The log may have every page of its own file: then that is what is there, whole, and the other file is gone.
    expect(["found", "STORE_CORRUPT", ours.entries]).toContain(verdict);
  });
});

test("an older copy is sound: verify cannot know of what came after it; a head hash that was kept elsewhere does", async () => {
  await fillStore(file, 2);
  const copy = join(folder, "copy.db");
  copyFileSync(file, copy);
  const by = { kind: "person", id: "ada" } as const;
  const kept = await opened(async (baton) => {
    await baton.approve(runId(1), "asked", { approved: true, by });
    await (await baton.run(runId(1))).result();
    return (await baton.report(runId(1))).headHash;
  });
  copyFileSync(copy, file);
  expect(await opened((baton) => baton.verify(), true)).toMatchObject({ problems: [] });
  expect((await opened((baton) => baton.report(runId(1)), true)).headHash).not.toBe(kept);
});

test("an empty file becomes a store; a folder in its place is named", async () => {
  writeFileSync(file, "");
  expect(await opened((baton) => baton.verify())).toMatchObject({ problems: [] });
  const place = join(folder, "place.db");
  mkdirSync(place);
  const opening = open({ store: sqlite(place), workflows: [graph] });
  await expect(opening).rejects.toMatchObject({
    code: "STORE_FAILED",
    message: expect.stringContaining(place),
  });
});

test("a process that is killed while it makes the file leaves one that the next can open", {
  timeout: 60_000,
}, async () => {
  const random = seeded(11);
  for (let kill = 0; kill < 10; kill += 1) {
    file = join(folder, `new-${kill}.db`);
    const child = await realProcess();
    void child.ask({ act: "open", file }).catch(() => undefined);
    while (!existsSync(file)) await new Promise((resolve) => setImmediate(resolve));
    const until = performance.now() + 8 * random();
    while (performance.now() < until);
    await child.signal("SIGKILL");
    await fillStore(file, 2);
    expect(await opened((baton) => baton.verify(), true)).toMatchObject({ runs: 2, problems: [] });
  }
});
