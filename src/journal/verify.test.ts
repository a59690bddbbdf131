import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import SqliteDatabase from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { entryText, journalWriter } from "../../test/conformance/journal-writer.ts";
import type { StoreFactory } from "../ports/journal-store.ts";
import { memory } from "../stores/memory/memory.ts";
import { sqlite } from "../stores/sqlite/sqlite.ts";
import { sealCommit } from "./commit.ts";
import { hashEntry, sha256Hex } from "./hash.ts";
import { type VerifyOptions, verifyStore } from "./verify.ts";

const RUNS = ["a", "b", "c"];
const LARGE = '{"large":"value"}';

/** Three runs of five entries: a and b have ended, c goes on; a's second entry refers to a blob. Five commits of three entries. */
async function fill(factory: StoreFactory): Promise<void> {
  const store = await factory({ readOnly: false });
  const lease = await store.acquire("test");
  const writer = journalWriter(store, lease.kind === "acquired" ? lease.epoch : -1);
  for (const step of [0, 1, 2, 3, 4]) {
    await Promise.all(
      RUNS.map((run) => {
        const kind =
          step === 0 ? "run.started" : step === 4 && run !== "c" ? "run.completed" : "step.sealed";
        return writer.write(run, kind, run === "a" && step === 1 ? LARGE : undefined);
      }),
    );
  }
  await store.close();
}

async function verify(factory: StoreFactory, options: VerifyOptions = {}) {
  const store = await factory({ readOnly: true });
  try {
    return await verifyStore(store, options);
  } finally {
    await store.close();
  }
}

