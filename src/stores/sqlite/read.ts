/**
 * Reading: pages of entries, heads, commits and blobs. Nothing here writes, and nothing is kept between calls.
 */
import type {
  ArrivedEntry,
  Blob,
  CommitRange,
  HeadFilter,
  LabelledEntry,
  LabelSummary,
  StoredCommit,
  StoredEntry,
  StreamHead,
  StreamName,
} from "../../ports/journal-store.ts";
import { headsLimit } from "../page.ts";
import type { Database } from "./driver.ts";
import { decodeRanges } from "./ranges.ts";

type EntryRow = readonly [seq: number, text: string, hash: Buffer];
type ArrivedRow = readonly [
  position: number,
  no: number,
  seq: number,
  text: string,
  hash: Buffer,
  namespace: string | null,
  name: string | null,
];
type LabelledRow = readonly [...ArrivedRow, type: string | null];
type CommitRow = readonly [commitNo: number, text: string, hash: Buffer, ranges: Buffer];
type HeadRow = readonly [
  no: number,
  namespace: string,
  name: string,
  status: string,
  open: number,
  type: string,
  wakeAt: number | null,
  lastSeq: number | null,
];

export interface SqliteReader {
  read(stream: StreamName, fromSeq: number, limit: number): readonly StoredEntry[];
  head(stream: StreamName): StreamHead | undefined;
  heads(filter: HeadFilter): readonly StreamHead[];
  commits(afterCommitNo: number, limit: number): readonly StoredCommit[];
  arrivals(after: number | undefined, limit: number): readonly ArrivedEntry[];
  labelled(
    namespace: string,
    label: string,
    after: number | undefined,
    limit: number,
  ): readonly LabelledEntry[];
  arrived(stream: StreamName, seq: number): ArrivedEntry | undefined;
  labels(namespace: string): readonly LabelSummary[];
  blob(sha256: string): string | undefined;
  blobs(after: string | undefined, limit: number): readonly Blob[];
}

const HEAD_COLUMNS =
  "no, namespace, name, status, open, type, wake_at, (SELECT max(seq) FROM entries WHERE stream_no = no)";

/** A reader of `database`. */
export function sqliteReader(database: Database): SqliteReader {
  const selectNo = database
    .prepare<[string, string], number>("SELECT no FROM streams WHERE namespace = ? AND name = ?")
    .pluck();
  const selectEntries = database
    .prepare<[number, number, number], EntryRow>(
      "SELECT seq, text, hash FROM entries WHERE stream_no = ? AND seq >= ? ORDER BY seq LIMIT ?",
    )
    .raw();
  const selectHead = database
    .prepare<[string, string], HeadRow>(
      `SELECT ${HEAD_COLUMNS} FROM streams WHERE namespace = ? AND name = ?`,
    )
    .raw();
  const selectArrivals = database
    .prepare<[number, number], ArrivedRow>(
      "SELECT position, stream_no, seq, text, hash, namespace, name FROM entries LEFT JOIN streams ON no = stream_no WHERE position > ? ORDER BY position LIMIT ?",
    )
    .raw();
  const selectArrived = database
    .prepare<[string, string, number], ArrivedRow>(
      "SELECT position, stream_no, seq, text, hash, namespace, name FROM entries JOIN streams ON no = stream_no WHERE namespace = ? AND name = ? AND seq = ?",
    )
    .raw();
  return {
    read({ namespace, stream }, fromSeq, limit) {
      const no = selectNo.get(namespace, stream);
      if (no === undefined) return [];
      return selectEntries
        .all(no, fromSeq, limit)
        .map(([seq, text, hash]) => ({ seq, text, hash: hash.toString("hex") }));
    },
    head({ namespace, stream }) {
      const row = selectHead.get(namespace, stream);
      return row === undefined ? undefined : headOf(row);
    },
    heads: (filter) => selectHeads(database, filter).map(headOf),
    commits: commitReader(database),
    arrivals(after, limit) {
      return selectArrivals.all(after ?? Number.MIN_SAFE_INTEGER, limit).map(arrivedOf);
    },
    arrived({ namespace, stream }, seq) {
      const row = selectArrived.get(namespace, stream, seq);
      return row === undefined ? undefined : arrivedOf(row);
    },
    ...labelReader(database),
    ...blobReader(database),
  };
}

function arrivedOf([position, no, seq, text, hash, namespace, name]: ArrivedRow): ArrivedEntry {
  const names = { namespace: namespace ?? "", stream: name ?? "" };
  return { position, no, seq, text, hash: hash.toString("hex"), ...names };
}

function labelledOf([
  position,
  no,
  seq,
  text,
  hash,
  namespace,
  name,
  type,
]: LabelledRow): LabelledEntry {
  const index = { namespace: namespace ?? "", stream: name ?? "", type: type ?? "" };
  return { position, no, seq, text, hash: hash.toString("hex"), ...index };
}

