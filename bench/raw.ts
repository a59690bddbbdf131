/**
 * The raw limit: what SQLite itself reaches on this disk, with the same settings as the store and rows of the same size, in
 * a plain table in order of arrival. Nothing that keeps a journal in SQLite can be faster.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { median, rounded } from "./measurement.ts";

export interface RawLimits {
  readonly rowBytes: number;
  /** Rows per second, one in each transaction. */
  readonly commit1PerSecond: number;
  /** Rows per second, a hundred in each transaction. */
  readonly commit100PerSecond: number;
  /** Rows per second of 256 writers that each wait for their row, committed together. */
  readonly groupCommit256PerSecond: number;
}

/** Each limit is measured this often; the best counts, because it is a limit. */
const REPEATS = 5;
const REPEAT_MS = 300;

const INSERT = "INSERT INTO rows (stream_no, seq, text) VALUES (?, ?, ?)";

/** A new file with the settings of the store. */
function plainTable(file: string): Database.Database {
  const database = new Database(file);
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  database.pragma("wal_autocheckpoint = 4000");
  database.exec(
    "CREATE TABLE rows (position INTEGER PRIMARY KEY, stream_no INTEGER NOT NULL, seq INTEGER NOT NULL, text TEXT NOT NULL) STRICT",
  );
  return database;
}

/** Commits of one row each, a few at a time, between which something else is measured: what the disk is busy with falls on both. */
export interface RawCommits {
  commit(count: number): void;
  /** Ends, and gives the median time of a commit. */
  close(): number;
}

export function rawCommits(folder: string, rowBytes: number): RawCommits {
  const file = join(folder, "raw-commits.db");
  const database = plainTable(file);
  const insert = database.prepare(INSERT);
  const text = "x".repeat(rowBytes);
  const timesMs: number[] = [];
  return {
    commit: (count) => {
      for (let i = 0; i < count; i += 1) {
        const fromMs = performance.now();
        insert.run(i, 7, text);
        timesMs.push(performance.now() - fromMs);
      }
    },
    close: () => {
      database.close();
      rmSync(file);
      return median(timesMs);
    },
  };
}

/** Measures in a new file in `folder`. */
export async function rawLimits(folder: string, rowBytes: number): Promise<RawLimits> {
  const file = join(folder, "raw.db");
  const database = plainTable(file);
  const insert = database.prepare(INSERT);
  const text = "x".repeat(rowBytes);
  const insertMany = database.transaction((count: number) => {
    for (let i = 0; i < count; i += 1) insert.run(i, 7, text);
  });
  const transactions = (count: number) => () =>
    Promise.resolve(
      repeatFor(() => {
        insertMany(count);
        return count;
      }),
    );
  try {
    return {
      rowBytes,
      commit1PerSecond: await bestRate(transactions(1)),
      commit100PerSecond: await bestRate(transactions(100)),
      groupCommit256PerSecond: await bestRate(() => groupCommit(insertMany, 256)),
    };
  } finally {
    database.close();
    rmSync(file);
  }
}

async function bestRate(measure: () => Promise<number>): Promise<number> {
  await measure();
  const rates: number[] = [];
  for (let i = 0; i < REPEATS; i += 1) rates.push(await measure());
  return rounded(Math.max(...rates));
}

/** Rows per second of `act`, which gives how many it wrote. */
function repeatFor(act: () => number): number {
  const startMs = performance.now();
  let rows = 0;
  let nowMs = startMs;
  while (nowMs - startMs < REPEAT_MS) {
    rows += act();
    nowMs = performance.now();
  }
  return (rows * 1_000) / (nowMs - startMs);
}

/** Rows per second of writers that each have one row under way. */
async function groupCommit(insertMany: (count: number) => void, writers: number): Promise<number> {
  let waiting: (() => void)[] = [];
  const flush = (): void => {
    const group = waiting;
    waiting = [];
    insertMany(group.length);
    for (const resolve of group) resolve();
  };
  const append = (): Promise<void> =>
    new Promise((resolve) => {
      if (waiting.push(resolve) === 1) setImmediate(flush);
    });
  const startMs = performance.now();
  let rows = 0;
  const write = async (): Promise<void> => {
    while (performance.now() - startMs < REPEAT_MS) {
      await append();
      rows += 1;
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  return (rows * 1_000) / (performance.now() - startMs);
}
