/**
 * The journal as the tables have it, in the shape in which the journal's own verification reads it: entries in the order of
 * arrival, commits, blobs. Everything is read once, file by file; what is looked up again is found by where it was.
 */
import type { CommittedJournal } from "../../journal/verify.ts";
import type { ArrivedEntry, Blob, CommitRange, StoredCommit } from "../../ports/journal-store.ts";
import { isObject } from "./actions.ts";
import type { Row } from "./columns.ts";
import { fileRows, filesInOrder } from "./reading.ts";
import type { Snapshot } from "./log.ts";
import { lowest } from "./stats.ts";
import type { DeltaStorage } from "./storage.ts";

/** The tables that a journal is made of, each as of one version. */
export interface JournalTables {
  readonly storage: DeltaStorage;
  readonly entries: Snapshot;
  readonly commits: Snapshot;
  readonly blobs: Snapshot;
}

export interface TablesJournal extends CommittedJournal {
  /** How many streams of runs, and how many blobs there are, as far as it was read. */
  counts(): { readonly runs: number; readonly blobs: number };
  /** The last commit that was read. */
  lastCommit(): StoredCommit | undefined;
  /** Entries that are newer than the last commit row that the tables have; they are not given. */
  entriesAhead(): number;
  /** The positions of the last entry and of the last commit that were read. */
  lastPositions(): { readonly entry: number; readonly commit: number };
}

/** Files that are kept decoded for being looked up in. */
const FILES_KEPT = 2;

export function journalOfTables(tables: JournalTables): TablesJournal {
  const commits = commitReader(tables);
  const entries = entryReader(tables);
  const blobs = blobReader(tables);
  return {
    commits: (after, limit) => commits.after(after, limit),
    async arrivals(_after, limit) {
      // Entries after the last commit came when the sink had not written that one's row yet.
      await commits.all();
      return await entries.next(limit, commits.lastPosition());
    },
    read: entries.read,
    blob: (sha256) => blobs.find(sha256),
    blobs: (_after, limit) => blobs.next(limit),
    counts: () => ({ runs: entries.runs(), blobs: blobs.count() }),
    lastCommit: () => commits.last(),
    entriesAhead: () => entries.ahead(),
    lastPositions: () => ({ entry: entries.lastPosition(), commit: commits.lastPosition() }),
  };
}

interface CommitReader {
  all(): Promise<readonly StoredCommit[]>;
  after(commitNo: number, limit: number): Promise<readonly StoredCommit[]>;
  last(): StoredCommit | undefined;
  lastPosition(): number;
}

function commitReader({ storage, commits }: JournalTables): CommitReader {
  let read: Promise<readonly StoredCommit[]> | undefined;
  let last: StoredCommit | undefined;
  let lastPosition = Number.NEGATIVE_INFINITY;
  async function readAll(): Promise<readonly StoredCommit[]> {
    const list: StoredCommit[] = [];
    for await (const { row } of rowsInOrder(storage, "commits", commits)) {
      lastPosition = Math.max(lastPosition, Number(row["position"]));
      list.push(commitOf(row));
    }
    last = list.at(-1);
    return list;
  }
  const all = (): Promise<readonly StoredCommit[]> => {
    read ??= readAll();
    return read;
  };
  let from = 0;
  return {
    all,
    async after(commitNo, limit) {
      const list = await all();
      // Asked for one page after the other: most often it goes on where it was.
      if (list[from - 1]?.commitNo !== commitNo)
        from = list.findIndex((commit) => commit.commitNo > commitNo);
      if (from === -1) from = list.length;
      const page = list.slice(from, from + limit);
      from += page.length;
      return page;
    },
    last: () => last,
    lastPosition: () => lastPosition,
  };
}

interface EntryReader {
  /** The next page, up to a position. */
  next(limit: number, upTo: number): Promise<readonly ArrivedEntry[]>;
  read: CommittedJournal["read"];
  runs(): number;
  ahead(): number;
  lastPosition(): number;
}

function entryReader({ storage, entries }: JournalTables): EntryReader {
  const nextPage = pages(rowsInOrder(storage, "entries", entries));
  const rowAt = keptFiles(storage, "entries");
  const places = new Map<string, Found>();
  const runs = new Set<string>();
  let lastPosition = Number.NEGATIVE_INFINITY;
  let ahead = 0;
  function note(entry: ArrivedEntry, found: Found): void {
    const { namespace, stream, seq } = entry;
    places.set(keyOf(namespace, stream, seq), found);
    if (stream.startsWith("run/")) runs.add(`${namespace}\n${stream}`);
  }
  return {
    async next(limit, upTo) {
      for (;;) {
        const page = await nextPage(limit);
        const arrived: ArrivedEntry[] = [];
        for (const { row, file, index } of page) {
          const entry = entryOf(row);
          lastPosition = Math.max(lastPosition, entry.position);
          if (entry.position > upTo) {
            ahead += 1;
            continue;
          }
          note(entry, { file, index });
          arrived.push(entry);
        }
        if (arrived.length > 0 || page.length === 0) return arrived;
      }
    },
    async read({ namespace, stream }, fromSeq, limit = 1) {
      if (limit !== 1) throw new RangeError("Entries are looked up one by one.");
      const found = places.get(keyOf(namespace, stream, fromSeq));
      const row =
        found === undefined
          ? await searched(storage, entries, { namespace, stream, seq: fromSeq })
          : await rowAt(found);
      return row === undefined ? [] : [entryOf(row)];
    },
    runs: () => runs.size,
    ahead: () => ahead,
    lastPosition: () => lastPosition,
  };
}