function labelReader(database: Database): Pick<SqliteReader, "labelled" | "labels"> {
  const selectLabelled = database
    .prepare<[string, string, number, number], LabelledRow>(
      `SELECT position, stream_no, seq, text, hash, streams.namespace, name, type
       FROM labelled JOIN entries USING (position) LEFT JOIN streams ON no = stream_no
       WHERE label_no = (SELECT no FROM labels WHERE namespace = ? AND label = ?) AND position > ?
       ORDER BY position LIMIT ?`,
    )
    .raw();
  const selectLabels = database
    .prepare<[string], readonly [string, number, number]>(
      `SELECT label, count(*), max(position) FROM labels JOIN labelled ON label_no = labels.no
       WHERE namespace = ? GROUP BY labels.no ORDER BY label`,
    )
    .raw();
  return {
    labelled: (namespace, label, after, limit) =>
      selectLabelled.all(namespace, label, after ?? Number.MIN_SAFE_INTEGER, limit).map(labelledOf),
    labels: (namespace) =>
      selectLabels
        .all(namespace)
        .map(([label, entries, lastPosition]) => ({ label, entries, lastPosition })),
  };
}

function commitReader(database: Database): SqliteReader["commits"] {
  const selectCommits = database
    .prepare<[number, number], CommitRow>(
      "SELECT commit_no, text, hash, ranges FROM commits WHERE commit_no > ? ORDER BY commit_no LIMIT ?",
    )
    .raw();
  const selectName = database
    .prepare<[number], readonly [string, string]>(
      "SELECT namespace, name FROM streams WHERE no = ?",
    )
    .raw();
  return (afterCommitNo, limit) => {
    const names = new Map<number, StreamName>();
    const nameOf = (no: number): StreamName => {
      const known = names.get(no);
      if (known !== undefined) return known;
      const [namespace, stream] = selectName.get(no) ?? ["", ""];
      const name = { namespace, stream };
      names.set(no, name);
      return name;
    };
    return selectCommits.all(afterCommitNo, limit).map(([commitNo, text, hash, ranges]) => {
      const entries = decodeRanges(ranges).map(
        ({ no, fromSeq, count }): CommitRange => ({ no, fromSeq, count, ...nameOf(no) }),
      );
      return { commitNo, text, hash: hash.toString("hex"), entries };
    });
  };
}

function blobReader(database: Database): Pick<SqliteReader, "blob" | "blobs"> {
  const selectBlob = database
    .prepare<[Buffer], string>("SELECT text FROM blobs WHERE sha256 = ?")
    .pluck();
  const selectBlobs = database
    .prepare<[Buffer, number], readonly [Buffer, string]>(
      "SELECT sha256, text FROM blobs WHERE sha256 > ? ORDER BY sha256 LIMIT ?",
    )
    .raw();
  return {
    blob: (sha256) => selectBlob.get(Buffer.from(sha256, "hex")),
    blobs(after, limit) {
      return selectBlobs
        .all(Buffer.from(after ?? "", "hex"), limit)
        .map(([sha256, text]) => ({ sha256: sha256.toString("hex"), text }));
    },
  };
}

/** So many streams are found by their names, and sorted; of more, a page is found sooner in the order of their numbers. */
const BY_NAME_MAX = 1_000;

function selectHeads(database: Database, filter: HeadFilter): HeadRow[] {
  const { namespace, prefix, open, status, type, order = "newest", after } = filter;
  const byName = areFew(database, namespace, prefix);
  const conditions: string[] = [];
  const values: (string | number)[] = [];
  const where = (condition: string, value: string | number | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  // The plus keeps SQLite from choosing the index on names, and then sorting all that it finds to give one page.
  const plus = byName ? "" : "+";
  where(`${plus}namespace = ?`, namespace);
  where(`${plus}name >= ?`, prefix);
  where(`${plus}name < ?`, prefix === undefined ? undefined : endOfPrefix(prefix));
  where("status = ?", status);
  where("type = ?", type);
  where(order === "newest" ? "no < ?" : "no > ?", after);
  // Written out, so that the partial index on open streams can be used.
  if (open !== undefined) conditions.push(open ? "open = 1" : "open = 0");
  const index = byName ? "INDEXED BY sqlite_autoindex_streams_1" : "";
  const sql = `SELECT ${HEAD_COLUMNS} FROM streams ${index} ${conditions.length > 0 ? "WHERE" : ""} ${conditions.join(" AND ")}
    ORDER BY no ${order === "newest" ? "DESC" : "ASC"} LIMIT ${headsLimit(filter.limit)}`;
  return database
    .prepare<(string | number)[], HeadRow>(sql)
    .raw()
    .all(...values);
}

/** Whether the names of no more than {@link BY_NAME_MAX} streams begin so. */
function areFew(
  database: Database,
  namespace: string | undefined,
  prefix: string | undefined,
): boolean {
  if (namespace === undefined || prefix === undefined) return false;
  const counted = database
    .prepare<[string, string, string, number], number>(
      "SELECT count(*) FROM (SELECT 1 FROM streams WHERE namespace = ? AND name >= ? AND name < ? LIMIT ?)",
    )
    .pluck()
    .get(namespace, prefix, endOfPrefix(prefix), BY_NAME_MAX + 1);
  return counted !== undefined && counted <= BY_NAME_MAX;
}

function endOfPrefix(prefix: string): string {
  return `${prefix}\u{10FFFF}`;
}

function headOf([
  no,
  namespace,
  stream,
  status,
  open,
  type,
  wakeAtMs,
  lastSeq,
]: HeadRow): StreamHead {
  const head = { no, namespace, stream, status, open: open === 1, type, lastSeq: lastSeq ?? -1 };
  return wakeAtMs === null ? head : { ...head, wakeAtMs };
}
