/**
 * Writing a group: one transaction, in which the lease's epoch is checked.
 *
 * Owns: the heads and the tail that are kept in memory. Fails: everything of the group is rolled back, what is kept in
 * memory is forgotten, and `STORE_FAILED` (`STORE_CORRUPT` over damage) is thrown; the next group starts from what the file says.
 * Invariants: 1. Positions and commit numbers are dense from 1. 2. What is in memory is what the file says, for as long as the lease holds.
 */
import { readCommit, sealCommit } from "../../journal/commit.ts";
import { NO_HASH } from "../../journal/hash.ts";
import { merkleRoot } from "../../journal/merkle.ts";
import { BatonError } from "../../model/errors.ts";
import type { AppendRequest, Blob, StreamIndex, StreamName } from "../../ports/journal-store.ts";
import type { CommitGroup } from "../append-queue.ts";
import { type GroupPlan, type HeadPlace, planGroup } from "../group-commit.ts";
import { type Database, sqliteCode } from "./driver.ts";
import { headCache } from "./head-cache.ts";
import type { SqliteLease } from "./lease.ts";
import { encodeRanges } from "./ranges.ts";

/** Where the file ends. */
interface Tail {
  readonly position: number;
  readonly streamNo: number;
  readonly commitNo: number;
  readonly commitHash: string;
  readonly at: number;
}

export interface GroupWriter {
  readonly commit: CommitGroup;
  /** Forgets what is kept in memory: another process may have written since. */
  forget(): void;
}

/** Rows in one INSERT statement; several at once save a fifth of the time. */
const BATCH_SIZES = [32, 8, 1] as const;

/** Labels whose numbers are remembered. */
const LABELS_KNOWN_MAX = 10_000;

/** A writer of groups into `database`. */
export function groupWriter(
  database: Database,
  lease: SqliteLease,
  now: () => number,
): GroupWriter {
  const heads = headCache(headLoader(database));
  const rows = rowWriter(database, now);
  const begin = database.prepare("BEGIN IMMEDIATE");
  const end = database.prepare("COMMIT");
  let tail: Tail | undefined;

  function commit(requests: readonly AppendRequest[]): GroupPlan["outcomes"] {
    try {
      begin.run();
      const current = lease.current();
      const from = tail ?? readTail(database);
      let { streamNo } = from;
      const nextNo = () => {
        streamNo += 1;
        return streamNo;
      };
      const plan = planGroup(
        requests,
        { get: (name) => heads.get(name), set: (name, place) => heads.set(name, place), nextNo },
        current,
        from.commitNo,
      );
      const reached = rows.write(plan, from, current.epoch);
      end.run();
      tail = reached;
      return plan.outcomes;
    } catch (cause) {
      forget();
      // After some errors, a full disk among them, SQLite has rolled back by itself.
      if (database.inTransaction) database.exec("ROLLBACK");
      const why = cause instanceof Error ? cause.message : String(cause);
      const code = isDamage(cause) ? "STORE_CORRUPT" : "STORE_FAILED";
      throw new BatonError(code, `Could not commit to ${database.name}: ${why}.`, { cause });
    }
  }

  function forget(): void {
    tail = undefined;
    heads.clear();
    rows.forget();
  }

  return { commit, forget };
}

/**
 * Whether a commit failed over what the file has, which stays as it is; anything else may pass, and is worth trying again.
 * Places are checked before rows are written, so that a constraint is broken only where an index doesn't say what its table has.
 */
function isDamage(cause: unknown): boolean {
  const code = sqliteCode(cause);
  if (code.startsWith("SQLITE_CORRUPT") || code.startsWith("SQLITE_CONSTRAINT")) return true;
  // Then it is not SQLite that failed, but the reading of a row that it gave.
  return !code.startsWith("SQLITE_");
}

interface RowWriter {
  /** Writes the rows of a plan after `from`, and gives the new end. */
  readonly write: (plan: GroupPlan, from: Tail, epoch: number) => Tail;
  /** Forgets what was looked up: a transaction failed, and with it what it had added. */
  readonly forget: () => void;
}

function rowWriter(database: Database, now: () => number): RowWriter {
  const insertEntries = entryInserter(database);
  const insertStreams = streamInserter(database);
  const updateIndex = database.prepare(
    "UPDATE streams SET status = ?, open = ?, type = ?, wake_at = ? WHERE no = ?",
  );
  const insertCommit = database.prepare(
    "INSERT INTO commits (commit_no, text, hash, ranges) VALUES (?, ?, ?, ?)",
  );
  const insertBlob = blobInserter(database);
  const labels = labelInserter(database);
  function write(plan: GroupPlan, from: Tail, epoch: number): Tail {
    insertStreams(plan.newStreams);
    for (const { no, index } of plan.indexes) updateIndex.run(...columnsOf(index), no);
    for (const blob of plan.blobs) insertBlob(blob);
    const streamNo = from.streamNo + plan.newStreams.length;
    const count = plan.entries.length;
    if (count === 0) return { ...from, streamNo };
    insertEntries(plan, from.position + 1);
    labels.insert(plan.labels, from.position + 1);
    const at = Math.max(from.at, now());
    const commitNo = from.commitNo + 1;
    const root = merkleRoot(plan.entries.map(({ hash }) => hash));
    const { text, hash } = sealCommit({ at, commitNo, count, epoch, prev: from.commitHash, root });
    insertCommit.run(commitNo, text, Buffer.from(hash, "hex"), encodeRanges(plan.ranges));
    return { position: from.position + count, streamNo, commitNo, commitHash: hash, at };
  }
  return { write, forget: labels.forget };
}

