/**
 * What one group commit will write, decided before anything is written. Shared by all stores, so that a conflict means the
 * same everywhere.
 *
 * Owns: which requests go in, which fail alone, and in what order rows are written. Does not own: rows, transactions, leases.
 * Invariants: 1. A request goes in whole or not at all. 2. A request sees what the requests before it in the same group did.
 */
import { BatonError } from "../model/errors.ts";
import type {
  AppendRequest,
  AppendResult,
  Blob,
  NewEntry,
  StreamAppend,
  StreamIndex,
  StreamName,
} from "../ports/journal-store.ts";

/** Where a stream ends. */
export interface HeadPlace {
  readonly no: number;
  readonly lastSeq: number;
}

/** The heads as the store knows them; `set` is called for what the group will make of them, and undone by the store if it fails. */
export interface Heads {
  get(name: StreamName): HeadPlace | undefined;
  set(name: StreamName, place: HeadPlace): void;
  /** The number for a new stream: one more than the last. */
  nextNo(): number;
}

/** The lease as the inserting transaction sees it. */
export interface CurrentLease {
  readonly epoch: number;
  readonly held: boolean;
}

/** Neighbouring entries of one stream, in the order in which they are written. */
export interface Range {
  readonly no: number;
  readonly fromSeq: number;
  readonly count: number;
}

export interface NewStream extends StreamName {
  readonly no: number;
  readonly index: StreamIndex;
}

export interface GroupPlan {
  /** One for each request, in order. */
  readonly outcomes: readonly (AppendResult | BatonError)[];
  readonly newStreams: readonly NewStream[];
  readonly indexes: readonly { readonly no: number; readonly index: StreamIndex }[];
  /** The entries, in order; `nos` has the stream's number for each. */
  readonly entries: readonly NewEntry[];
  readonly nos: readonly number[];
  readonly ranges: readonly Range[];
  readonly blobs: readonly Blob[];
  /** Which of the entries have a label, by their place among the entries. */
  readonly labels: readonly PlannedLabel[];
}

export interface PlannedLabel {
  readonly at: number;
  readonly namespace: string;
  readonly label: string;
}

interface Draft {
  readonly newStreams: NewStream[];
  readonly indexes: { readonly no: number; readonly index: StreamIndex }[];
  readonly entries: NewEntry[];
  readonly nos: number[];
  readonly ranges: { no: number; fromSeq: number; count: number }[];
  readonly blobs: Blob[];
  readonly labels: PlannedLabel[];
}

/**
 * Plans a group. `lastCommitNo` is the newest commit there is; the group gets the next number, unless it writes no entry.
 */
export function planGroup(
  requests: readonly AppendRequest[],
  heads: Heads,
  lease: CurrentLease,
  lastCommitNo: number,
): GroupPlan {
  const draft: Draft = {
    newStreams: [],
    indexes: [],
    entries: [],
    nos: [],
    ranges: [],
    blobs: [],
    labels: [],
  };
  const refusals = requests.map((request) => {
    const refusal = refusalOf(request, heads, lease);
    if (refusal === undefined) include(request, heads, draft);
    return refusal;
  });
  const commitNo = draft.entries.length > 0 ? lastCommitNo + 1 : lastCommitNo;
  const appended: AppendResult = { kind: "appended", commitNo };
  return { ...draft, outcomes: refusals.map((refusal) => refusal ?? appended) };
}

/** The number of rows that a request writes, for bounding a transaction. */
export function rowsOf(request: AppendRequest): number {
  let rows = request.blobs?.length ?? 0;
  for (const { entries } of request.streams) rows += entries.length + 1;
  return rows;
}

function refusalOf(
  request: AppendRequest,
  heads: Heads,
  lease: CurrentLease,
): AppendResult | BatonError | undefined {
  if (!lease.held || request.epoch !== lease.epoch) {
    return { kind: "fenced", epoch: request.epoch, currentEpoch: lease.epoch };
  }
  for (const [i, part] of request.streams.entries()) {
    const head = heads.get(part);
    const actualSeq = head?.lastSeq ?? -1;
    const mistake = mistakeIn(part, request.streams.slice(0, i), head !== undefined);
    if (mistake !== undefined) return mistake;
    if (actualSeq !== part.expectedSeq) {
      return { kind: "conflict", stream: part.stream, expectedSeq: part.expectedSeq, actualSeq };
    }
  }
  return undefined;
}

/** What makes a part of a request senseless, whatever the store holds. */
function mistakeIn(
  part: StreamAppend,
  before: readonly StreamName[],
  exists: boolean,
): BatonError | undefined {
  const { namespace, stream, expectedSeq, entries, index } = part;
  const refuse = (why: string) =>
    new BatonError("ARGUMENT_INVALID", `The append to ${namespace}:${stream} ${why}.`, {
      details: { namespace, stream, expectedSeq },
    });
  if (before.some((other) => other.stream === stream && other.namespace === namespace)) {
    return refuse("names the stream twice in one request");
  }
  if (entries.some((entry, i) => entry.seq !== expectedSeq + 1 + i)) {
    return refuse(`has entries that do not follow ${expectedSeq} one by one`);
  }
  if (entries.some(({ label }) => label !== undefined && !isName(label))) {
    return refuse("has an empty label, or one with a line feed");
  }
  if (exists || expectedSeq !== -1) {
    return entries.length === 0 && index === undefined
      ? refuse("holds neither entries nor an index")
      : undefined;
  }
  // The names are part of what is hashed, with a line feed after each; and an empty one stands for a row that is gone.
  if (!isName(namespace) || !isName(stream))
    return refuse("has an empty name, or one with a line feed");
  if (entries.length === 0) return refuse("would make a stream without an entry");
  return index === undefined ? refuse("makes a new stream and has no index") : undefined;
}

function isName(name: string): boolean {
  return name !== "" && !name.includes("\n");
}

function include(request: AppendRequest, heads: Heads, draft: Draft): void {
  for (const part of request.streams) {
    const head = heads.get(part);
    const no = head?.no ?? heads.nextNo();
    if (part.index !== undefined) {
      if (head !== undefined) draft.indexes.push({ no, index: part.index });
      else
        draft.newStreams.push({
          no,
          namespace: part.namespace,
          stream: part.stream,
          index: part.index,
        });
    }
    if (part.entries.length === 0) continue;
    for (const entry of part.entries) {
      const { label } = entry;
      if (label !== undefined)
        draft.labels.push({ at: draft.entries.length, namespace: part.namespace, label });
      draft.entries.push(entry);
      draft.nos.push(no);
    }
    const fromSeq = part.expectedSeq + 1;
    const last = draft.ranges.at(-1);
    if (last?.no === no) last.count += part.entries.length;
    else draft.ranges.push({ no, fromSeq, count: part.entries.length });
    heads.set(part, { no, lastSeq: part.expectedSeq + part.entries.length });
  }
  if (request.blobs !== undefined) draft.blobs.push(...request.blobs);
}
