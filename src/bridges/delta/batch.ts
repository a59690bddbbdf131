/**
 * Reading the journal in the order of arrival, in batches of whole commits, so that a table never ends within one.
 *
 * What is not what was sealed is not passed on: a batch with an entry whose hash is wrong, or that lacks one, is refused.
 */
import { canonicalJson } from "../../journal/canonical.ts";
import { hashEntry, sha256Hex } from "../../journal/hash.ts";
import { readCommit, type CommitRow } from "../../journal/commit.ts";
import {
  type BlobRef,
  ENTRY_FORMAT,
  type Entry,
  VALUE_FIELD,
  type ValuedKind,
} from "../../model/entry.ts";
import { BatonError } from "../../model/errors.ts";
import type { ArrivedEntry, JournalStore, StoredCommit } from "../../ports/journal-store.ts";
import { headOf } from "./journal-head.ts";
import type { StreamBook, StreamFacts } from "./stream-facts.ts";
import type { Cursor } from "./table.ts";

/** An entry with all that the tables need of it. */
export interface JournalEntry {
  readonly arrived: ArrivedEntry;
  readonly commitNo: number;
  readonly entry: Entry;
  readonly facts: StreamFacts;
  /** The canonical JSON of its value, also where that is in a blob; undefined if it has none. */
  readonly value: string | undefined;
  /** The blobs that it refers to. */
  readonly blobs: readonly (BlobRef & { readonly text: string })[];
}

export interface JournalCommit {
  readonly stored: StoredCommit;
  readonly row: CommitRow;
  /** Of its last entry. */
  readonly lastPosition: number;
}

export interface Batch {
  readonly entries: readonly JournalEntry[];
  readonly commits: readonly JournalCommit[];
  readonly until: Cursor;
}

/** When a batch is full: whichever comes first. */
export interface BatchLimits {
  readonly rowsMax: number;
  /** Of texts, blobs included. */
  readonly bytesMax: number;
}

/** Where a batch is read from. */
export interface BatchSource {
  readonly store: JournalStore;
  readonly book: StreamBook;
}

const COMMITS_AT_ONCE = 100;
const ENTRIES_AT_ONCE = 500;

/**
 * The batch after a cursor; undefined if there is nothing.
 * @throws BatonError `JOURNAL_BROKEN`, `ENTRY_UNKNOWN`; what the store throws
 */
export async function readBatch(
  { store, book }: BatchSource,
  after: Cursor,
  limits: BatchLimits,
): Promise<Batch | undefined> {
  const arrivals = entriesAfter(store, after.position);
  const blobs = new Map<string, string>();
  const entries: JournalEntry[] = [];
  const commits: JournalCommit[] = [];
  let { position, commitNo, head } = after;
  let bytes = 0;
  for (;;) {
    const page = await store.commits(commitNo, COMMITS_AT_ONCE);
    for (const stored of page) {
      for (const place of placesOf(stored)) {
        const arrived = await arrivals.next();
        if (arrived?.no !== place.no || arrived.seq !== place.seq)
          throw notAsCommitted(stored, place);
        const read = await journalEntry({ store, book }, arrived, stored.commitNo, blobs);
        entries.push(read);
        bytes += arrived.text.length + read.blobs.reduce((sum, blob) => sum + blob.bytes, 0);
        position = arrived.position;
      }
      commitNo = stored.commitNo;
      head = headOf(stored);
      commits.push({ stored, row: readCommit(stored.text), lastPosition: position });
      if (entries.length >= limits.rowsMax || bytes >= limits.bytesMax)
        return { entries, commits, until: { position, commitNo, head } };
    }
    if (page.length === COMMITS_AT_ONCE) continue;
    if (commits.length === 0) return undefined;
    return { entries, commits, until: { position, commitNo, head } };
  }
}

interface Place {
  readonly no: number;
  readonly seq: number;
  readonly stream: string;
}

function* placesOf({ entries }: StoredCommit): Generator<Place, void, undefined> {
  for (const { no, stream, fromSeq, count } of entries)
    for (let i = 0; i < count; i += 1) yield { no, stream, seq: fromSeq + i };
}

function entriesAfter(
  store: JournalStore,
  position: number,
): { next(): Promise<ArrivedEntry | undefined> } {
  let page: readonly ArrivedEntry[] = [];
  let i = 0;
  let after = position;
  return {
    async next() {
      if (i >= page.length) {
        page = await store.arrivals(after, ENTRIES_AT_ONCE);
        i = 0;
        after = page.at(-1)?.position ?? after;
      }
      const arrived = page[i];
      i += 1;
      return arrived;
    },
  };
}

async function journalEntry(
  { store, book }: BatchSource,
  arrived: ArrivedEntry,
  commitNo: number,
  known: Map<string, string>,
): Promise<JournalEntry> {
  const { namespace, stream, seq, text, hash } = arrived;
  if (hashEntry(namespace, stream, text) !== hash)
    throw broken(`Entry ${seq} of ${stream} is not what its hash says`, { stream, seq });
  // Its bytes are those that were sealed, and nothing but entries is.
  const entry = JSON.parse(text) as Entry;
  if (entry.v !== ENTRY_FORMAT)
    throw new BatonError("ENTRY_UNKNOWN", `Entry ${seq} of ${stream} has format ${entry.v}.`, {
      details: { stream, seq },
    });
  const blobs: (BlobRef & { text: string })[] = [];
  for (const ref of references(entry)) {
    const found = known.get(ref.sha256) ?? (await store.blob(ref.sha256));
    if (found === undefined || sha256Hex(found) !== ref.sha256)
      throw broken(`The blob ${ref.sha256} of entry ${seq} of ${stream} is gone, or was changed`, {
        stream,
        seq,
        sha256: ref.sha256,
      });
    known.set(ref.sha256, found);
    blobs.push({ ...ref, text: found });
  }
  const facts = await book.at(arrived, entry);
  return { arrived, commitNo, entry, facts, value: valueOf(entry, known), blobs };
}

/** Payload fields whose name ends in `Blob` are references, and no others: docs/journal.md, "Values". */
function references({ payload }: Entry): readonly BlobRef[] {
  return Object.entries(payload).flatMap(([field, value]) =>
    // Sealing writes nothing else under such a name.
    field.endsWith("Blob") ? [value as unknown as BlobRef] : [],
  );
}

function valueOf({ kind, payload }: Entry, blobs: ReadonlyMap<string, string>): string | undefined {
  const field: string | undefined = VALUE_FIELD[kind as ValuedKind];
  if (field === undefined) return undefined;
  const inline = payload[field];
  // A part of a canonical text, parsed: JSON.stringify would write integer-like keys in another order than RFC 8785 wants.
  if (inline !== undefined) return canonicalJson(inline);
  const ref = payload[`${field}Blob`];
  return ref === undefined ? undefined : blobs.get((ref as unknown as BlobRef).sha256);
}

function broken(what: string, details: Readonly<Record<string, unknown>>): BatonError {
  return new BatonError("JOURNAL_BROKEN", `${what}.`, { details });
}

function notAsCommitted({ commitNo }: StoredCommit, { stream, seq }: Place): BatonError {
  return broken(`Entry ${seq} of ${stream} did not arrive where commit ${commitNo} has it`, {
    stream,
    seq,
    commitNo,
  });
}
