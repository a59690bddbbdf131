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
 */

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
  readonly entries: readonly StoredEntry[];
  /** Replaces the stream's index if given; required for a new stream. */
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
  | { readonly kind: "conflict"; readonly stream: string; readonly expectedSeq: number; readonly actualSeq: number }
  | { readonly kind: "fenced"; readonly epoch: number; readonly currentEpoch: number };

export interface StreamHead extends StreamName, StreamIndex {
  readonly lastSeq: number;
  /** When the stream's first and newest entries were committed is in the entries; this is the order of creation. */
  readonly no: number;
}

/** One group commit: `text` is its canonical JSON (see docs/journal.md), `entries` what it covers, in order. */
export interface StoredCommit {
  readonly commitNo: number;
  readonly text: string;
  readonly hash: string;
  readonly entries: readonly (StreamName & { readonly fromSeq: number; readonly count: number })[];
}

export interface HeadFilter {
  readonly namespace: string;
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
  | { readonly kind: "acquired"; readonly epoch: number }
  | { readonly kind: "held"; readonly lease: Lease };

export interface JournalStore {
  /** Kind and place, for messages: `sqlite:baton.db`. */
  readonly label: string;
  append(request: AppendRequest): Promise<AppendResult>;
  /** Entries from `fromSeq` on, at most `limit` (1,000 by default), in order. Empty for an unknown stream. */
  read(stream: StreamName, fromSeq: number, limit?: number): Promise<readonly StoredEntry[]>;
  head(stream: StreamName): Promise<StreamHead | undefined>;
  heads(filter: HeadFilter): Promise<readonly StreamHead[]>;
  /** Commits after `commitNo` (0 for all), at most `limit`, in order: the gapless global cursor. */
  commits(afterCommitNo: number, limit: number): Promise<readonly StoredCommit[]>;
  /** Text of a blob, or undefined. */
  blob(sha256: string): Promise<string | undefined>;
  /**
   * Takes the lease if it is free, released, or its holder is provably gone; with `takeOver`, if its epoch and heartbeat are
   * still those that the caller watched for long enough. A new epoch is one more than the last.
   */
  acquire(holder: string, takeOver?: Lease): Promise<LeaseResult>;
  /** Renews the heartbeat; false if the epoch is no longer the caller's. */
  renew(epoch: number): Promise<boolean>;
  release(epoch: number): Promise<void>;
  close(): Promise<void>;
}