interface BlobReader {
  find(sha256: string): Promise<string | undefined>;
  /** The next page: each copy of each blob, in no order of theirs. */
  next(limit: number): Promise<readonly Blob[]>;
  /** Different ones that were given so far. */
  count(): number;
}

function blobReader({ storage, blobs }: JournalTables): BlobReader {
  const nextPage = pages(rowsInOrder(storage, "blobs", blobs));
  const rowAt = keptFiles(storage, "blobs");
  const seen = new Set<string>();
  let places: Promise<ReadonlyMap<string, Found>> | undefined;
  async function findAll(): Promise<ReadonlyMap<string, Found>> {
    const found = new Map<string, Found>();
    for (const file of filesInOrder(blobs)) {
      const rows = await fileRows(storage, "blobs", file, ["sha256"]);
      for (const [index, { sha256 }] of rows.entries())
        if (!found.has(String(sha256))) found.set(String(sha256), { file, index });
    }
    return found;
  }
  return {
    async find(sha256) {
      places ??= findAll();
      const found = (await places).get(sha256);
      if (found === undefined) return undefined;
      const content = (await rowAt(found))?.["text"];
      return typeof content === "string" ? content : undefined;
    },
    async next(limit) {
      const page = await nextPage(limit);
      return page.map(({ row }) => {
        const sha256 = String(row["sha256"]);
        seen.add(sha256);
        return { sha256, text: String(row["text"]) };
      });
    },
    count: () => seen.size,
  };
}

type File = ReturnType<typeof filesInOrder>[number];

/** A row, and where it was found. */
interface Found {
  readonly file: File;
  readonly index: number;
}

interface FoundRow extends Found {
  readonly row: Row;
}

/**
 * The rows of a table in the order of their positions. Files overlap where a batch was of two days, or where another writer has
 * put files together: those that do are open at the same time.
 */
async function* rowsInOrder(
  storage: DeltaStorage,
  table: string,
  snapshot: Snapshot,
): AsyncGenerator<FoundRow, void, undefined> {
  const waiting = [...filesInOrder(snapshot)];
  let open: FoundRow[] = [];
  while (waiting.length > 0 || open.length > 0) {
    const file = waiting.shift();
    if (file !== undefined) {
      const rows = await fileRows(storage, table, file);
      // One by one: whoever puts files together makes them longer than a call may have arguments.
      for (const [index, row] of rows.entries()) open.push({ row, file, index });
      open.sort((one, other) => positionOf(one) - positionOf(other));
    }
    const [next] = waiting;
    const until = next === undefined ? Number.POSITIVE_INFINITY : begin(next);
    const ready = open.findIndex((found) => positionOf(found) >= until);
    const count = ready === -1 ? open.length : ready;
    yield* open.slice(0, count);
    open = open.slice(count);
  }
}

function begin(file: File): number {
  return lowest(file.stats, "position") ?? Number.NEGATIVE_INFINITY;
}

function positionOf({ row }: FoundRow): number {
  return Number(row["position"]);
}

function pages(
  rows: AsyncGenerator<FoundRow, void, undefined>,
): (limit: number) => Promise<readonly FoundRow[]> {
  return async (limit) => {
    const page: FoundRow[] = [];
    while (page.length < limit) {
      const next = await rows.next();
      if (next.done === true) break;
      page.push(next.value);
    }
    return page;
  };
}

function keptFiles(
  storage: DeltaStorage,
  table: string,
): (found: Found) => Promise<Row | undefined> {
  const kept = new Map<string, readonly Row[]>();
  return async ({ file, index }) => {
    const rows = kept.get(file.path) ?? (await fileRows(storage, table, file));
    kept.delete(file.path);
    kept.set(file.path, rows);
    const [oldest] = kept.keys();
    if (kept.size > FILES_KEPT && oldest !== undefined) kept.delete(oldest);
    return rows[index];
  };
}

/** Where it has not been met yet, all files are looked through: only damage leads here. */
async function searched(
  storage: DeltaStorage,
  snapshot: Snapshot,
  wanted: { readonly namespace: string; readonly stream: string; readonly seq: number },
): Promise<Row | undefined> {
  for (const file of filesInOrder(snapshot))
    for (const row of await fileRows(storage, "entries", file)) {
      const { namespace, stream, seq } = entryOf(row);
      if (namespace === wanted.namespace && stream === wanted.stream && seq === wanted.seq)
        return row;
    }
  return undefined;
}

function entryOf(row: Row): ArrivedEntry {
  return {
    position: Number(row["position"]),
    no: Number(row["stream_no"]),
    namespace: String(row["namespace"]),
    stream: String(row["stream"]),
    seq: Number(row["seq"]),
    text: String(row["text"]),
    hash: String(row["hash"]),
  };
}

function commitOf(row: Row): StoredCommit {
  return {
    commitNo: Number(row["commit_no"]),
    text: String(row["text"]),
    hash: String(row["hash"]),
    entries: rangesOf(String(row["covers"])),
  };
}

/** What a damaged row says it covers is nothing: verification then finds that its number is another. */
function rangesOf(text: string): readonly CommitRange[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  if (!Array.isArray(value)) return [];
  return value.flatMap((range: unknown) => {
    if (!Array.isArray(range) || isObject(range)) return [];
    const [no, fromSeq, count, namespace, stream]: readonly unknown[] = range;
    return [
      {
        no: Number(no),
        fromSeq: Number(fromSeq),
        count: Number(count),
        namespace: String(namespace),
        stream: String(stream),
      },
    ];
  });
}

function keyOf(namespace: string, stream: string, seq: number): string {
  return `${namespace}\n${stream}\n${seq}`;
}