describe("promise 1: verify finds what was changed", () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "baton-verify-"));
    file = join(folder, "baton.db");
    await fill(sqlite(file));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Changes the file as someone who may write it can: without triggers. */
  function tamper(change: (database: SqliteDatabase.Database) => void): void {
    const database = new SqliteDatabase(file);
    const triggers = database
      .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
      .pluck()
      .all();
    for (const name of triggers) database.exec(`DROP TRIGGER ${name}`);
    change(database);
    database.close();
  }
  const problemsAfter = async (...sql: string[]) => {
    tamper((database) => database.exec(sql.join(";")));
    return (await verify(sqlite(file))).problems;
  };
  const at = (stream: string, seq: number) =>
    `(SELECT position FROM entries JOIN streams ON no = stream_no WHERE name = '${stream}' AND seq = ${seq})`;

  test.each([
    ["SQLite", () => sqlite(file)],
    ["memory", memory],
  ])("finds nothing in a sound store (%s), and counts what it saw", async (name, factory) => {
    const made = factory();
    if (name === "memory") await fill(made);
    expect(await verify(made)).toEqual({
      runs: 3,
      entries: 15,
      commits: 5,
      blobs: 1,
      problems: [],
    });
  });

  test("looks closely into one stream, or one namespace, if asked to", async () => {
    expect(await verify(sqlite(file), { stream: "run/a" })).toMatchObject({
      runs: 1,
      entries: 5,
      problems: [],
    });
    expect(await verify(sqlite(file), { namespace: "other" })).toMatchObject({
      runs: 0,
      entries: 0,
      problems: [],
    });
  });

  test("goes on while another process writes", async () => {
    const writing = await sqlite(file)({ readOnly: false });
    const lease = await writing.acquire("test");
    const writer = journalWriter(writing, lease.kind === "acquired" ? lease.epoch : -1);
    const reading = await sqlite(file)({ readOnly: true });
    // Appends after each page that the verification reads.
    let n = 0;
    const disturbed: typeof reading = {
      ...reading,
      commits: async (after, limit) => {
        const page = await reading.commits(after, limit);
        n += 1;
        if (n < 20) await writer.write(`late-${n}`, "run.started");
        return page;
      },
    };
    expect(await verifyStore(disturbed)).toMatchObject({ problems: [] });
    await reading.close();
    await writing.close();
  });

  test("finds a changed byte in the text of an entry", async () => {
    const problems = await problemsAfter(
      `UPDATE entries SET text = replace(text, 'some words', 'same words') WHERE position = ${at("run/b", 2)}`,
    );
    expect(problems).toEqual([
      expect.objectContaining({ kind: "changed", stream: "run/b", seq: 2 }),
    ]);
  });

  test("finds a changed byte in the hash of an entry", async () => {
    const problems = await problemsAfter(
      `UPDATE entries SET hash = zeroblob(32) WHERE position = ${at("run/b", 2)}`,
    );
    expect(problems).toContainEqual(
      expect.objectContaining({ kind: "changed", stream: "run/b", seq: 2 }),
    );
  });

  test("finds an entry that was written anew with a fitting hash", async () => {
    tamper((database) => {
      const row = database
        .prepare<[], { text: string }>(
          `SELECT text FROM entries WHERE position = ${at("run/b", 2)}`,
        )
        .get();
      const text = row?.text.replace("some words", "same words") ?? "";
      const hash = Buffer.from(hashEntry("default", "run/b", text), "hex");
      database
        .prepare(`UPDATE entries SET text = ?, hash = ? WHERE position = ${at("run/b", 2)}`)
        .run(text, hash);
    });
    const { problems } = await verify(sqlite(file));
    expect(problems).toContainEqual(
      expect.objectContaining({ kind: "changed", stream: "run/b", seq: 3 }),
    );
    expect(problems).toContainEqual(expect.objectContaining({ kind: "commit", commitNo: 3 }));
  });

  test("finds a removed entry", async () => {
    const problems = await problemsAfter(`DELETE FROM entries WHERE position = ${at("run/b", 2)}`);
    expect(problems).toEqual([
      expect.objectContaining({ kind: "missing", stream: "run/b", seq: 2 }),
    ]);
  });

  test("finds a removed entry when all later ones were moved up", async () => {
    const position = at("run/b", 2);
    const problems = await problemsAfter(
      `CREATE TEMP TABLE gone AS SELECT ${position} AS position`,
      "DELETE FROM entries WHERE position = (SELECT position FROM gone)",
      "UPDATE entries SET position = -position + 1 WHERE position > (SELECT position FROM gone)",
      "UPDATE entries SET position = -position WHERE position < 0",
    );
    expect(problems).toEqual([
      expect.objectContaining({ kind: "missing", stream: "run/b", seq: 2 }),
    ]);
  });

  test("finds an added entry", async () => {
    tamper((database) => {
      const last = database
        .prepare<[], { hash: Buffer; no: number }>(
          `SELECT hash, stream_no AS no FROM entries WHERE position = ${at("run/c", 4)}`,
        )
        .get();
      const prev = last?.hash.toString("hex") ?? "";
      const text = entryText({
        namespace: "default",
        stream: "run/c",
        seq: 5,
        kind: "step.sealed",
        prev,
        payload: {},
      });
      const hash = Buffer.from(hashEntry("default", "run/c", text), "hex");
      database
        .prepare("INSERT INTO entries (stream_no, seq, text, hash) VALUES (?, ?, ?, ?)")
        .run(last?.no, 5, text, hash);
    });
    const { problems } = await verify(sqlite(file));
    expect(problems).toEqual([expect.objectContaining({ kind: "added", stream: "run/c", seq: 5 })]);
  });

  test("finds an entry that was added after the end of a run, and says so", async () => {
    tamper((database) => {
      const last = database
        .prepare<[], { hash: Buffer; no: number }>(
          `SELECT hash, stream_no AS no FROM entries WHERE position = ${at("run/a", 4)}`,
        )
        .get();
      const prev = last?.hash.toString("hex") ?? "";
      const text = entryText({
        namespace: "default",
        stream: "run/a",
        seq: 5,
        kind: "step.sealed",
        prev,
        payload: {},
      });
      database
        .prepare("INSERT INTO entries (stream_no, seq, text, hash) VALUES (?, ?, ?, ?)")
        .run(last?.no, 5, text, Buffer.from(hashEntry("default", "run/a", text), "hex"));
    });
    const { problems } = await verify(sqlite(file));
    expect(problems).toContainEqual(
      expect.objectContaining({ kind: "added", stream: "run/a", seq: 5 }),
    );
  });

  test("finds that a run's end was changed which it had taken back", async () => {
    const changed = await problemsOfReopened("0".repeat(64));
    expect(changed).toContainEqual(
      expect.objectContaining({
        kind: "changed",
        stream: "run/a",
        seq: 5,
        message: expect.stringContaining("does not follow the entry before it"),
      }),
    );
    const sound = await problemsOfReopened(undefined);
    expect(sound.filter(({ message }) => message.includes("does not follow"))).toEqual([]);
  });

  /** Adds an entry with which run a takes its end back, and which says this of the hash before it. */
  async function problemsOfReopened(prev: string | undefined) {
    tamper((database) => {
      database.exec(`DELETE FROM entries WHERE position = ${at("run/a", 5)}`);
      const last = database
        .prepare<[], { hash: Buffer; no: number }>(
          `SELECT hash, stream_no AS no FROM entries WHERE position = ${at("run/a", 4)}`,
        )
        .get();
      const text = entryText({
        namespace: "default",
        stream: "run/a",
        seq: 5,
        kind: "run.compensating",
        prev: prev ?? last?.hash.toString("hex") ?? "",
        payload: {},
      });
      database
        .prepare("INSERT INTO entries (stream_no, seq, text, hash) VALUES (?, ?, ?, ?)")
        .run(last?.no, 5, text, Buffer.from(hashEntry("default", "run/a", text), "hex"));
    });
    return (await verify(sqlite(file))).problems;
  }

  test("finds two entries whose texts were swapped", async () => {
    const [one, two] = [at("run/b", 1), at("run/b", 2)];
    const problems = await problemsAfter(
      `CREATE TEMP TABLE places AS SELECT ${one} AS one, ${two} AS two`,
      "CREATE TEMP TABLE old AS SELECT position, text, hash FROM entries",
      "UPDATE entries SET (text, hash) = (SELECT text, hash FROM old WHERE position = (SELECT two FROM places)) WHERE position = (SELECT one FROM places)",
      "UPDATE entries SET (text, hash) = (SELECT text, hash FROM old WHERE position = (SELECT one FROM places)) WHERE position = (SELECT two FROM places)",
    );
    expect(problems).toContainEqual(
      expect.objectContaining({ kind: "reordered", stream: "run/b", seq: 1 }),
    );
    expect(problems).toContainEqual(
      expect.objectContaining({ kind: "reordered", stream: "run/b", seq: 2 }),
    );
  });

  test.each([
    ["of one run", ["run/b", 1], ["run/b", 3]],
    ["of two runs", ["run/a", 1], ["run/b", 3]],
    ["beside each other", ["run/a", 1], ["run/b", 1]],
  ] as const)(
    "finds two entries %s that changed places",
    async (_name, [streamOne, seqOne], [streamTwo, seqTwo]) => {
      const problems = await problemsAfter(
        `CREATE TEMP TABLE places AS SELECT ${at(streamOne, seqOne)} AS one, ${at(streamTwo, seqTwo)} AS two`,
        "UPDATE entries SET position = -1 WHERE position = (SELECT one FROM places)",
        "UPDATE entries SET position = (SELECT one FROM places) WHERE position = (SELECT two FROM places)",
        "UPDATE entries SET position = (SELECT two FROM places) WHERE position = -1",
      );
      expect(problems.length).toBeGreaterThan(0);
      expect(problems.every(({ kind }) => kind === "reordered")).toBe(true);
      const named = problems.map(({ stream, seq }) => `${stream} ${seq}`);
      expect(
        named.some((place) => [`${streamOne} ${seqOne}`, `${streamTwo} ${seqTwo}`].includes(place)),
      ).toBe(true);
    },
  );

  test("finds a cut tail", async () => {
    const problems = await problemsAfter(
      "DELETE FROM entries WHERE seq >= 3 AND stream_no = (SELECT no FROM streams WHERE name = 'run/a')",
    );
    expect(problems).toContainEqual(
      expect.objectContaining({ kind: "missing", stream: "run/a", seq: 3 }),
    );
    expect(problems).toContainEqual(
      expect.objectContaining({ kind: "missing", stream: "run/a", seq: 4 }),
    );
  });

  test("finds a cut tail whose commits were cut too, by the index of the runs that had ended", async () => {
    const problems = await problemsAfter(
      "DELETE FROM entries WHERE seq = 4",
      "DELETE FROM commits WHERE commit_no = 5",
    );
    expect(problems).toEqual([
      expect.objectContaining({ kind: "index", stream: "run/a" }),
      expect.objectContaining({ kind: "index", stream: "run/b" }),
    ]);
  });

  test("finds that a whole run was removed", async () => {
    const problems = await problemsAfter(
      "DELETE FROM entries WHERE stream_no = (SELECT no FROM streams WHERE name = 'run/b')",
      "DELETE FROM streams WHERE name = 'run/b'",
    );
    expect(problems).toHaveLength(5);
    for (const [seq, problem] of problems.entries()) {
      expect(problem).toMatchObject({
        kind: "missing",
        seq,
        message: expect.stringContaining("stream number 2"),
      });
    }
  });

  test("finds that the row of a run was removed", async () => {
    const problems = await problemsAfter("DELETE FROM streams WHERE name = 'run/b'");
    expect(problems).toContainEqual(
      expect.objectContaining({
        kind: "missing",
        message: expect.stringContaining("stream number 2"),
      }),
    );
  });

  test.each([
    ["its text", "text = replace(text, '\"epoch\":1', '\"epoch\":2')"],
    ["its hash", "hash = zeroblob(32)"],
    ["its index", "ranges = x'010303020303'"],
    ["its index, which cannot be read any more", "ranges = x'01'"],
  ])("finds a changed commit row: %s", async (_name, set) => {
    const problems = await problemsAfter(`UPDATE commits SET ${set} WHERE commit_no = 3`);
    expect(problems).toContainEqual(expect.objectContaining({ kind: "commit", commitNo: 3 }));
  });

  test("finds a commit row that was written anew with a fitting hash", async () => {
    tamper((database) => {
      const zeros = "0".repeat(64);
      const { text, hash } = sealCommit({
        at: 1,
        commitNo: 1,
        count: 3,
        epoch: 1,
        prev: zeros,
        root: sha256Hex(""),
      });
      database
        .prepare("UPDATE commits SET text = ?, hash = ? WHERE commit_no = 1")
        .run(text, Buffer.from(hash, "hex"));
    });
    const { problems } = await verify(sqlite(file));
    expect(problems).toContainEqual(expect.objectContaining({ kind: "commit", commitNo: 1 }));
    expect(problems).toContainEqual(expect.objectContaining({ kind: "commit", commitNo: 2 }));
  });

  test("finds a removed commit row", async () => {
    const problems = await problemsAfter("DELETE FROM commits WHERE commit_no = 3");
    expect(problems).toContainEqual(expect.objectContaining({ kind: "commit", commitNo: 4 }));
  });

  test("finds a changed blob and a removed one", async () => {
    const changed = await problemsAfter("UPDATE blobs SET text = replace(text, 'value', 'VALUE')");
    expect(changed).toEqual([
      expect.objectContaining({ kind: "blob", message: expect.stringContaining(sha256Hex(LARGE)) }),
    ]);
    const removed = await problemsAfter("DELETE FROM blobs");
    expect(removed).toEqual([expect.objectContaining({ kind: "blob", stream: "run/a", seq: 1 })]);
  });

  test("finds an index that says another status than the journal", async () => {
    const problems = await problemsAfter(
      "UPDATE streams SET status = 'failed' WHERE name = 'run/a'",
      "UPDATE streams SET open = 0 WHERE name = 'run/c'",
    );
    expect(problems).toEqual([
      expect.objectContaining({ kind: "index", stream: "run/a", seq: 4 }),
      expect.objectContaining({ kind: "index", stream: "run/c", seq: 4 }),
    ]);
  });

  test.each([
    ["that is not canonical", (text: string) => text.replace(":1}", ": 1}"), "format"],
    ["of a later format", (text: string) => text.replace(/"v":1}$/, '"v":2}'), "format"],
    ["that is no JSON", () => "hello", "format"],
  ])("finds an entry %s, though its hash fits", async (_name, change, kind) => {
    tamper((database) => {
      const row = database
        .prepare<[], { text: string }>(
          `SELECT text FROM entries WHERE position = ${at("run/c", 4)}`,
        )
        .get();
      const text = change(row?.text ?? "");
      const hash = Buffer.from(hashEntry("default", "run/c", text), "hex");
      database
        .prepare(`UPDATE entries SET text = ?, hash = ? WHERE position = ${at("run/c", 4)}`)
        .run(text, hash);
    });
    const { problems } = await verify(sqlite(file));
    expect(problems).toContainEqual(expect.objectContaining({ kind, stream: "run/c", seq: 4 }));
  });
});