function columnsOf({
  status,
  open,
  type,
  wakeAtMs,
}: StreamIndex): [string, number, string, number | null] {
  return [status, open ? 1 : 0, type, wakeAtMs ?? null];
}

function headLoader(database: Database): (name: StreamName) => HeadPlace | undefined {
  const select = database.prepare<
    [string, string],
    { readonly no: number; readonly lastSeq: number | null }
  >(
    "SELECT no, (SELECT max(seq) FROM entries WHERE stream_no = no) AS lastSeq FROM streams WHERE namespace = ? AND name = ?",
  );
  return ({ namespace, stream }) => {
    const row = select.get(namespace, stream);
    return row === undefined ? undefined : { no: row.no, lastSeq: row.lastSeq ?? -1 };
  };
}

function readTail(database: Database): Tail {
  const numbers = database
    .prepare<[], { readonly position: number; readonly streamNo: number }>(
      "SELECT (SELECT coalesce(max(position), 0) FROM entries) AS position, (SELECT coalesce(max(no), 0) FROM streams) AS streamNo",
    )
    .get();
  const last = database
    .prepare<[], { readonly commit_no: number; readonly text: string; readonly hash: Buffer }>(
      "SELECT commit_no, text, hash FROM commits ORDER BY commit_no DESC LIMIT 1",
    )
    .get();
  const { position = 0, streamNo = 0 } = numbers ?? {};
  if (last === undefined) return { position, streamNo, commitNo: 0, commitHash: NO_HASH, at: 0 };
  const { at } = readCommit(last.text);
  return {
    position,
    streamNo,
    commitNo: last.commit_no,
    commitHash: last.hash.toString("hex"),
    at,
  };
}

/** Inserts `count` rows, several with one statement; `put` adds the values of a row. */
type BatchInserter = (count: number, put: (row: number, values: unknown[]) => void) => void;

function batchInserter(
  database: Database,
  table: string,
  columns: readonly string[],
): BatchInserter {
  const row = `(${columns.map(() => "?").join(", ")})`;
  const statements = BATCH_SIZES.map((size) => {
    const rows = new Array<string>(size).fill(row).join(", ");
    const sql = `INSERT INTO ${table} (${columns.join(", ")}) VALUES ${rows}`;
    return { size, statement: database.prepare<[readonly unknown[]]>(sql) };
  });
  return (count, put) => {
    let done = 0;
    for (const { size, statement } of statements) {
      for (; count - done >= size; done += size) {
        const values: unknown[] = [];
        for (let i = done; i < done + size; i += 1) put(i, values);
        statement.run(values);
      }
    }
  };
}

function streamInserter(database: Database): (streams: GroupPlan["newStreams"]) => void {
  const insertRows = batchInserter(database, "streams", [
    "no",
    "namespace",
    "name",
    "status",
    "open",
    "type",
    "wake_at",
  ]);
  return (streams) => {
    insertRows(streams.length, (i, values) => {
      const made = streams[i];
      if (made === undefined) return;
      values.push(made.no, made.namespace, made.stream, ...columnsOf(made.index));
    });
  };
}

function entryInserter(database: Database): (plan: GroupPlan, position: number) => void {
  const insertRows = batchInserter(database, "entries", [
    "position",
    "stream_no",
    "seq",
    "text",
    "hash",
  ]);
  return ({ entries, nos }, position) => {
    insertRows(entries.length, (i, values) => {
      const entry = entries[i];
      if (entry === undefined) return;
      values.push(position + i, nos[i], entry.seq, entry.text, Buffer.from(entry.hash, "hex"));
    });
  };
}

/** Labels are looked up once: a store has few of them, and none is ever removed. `forget` is for when a transaction failed. */
interface LabelInserter {
  readonly insert: (labels: GroupPlan["labels"], position: number) => void;
  readonly forget: () => void;
}

function labelInserter(database: Database): LabelInserter {
  const find = database
    .prepare<[string, string], number>("SELECT no FROM labels WHERE namespace = ? AND label = ?")
    .pluck();
  const add = database.prepare<[string, string]>(
    "INSERT INTO labels (namespace, label) VALUES (?, ?)",
  );
  const insertRows = batchInserter(database, "labelled", ["label_no", "position"]);
  const known = new Map<string, number | bigint>();
  const numberOf = (namespace: string, label: string): number | bigint => {
    const key = `${namespace}\n${label}`;
    const held = known.get(key);
    if (held !== undefined) return held;
    const no = find.get(namespace, label) ?? add.run(namespace, label).lastInsertRowid;
    if (known.size >= LABELS_KNOWN_MAX) known.clear();
    known.set(key, no);
    return no;
  };
  return {
    insert: (labels, position) => {
      insertRows(labels.length, (i, values) => {
        const label = labels[i];
        if (label !== undefined)
          values.push(numberOf(label.namespace, label.label), position + label.at);
      });
    },
    forget: () => known.clear(),
  };
}

function blobInserter(database: Database): (blob: Blob) => void {
  const find = database.prepare<[Buffer], unknown>("SELECT 1 FROM blobs WHERE sha256 = ?");
  const insert = database.prepare<[Buffer, string]>(
    "INSERT INTO blobs (sha256, text) VALUES (?, ?)",
  );
  return ({ sha256, text }) => {
    const key = Buffer.from(sha256, "hex");
    if (find.get(key) === undefined) insert.run(key, text);
  };
}
