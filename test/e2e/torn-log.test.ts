/** What a machine that loses power leaves of the write-ahead log: the end torn off, or the last page half written. */
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import SqliteDatabase from "better-sqlite3";
import { open } from "baton";
import { sqlite } from "baton/sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { creditGraph } from "../../bench/credit-graph.ts";
import { realProcess } from "./real-process.ts";
import { seeded } from "./seeded.ts";

/** A page, and the header that each has in the log. */
const FRAME_BYTES = 4_096 + 24;
const SECTOR_BYTES = 512;

let folder: string;
let killed: string;
let file: string;
let whole: readonly string[];
const graph = creditGraph();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "baton-torn-"));
  killed = join(folder, "killed.db");
  file = join(folder, "torn.db");
  const executions = join(folder, "executions.tsv");
  closeSync(openSync(executions, "a"));
  const child = await realProcess();
  await child.ask({ act: "open", file: killed });
  await child.ask({ act: "work", width: 3, executions });
  while (statSync(executions).size < 600) await new Promise((resolve) => setImmediate(resolve));
  await child.signal("SIGKILL");
  copy();
  whole = commits();
}, 30_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** The file as the kill left it. */
function copy(): void {
  for (const suffix of ["-shm", "-wal", ""]) rmSync(`${file}${suffix}`, { force: true });
  for (const suffix of ["", "-wal"]) copyFileSync(`${killed}${suffix}`, `${file}${suffix}`);
}

function commits(): readonly string[] {
  const database = new SqliteDatabase(file);
  // So that looking changes nothing: no connection that closes folds the log in.
  const keep = new SqliteDatabase(file, { readonly: true });
  try {
    keep.pragma("user_version");
    return database
      .prepare<[], string>("SELECT text FROM commits ORDER BY commit_no")
      .pluck()
      .all();
  } finally {
    database.close();
    keep.close();
  }
}

/** What is there is whole commits from the beginning on; and the runs in it go on to their ends. Gives the number of commits. */
async function expectPrefix(): Promise<number> {
  const left = commits();
  expect(left).toEqual(whole.slice(0, left.length));
  const store = sqlite(file, { durability: "process-crash" });
  const baton = await open({ store, workflows: [graph] });
  try {
    expect(await baton.verify()).toMatchObject({ problems: [] });
    for (const { id } of await baton.runs({ open: true }))
      expect((await (await baton.run(id)).outcome()).kind).toBe("completed");
    expect(await baton.verify()).toMatchObject({ problems: [] });
  } finally {
    await baton.close();
  }
  return left.length;
}

test("a log that was torn off at any sector of its last pages gives whole commits, and the runs go on", {
  timeout: 60_000,
}, async () => {
  const { size } = statSync(`${killed}-wal`);
  const lengths: number[] = [];
  for (let bytes = size - SECTOR_BYTES; bytes > size - 10 * FRAME_BYTES; bytes -= SECTOR_BYTES) {
    copy();
    truncateSync(`${file}-wal`, bytes);
    lengths.push(await expectPrefix());
  }
  expect(lengths).toEqual(lengths.toSorted((a, b) => b - a));
  expect(lengths.at(-1)).toBeLessThan(whole.length);
});

test("a last page that was half written gives whole commits, and the runs go on", {
  timeout: 60_000,
}, async () => {
  const random = seeded(3);
  const log = readFileSync(`${killed}-wal`);
  for (let place = 0; place < 40; place += 1) {
    const torn = Buffer.from(log);
    const at = torn.length - 1 - Math.floor(random() * FRAME_BYTES);
    torn.writeUInt8(torn.readUInt8(at) ^ (1 + Math.floor(random() * 255)), at);
    copy();
    writeFileSync(`${file}-wal`, torn);
    expect(await expectPrefix()).toBeLessThan(whole.length);
  }
});
