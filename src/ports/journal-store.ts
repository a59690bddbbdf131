/**
 * The journal store port: entries and blobs, as encoded values. A store knows nothing of workflows.
 *
 * Promises of every implementation (test/conformance/journal-store.ts holds them):
 * J1. An append is all or nothing, over all of its streams and blobs.
 * J2. A stream's entries are dense from 0; an append whose `expectedSeq` is not the stream's last seq changes nothing.
 * J3. An append under another epoch than the lease's changes nothing; the check is in the inserting transaction.
 * J4. Appends that come in the same moment share one commit (group commit); a conflict in one fails that one alone.
 * J5. When append resolves, the entries survive the loss of power (unless the store was opened with the weaker setting).
 * J6. Each commit writes one commit row, chained to the one before, with the Merkle root of its entries' hashes.
 * J7. What is written is never changed: the store itself refuses UPDATE, DELETE and REPLACE on entries, commits and blobs.
 * J8. A label is written in the same transaction as its entry.
 */

import type { Portable } from "./portable.ts";

/** A stream within a namespace: `run/<id>`, `registry/workflows`. */
export interface StreamName {
  readonly namespace: string;
  readonly stream: string;
}

/** An entry as bytes: its canonical JSON text, and the hash (hex SHA-256) that the journal room computed over it. */
export interface StoredEntry {
  readonly seq: number;
  readonly text: string;
  readonly hash: string;
}

/** An entry to be appended. */
export interface NewEntry extends StoredEntry {
  /** What it is to be found by besides its stream (see `labelled`): derived from its text, a line without a line feed. */
  readonly label?: string;
}

/** What the store's index keeps of a stream: a projection, rebuilt from entries whenever in doubt. */
export interface StreamIndex {
  /** A run's status; free text to the store. */
  readonly status: string;
  /** Whether work is left: these are found at open. */
  readonly open: boolean;
  /** What the stream is of, e.g. a workflow's `name@version`; used to filter listings. */
  readonly type: string;
  /** When the stream must be looked at again, in milliseconds since 1970. */
  readonly wakeAtMs?: number;
}

export interface StreamAppend extends StreamName {
  /** The seq of the last entry that the caller knows; -1 for a stream that must not exist yet. */
  readonly expectedSeq: number;
  readonly entries: readonly NewEntry[];
  /** Replaces the stream's index if given; required for a new stream. May come without entries, to put an index right. */
  readonly index?: StreamIndex;
}

export interface Blob {
  /** Hex SHA-256 of the text's UTF-8 bytes. */
  readonly sha256: string;
  readonly text: string;
}

export interface AppendRequest {
  readonly streams: readonly StreamAppend[];
  readonly blobs?: readonly Blob[];
  /** The epoch of the lease under which the caller writes. */
  readonly epoch: number;
}

export type AppendResult =
  | { readonly kind: "appended"; readonly commitNo: number }
  | {
      readonly kind: "conflict";
      readonly stream: string;
      readonly expectedSeq: number;
      readonly actualSeq: number;
    }
  | { readonly kind: "fenced"; readonly epoch: number; readonly currentEpoch: number };

export interface StreamHead extends StreamName, StreamIndex {
  readonly lastSeq: number;
  /** When the stream's first and newest entries were committed is in the entries; this is the order of creation. */
  readonly no: number;
}

/**
 * Neighbouring entries of one stream within a commit. `no` is the stream's number in {@link StreamHead}.
 * In a damaged store, where the row of a stream is gone, its names are empty.
 */
export interface CommitRange extends StreamName {
  readonly no: number;
  readonly fromSeq: number;
  readonly count: number;
}

/** One group commit: `text` is its canonical JSON (see docs/journal.md), `entries` what it covers, in order. */
export interface StoredCommit {
  readonly commitNo: number;
  readonly text: string;
  readonly hash: string;
  readonly entries: readonly CommitRange[];
}

/** An entry in the order of arrival, which is the order of the commits. `position` grows; `no` and names as in {@link CommitRange}. */
export interface ArrivedEntry extends StoredEntry, StreamName {
  readonly position: number;
  readonly no: number;
}

/** An entry that was found by its label. */
export interface LabelledEntry extends ArrivedEntry {
  /** What the index says of its stream now, as {@link StreamIndex.type}. */
  readonly type: string;
}

/** What a store has of one label. */
export interface LabelSummary {
  readonly label: string;
  readonly entries: number;
  /** Where the newest entry with it stands in the order of arrival. */
  readonly lastPosition: number;
}

