import { chmod, mkdir, mkdtemp, open, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import SqliteDatabase from "better-sqlite3";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { sha256Hex } from "../../journal/hash.ts";
import type { JournalStore, StreamAppend } from "../../ports/journal-store.ts";
import { type Driver, loadDriver } from "./driver.ts";
import { journal0001 } from "./migrations/0001-journal.ts";
import { networkFileSystem } from "./place.ts";
import { decodeRanges, encodeRanges } from "./ranges.ts";
import { sqlite } from "./sqlite.ts";

const WRITE = { readOnly: false };
const READ = { readOnly: true };

function part(stream: string, expectedSeq: number, text = '"entry"'): StreamAppend {
  const entries = [{ seq: expectedSeq + 1, text, hash: sha256Hex(text), label: "topic/x" }];
  return {
    namespace: "default",
    stream,
    expectedSeq,
    entries,
    index: { status: "running", open: true, type: "w@1" },
  };
}

async function acquired(store: JournalStore): Promise<number> {
  const lease = await store.acquire("test");
  if (lease.kind !== "acquired") throw new Error("The lease is held.");
  return lease.epoch;
}

describe("the SQLite file", () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "baton-file-"));
    file = join(folder, "baton.db");
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** A store with one entry, one commit and one blob, closed. */
  async function fill(): Promise<void> {
    const store = await sqlite(file)(WRITE);
    const blob = { sha256: sha256Hex("1"), text: "1" };
    await store.append({
      streams: [part("run/a", -1)],
      blobs: [blob],
      epoch: await acquired(store),
    });
    await store.close();
  }

  test("a label that was added by a commit which failed is added again by the next", async () => {
    const store = await sqlite(file)(WRITE);
    const epoch = await acquired(store);
    const other = new SqliteDatabase(file);
    other.exec(
      "CREATE TRIGGER refuse BEFORE INSERT ON commits BEGIN SELECT RAISE(ABORT, 'not now'); END",
    );
    await expect(store.append({ streams: [part("run/a", -1)], epoch })).rejects.toMatchObject({
      code: "STORE_CORRUPT",
    });
    other.exec("DROP TRIGGER refuse");
    other.close();
    await store.append({ streams: [part("run/a", -1)], epoch });
    expect(await store.labelled("default", "topic/x", undefined, 10)).toMatchObject([
      { stream: "run/a", seq: 0 },
    ]);
    await store.close();
  });

  test("a file of format 1 is brought to today's, with all that is in it", async () => {
    const old = new SqliteDatabase(file);
    old.exec(journal0001);
    old.pragma(`application_id = ${0x4261746e}`);
    old.pragma("user_version = 1");
    old.close();
    await expect(sqlite(file)(READ)).rejects.toMatchObject({ code: "STORE_FAILED" });
    await fill();
    const store = await sqlite(file)(READ);
    expect(await store.labelled("default", "topic/x", undefined, 10)).toHaveLength(1);
    await store.close();
    const database = new SqliteDatabase(file);
    expect(database.pragma("user_version", { simple: true })).toBe(2);
    expect(database.prepare("SELECT value FROM meta WHERE key = 'format'").pluck().get()).toBe("2");
    database.close();
  });

  test.each([
    ["UPDATE entries SET text = ''"],
    ["DELETE FROM entries"],
    ["INSERT OR REPLACE INTO entries SELECT position, 9, 9, text, hash FROM entries"],
    ["INSERT OR REPLACE INTO entries SELECT 9, stream_no, seq, text, hash FROM entries"],
    ["REPLACE INTO entries (stream_no, seq, text, hash) VALUES (1, 0, '', x'')"],
    ["INSERT INTO entries VALUES (1, 1, 0, '', x'') ON CONFLICT DO UPDATE SET text = ''"],
    ["UPDATE commits SET ranges = x''"],
    ["DELETE FROM commits"],
    ["INSERT OR REPLACE INTO commits VALUES (1, '', x'', x'')"],
    ["UPDATE blobs SET text = ''"],
    ["DELETE FROM blobs"],
    ["INSERT OR REPLACE INTO blobs SELECT sha256, '' FROM blobs"],
    ["UPDATE streams SET name = 'run/b'"],
    ["UPDATE streams SET no = 2"],
    ["DELETE FROM streams"],
    ["UPDATE labels SET label = 'topic/y'"],
    ["DELETE FROM labels"],
    ["INSERT OR REPLACE INTO labels SELECT 9, namespace, label FROM labels"],
    ["UPDATE labelled SET position = 2"],
    ["DELETE FROM labelled"],
    ["INSERT OR REPLACE INTO labelled SELECT label_no, position FROM labelled"],
    ["INSERT OR REPLACE INTO streams VALUES (1, 'x', 'y', '', 0, '', NULL)"],
    ["INSERT OR REPLACE INTO streams VALUES (2, 'default', 'run/a', '', 0, '', NULL)"],
  ])("promise 2: the database itself refuses (J7): %s", async (sql) => {
    await fill();
    const database = new SqliteDatabase(file);
    expect(() => database.exec(sql)).toThrow(/append-only|keep their identity|are not/);
    database.close();
    const store = await sqlite(file)(READ);
    expect(await store.read({ namespace: "default", stream: "run/a" }, 0)).toHaveLength(1);
    await store.close();
  });

  test("a file of a newer format is refused", async () => {
    await fill();
    const database = new SqliteDatabase(file);
    database.pragma("user_version = 99");
    database.close();
    await expect(sqlite(file)(WRITE)).rejects.toMatchObject({
      code: "STORE_NEWER",
      details: { format: 99 },
    });
    await expect(sqlite(file)(READ)).rejects.toMatchObject({ code: "STORE_NEWER" });
  });

  test("a file that is no database, or another program's, is refused and left as it is", async () => {
    await writeFile(file, "This is a letter to my grandmother, not a database. ".repeat(100));
    await expect(sqlite(file)(WRITE)).rejects.toMatchObject({ code: "STORE_CORRUPT" });
    expect((await stat(file)).size).toBe(5_200);
    const other = join(folder, "other.db");
    const database = new SqliteDatabase(other);
    database.exec("CREATE TABLE mine (x)");
    database.close();
    await expect(sqlite(other)(WRITE)).rejects.toMatchObject({ code: "STORE_CORRUPT" });
  });

  test("a damaged page is reported as damage", async () => {
    await fill();
    const handle = await open(file, "r+");
    const { size } = await handle.stat();
    // All pages but the first, which has the schema's root and the header.
    await handle.write(Buffer.alloc(size - 4_096, 0xab), 0, size - 4_096, 4_096);
    await handle.close();
    const attempt = async () => {
      const store = await sqlite(file)(READ);
      try {
        await store.read({ namespace: "default", stream: "run/a" }, 0);
      } finally {
        await store.close();
      }
    };
    await expect(attempt()).rejects.toMatchObject({ code: "STORE_CORRUPT" });
  });

  test("a commit that meets damage says so, so that nobody tries it again for ever", async () => {
    await fill();
    const database = new SqliteDatabase(file);
    database.exec("DROP TRIGGER commits_are_not_updated; UPDATE commits SET text = '{}'");
    database.close();
    const store = await sqlite(file)(WRITE);
    const epoch = await acquired(store);
    await expect(store.append({ streams: [part("run/b", -1)], epoch })).rejects.toMatchObject({
      code: "STORE_CORRUPT",
    });
    await store.close();
  });

  test("a folder or a file that is not there is named", async () => {
    const missing = join(folder, "nowhere", "baton.db");
    await expect(sqlite(missing)(WRITE)).rejects.toMatchObject({
      code: "STORE_FAILED",
      details: { file: missing },
    });
    await expect(sqlite(file)(READ)).rejects.toMatchObject({
      code: "STORE_FAILED",
      details: { file },
    });
    await expect(stat(file)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("a file or folder without the right to write is refused for writing, and names it", async () => {
    await fill();
    await chmod(folder, 0o755);
    await chmod(file, 0o444);
    await asNobody(async () => {
      const message = expect.stringContaining(file);
      await expect(sqlite(file)(WRITE)).rejects.toMatchObject({ code: "STORE_READ_ONLY", message });
    });
    const bare = join(folder, "bare");
    await mkdir(bare);
    await chmod(bare, 0o555);
    await asNobody(async () => {
      // access(2) asks for the real user, who is still root where the tests run as root; then SQLite is who refuses.
      const code = expect.stringMatching(
        process.getuid?.() === 0 ? /STORE_FAILED/ : /STORE_READ_ONLY/,
      );
      const message = expect.stringContaining(bare);
      await expect(sqlite(join(bare, "baton.db"))(WRITE)).rejects.toMatchObject({ code, message });
    });
  });

  test("network file systems are known by their numbers, signed or not", () => {
    expect([0x6969, 0xff534d42, 0xff534d42 | 0, 0xfe534d42].map(networkFileSystem)).toEqual([
      "NFS",
      "CIFS",
      "CIFS",
      "SMB",
    ]);
    expect(networkFileSystem(0xef53)).toBeUndefined();
  });

  test("without better-sqlite3 it is said what to install", async () => {
    const missing = async (): Promise<{ default: Driver }> => {
      throw new Error("Cannot find package 'better-sqlite3'");
    };
    await expect(loadDriver(missing)).rejects.toMatchObject({
      code: "DEPENDENCY_MISSING",
      hint: expect.stringContaining("npm install"),
    });
  });

  test("a full disk keeps nothing of the group, and the store works on", async () => {
    const store = await sqlite(file, { fileBytesMax: 400_000 })(WRITE);
    const epoch = await acquired(store);
    await store.append({ streams: [part("run/a", -1)], epoch });
    const large = `"${"x".repeat(1_000_000)}"`;
    const group = await Promise.allSettled([
      store.append({ streams: [part("run/b", -1)], epoch }),
      store.append({ streams: [part("run/a", 0, large)], epoch }),
    ]);
    for (const settled of group) {
      expect(settled).toMatchObject({
        status: "rejected",
        reason: { code: "STORE_FAILED", cause: { code: "SQLITE_FULL" } },
      });
    }
    expect(await store.heads({})).toMatchObject([{ stream: "run/a", lastSeq: 0 }]);
    expect(await store.append({ streams: [part("run/a", 0), part("run/b", -1)], epoch })).toEqual({
      kind: "appended",
      commitNo: 2,
    });
    await store.close();
  });

  test("the lease is one, by whatever link the file is named", async () => {
    const store = await sqlite(file)(WRITE);
    await acquired(store);
    const link = join(folder, "link.db");
    await symlink(file, link);
    const linked = await sqlite(link)(WRITE);
    expect(await linked.acquire("linked")).toMatchObject({
      kind: "held",
      lease: { holder: "test" },
    });
    await linked.close();
    await store.close();
  });

  test("closing folds the write-ahead log into the file", async () => {
    await fill();
    await expect(stat(`${file}-wal`)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test.each([
    ["power-loss", "FULL"],
    ["process-crash", "NORMAL"],
  ] as const)("durability %s is SQLite's synchronous=%s", async (durability, synchronous) => {
    const seen: unknown[] = [];
    const prototype: Pick<SqliteDatabase.Database, "pragma"> = SqliteDatabase.prototype;
    const spy = vi.spyOn(prototype, "pragma");
    await (await sqlite(file, { durability })(WRITE)).close();
    for (const [source] of spy.mock.calls) if (source.startsWith("synchronous")) seen.push(source);
    expect(seen).toEqual([`synchronous = ${synchronous}`]);
  });
});

describe("the ranges of a commit", () => {
  test("are read back as they were written, however large the numbers", () => {
    const number = fc.oneof(fc.nat(300), fc.maxSafeNat());
    const range = fc.record(
      { no: number, fromSeq: number, count: number },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(range), (ranges) => {
        expect(decodeRanges(encodeRanges(ranges))).toEqual(ranges);
      }),
    );
  });

  test("that are damaged are refused", () => {
    expect(() => decodeRanges(Buffer.of(1, 2))).toThrow(
      expect.objectContaining({ code: "STORE_CORRUPT" }),
    );
    expect(() => decodeRanges(Buffer.of(1, 2, 0x80))).toThrow(
      expect.objectContaining({ code: "STORE_CORRUPT" }),
    );
  });
});

/** Runs `act` without the rights of root, who may write everything. */
async function asNobody(act: () => Promise<void>): Promise<void> {
  if (process.geteuid?.() !== 0) return act();
  process.seteuid?.(65_534);
  try {
    await act();
  } finally {
    process.seteuid?.(0);
  }
}