export interface HeadFilter {
  /** All namespaces if left out. */
  readonly namespace?: string;
  /** Only streams whose name begins so, e.g. `run/`. */
  readonly prefix?: string;
  readonly open?: boolean;
  readonly status?: string;
  readonly type?: string;
  /** Newest first by default. */
  readonly order?: "newest" | "oldest";
  /** Continue after this `no`. */
  readonly after?: number;
  /** At most this many; 100 by default, 10,000 at the most. */
  readonly limit?: number;
}

export interface Lease {
  readonly epoch: number;
  /** Who holds it: free text such as `host:pid`. */
  readonly holder: string;
  /** Grows at each renewal. Observers compare it over their own monotonic clock, never with a wall clock. */
  readonly heartbeat: number;
}

export type LeaseResult =
  /** `abandoned`: who held it before never released it: it died, or hangs. */
  | { readonly kind: "acquired"; readonly epoch: number; readonly abandoned?: true }
  | { readonly kind: "held"; readonly lease: Lease };

export interface JournalStore {
  /** Kind and place, for messages: `sqlite:baton.db`. */
  readonly label: string;
  /** How another thread makes a {@link StoreFactory} of the same store, to read what is appended here; absent where only this thread can. */
  readonly inThread?: Portable;
  /**
   * Appends, or changes nothing: a conflict, and an epoch that is not the lease's, are results.
   * @throws BatonError `STORE_FAILED` (nothing of it was kept, and it may be tried again), `STORE_CORRUPT`, `STORE_READ_ONLY`, `STORE_CLOSED`, `ARGUMENT_INVALID`
   */
  append(request: AppendRequest): Promise<AppendResult>;
  /** Entries from `fromSeq` on, at most `limit` (1,000 by default), in order. Empty for an unknown stream. */
  read(stream: StreamName, fromSeq: number, limit?: number): Promise<readonly StoredEntry[]>;
  head(stream: StreamName): Promise<StreamHead | undefined>;
  heads(filter: HeadFilter): Promise<readonly StreamHead[]>;
  /** Commits after `commitNo` (0 for all), at most `limit`, in order: the gapless global cursor. */
  commits(afterCommitNo: number, limit: number): Promise<readonly StoredCommit[]>;
  /** Entries of all streams in the order of arrival, after a position (from the beginning if left out), at most `limit`: what verify, relays and exports read. */
  arrivals(after: number | undefined, limit: number): Promise<readonly ArrivedEntry[]>;
  /** Entries of a namespace that were appended with this label, after a position (from the beginning if left out), in the order of arrival, at most `limit`. */
  labelled(
    namespace: string,
    label: string,
    after: number | undefined,
    limit: number,
  ): Promise<readonly LabelledEntry[]>;
  /** One entry of a stream with its place in the order of arrival, or undefined. */
  arrived(stream: StreamName, seq: number): Promise<ArrivedEntry | undefined>;
  /** The labels of a namespace, in the order of their text, each with how many entries have it. */
  labels(namespace: string): Promise<readonly LabelSummary[]>;
  /** Text of a blob, or undefined. */
  blob(sha256: string): Promise<string | undefined>;
  /** Blobs in the order of their hashes, after one (from the beginning if left out), at most `limit`. */
  blobs(after: string | undefined, limit: number): Promise<readonly Blob[]>;
  /**
   * Takes the lease if it is free, released, or its holder is provably gone; with `takeOver`, if its epoch and heartbeat are
   * still those that the caller watched for long enough. A new epoch is one more than the last; the first is 1.
   */
  acquire(holder: string, takeOver?: Lease): Promise<LeaseResult>;
  /** Who has the lease, as the store has it written; undefined if it is free. A holder that was killed is still named. */
  lease(): Promise<Lease | undefined>;
  /** Renews the heartbeat; false if the epoch is no longer the caller's. */
  renew(epoch: number): Promise<boolean>;
  /** Frees the lease; appends under it are fenced from then on. Does nothing if the epoch is no longer the caller's. */
  release(epoch: number): Promise<void>;
  /** Waits for the appends that were asked for, then closes. The lease is free after it. A second call does nothing. */
  close(): Promise<void>;
}

/**
 * Opens a store. Reading needs no lease and does not disturb the process that writes.
 * @throws BatonError `STORE_FAILED`, `STORE_CORRUPT`, `STORE_NEWER`, `STORE_READ_ONLY`, `STORE_UNSUITABLE`, `DEPENDENCY_MISSING`
 */
export type StoreFactory = (mode: {
  readonly readOnly: boolean;
  /** Wall clock in integer milliseconds, for the time of commits; the machine's if left out. */
  readonly now?: () => number;
}) => Promise<JournalStore>;
