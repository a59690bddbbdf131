/**
 * The store in memory: for tests and simulations. It keeps the promises of the port, all but surviving the process.
 *
 * Owns: one ledger per {@link memory} call, and the handles on it. Fails: never by itself.
 * Invariants: 1. A handle that was closed holds no lease. 2. Entries, commits and blobs are only ever added.
 */
import { sealCommit } from "../../journal/commit.ts";
import { NO_HASH } from "../../journal/hash.ts";
import { merkleRoot } from "../../journal/merkle.ts";
import { BatonError } from "../../model/errors.ts";
import type {
  AppendRequest,
  ArrivedEntry,
  Blob,
  HeadFilter,
  JournalStore,
  LabelSummary,
  Lease,
  LeaseResult,
  StoredCommit,
  StoredEntry,
  StoreFactory,
  StreamHead,
  StreamIndex,
  StreamName,
} from "../../ports/journal-store.ts";
import { appendQueue } from "../append-queue.ts";
import { type GroupPlan, type HeadPlace, planGroup } from "../group-commit.ts";
import { headsLimit, READ_DEFAULT } from "../page.ts";
import { wallClockMs } from "../wall-clock.ts";

interface Stream extends StreamName {
  readonly no: number;
  readonly entries: StoredEntry[];
  /** Of its entries, in the order of arrival over all streams. */
  readonly positions: number[];
  index: StreamIndex;
}

interface Ledger {
  readonly streams: Stream[];
  readonly byName: Map<string, Stream>;
  readonly arrivals: ArrivedEntry[];
  readonly commits: StoredCommit[];
  /** By namespace, then by label. */
  readonly labels: Map<string, Map<string, ArrivedEntry[]>>;
  readonly blobs: Map<string, string>;
  lease: Lease;
  /** The handle that holds the lease. */
  owner: object | undefined;
  lastAt: number;
}

export interface MemoryOptions {
  /** Wall clock in integer milliseconds, for the time of commits. */
  readonly now?: () => number;
  /** When the appends of a turn are committed: `setImmediate` if left out. For simulations. */
  readonly soon?: (run: () => void) => void;
}

/** A store in memory. What the factory gives are handles on one ledger, as processes have on one file. */
export function memory(options: MemoryOptions = {}): StoreFactory {
  const ledger: Ledger = {
    streams: [],
    byName: new Map(),
    arrivals: [],
    commits: [],
    labels: new Map(),
    blobs: new Map(),
    lease: { epoch: 0, holder: "", heartbeat: 0 },
    owner: undefined,
    lastAt: 0,
  };
  return async ({ readOnly, now }) =>
    openHandle(ledger, readOnly, { ...options, now: options.now ?? now ?? wallClockMs });
}

type Timing = MemoryOptions & Required<Pick<MemoryOptions, "now">>;

function openHandle(ledger: Ledger, readOnly: boolean, { now, soon }: Timing): JournalStore {
  const self = {};
  let closed = false;
  const queue = appendQueue((requests) => commitGroup(ledger, requests, now), soon);

  function check(writing: boolean): void {
    if (closed) throw new BatonError("STORE_CLOSED", "The store in memory was closed.");
    if (writing && readOnly) {
      throw new BatonError("STORE_READ_ONLY", "The store in memory was opened for reading only.");
    }
  }

  return {
    label: "memory",
    async append(request) {
      check(true);
      return queue.append(request);
    },
    async read(stream, fromSeq, limit = READ_DEFAULT) {
      check(false);
      const from = Math.max(0, fromSeq);
      return ledger.byName.get(keyOf(stream))?.entries.slice(from, from + limit) ?? [];
    },
    async head(stream) {
      check(false);
      const found = ledger.byName.get(keyOf(stream));
      return found === undefined ? undefined : headOf(found);
    },
    async heads(filter) {
      check(false);
      return listHeads(ledger, filter);
    },
    async commits(afterCommitNo, limit) {
      check(false);
      return ledger.commits.slice(afterCommitNo, afterCommitNo + limit);
    },
    ...byArrival(ledger, check),
    async blob(sha256) {
      check(false);
      return ledger.blobs.get(sha256);
    },
    async blobs(after, limit) {
      check(false);
      return listBlobs(ledger, after, limit);
    },
    ...leases(ledger, self, check),
    async close() {
      if (closed) return;
      closed = true;
      await queue.drained();
      if (ledger.owner === self) ledger.owner = undefined;
    },
  };
}

/** The index of the first entry after a position; their number if there is none. */
function firstAfter(entries: readonly ArrivedEntry[], position: number): number {
  let [from, to] = [0, entries.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((entries[middle]?.position ?? 0) > position) to = middle;
    else from = middle + 1;
  }
  return from;
}

/** Reading in the order of arrival. `check` refuses a handle that is closed. */
function byArrival(
  ledger: Ledger,
  check: (writing: boolean) => void,
): Pick<JournalStore, "arrivals" | "labelled" | "arrived" | "labels"> {
  return {
    async arrivals(after, limit) {
      check(false);
      const from = Math.max(0, after ?? 0);
      return ledger.arrivals.slice(from, from + limit);
    },
    async labelled(namespace, label, after, limit) {
      check(false);
      const found = ledger.labels.get(namespace)?.get(label) ?? [];
      const from = firstAfter(found, after ?? 0);
      return found
        .slice(from, from + limit)
        .map((each) => ({ ...each, type: streamAt(ledger, each.no).index.type }));
    },
    async arrived(stream, seq) {
      check(false);
      const position = ledger.byName.get(keyOf(stream))?.positions[seq];
      return position === undefined ? undefined : ledger.arrivals[position - 1];
    },
    async labels(namespace) {
      check(false);
      return listLabels(ledger, namespace);
    },
  };
}

/** Who may write. `check` refuses a handle that is closed, or is for reading only. */
function leases(
  ledger: Ledger,
  self: object,
  check: (writing: boolean) => void,
): Pick<JournalStore, "acquire" | "lease" | "renew" | "release"> {
  return {
    async acquire(holder, takeOver) {
      check(true);
      return acquire(ledger, self, holder, takeOver);
    },
    async lease() {
      check(false);
      return ledger.owner === undefined ? undefined : ledger.lease;
    },
    async renew(epoch) {
      check(true);
      if (ledger.owner === undefined || ledger.lease.epoch !== epoch) return false;
      ledger.lease = { ...ledger.lease, heartbeat: ledger.lease.heartbeat + 1 };
      return true;
    },
    async release(epoch) {
      check(true);
      if (ledger.lease.epoch === epoch) ledger.owner = undefined;
    },
  };
}

function acquire(ledger: Ledger, self: object, holder: string, takeOver?: Lease): LeaseResult {
  const { lease, owner } = ledger;
  const watched = takeOver?.epoch === lease.epoch && takeOver.heartbeat === lease.heartbeat;
  if (owner !== undefined && !watched) return { kind: "held", lease };
  ledger.owner = self;
  ledger.lease = { epoch: lease.epoch + 1, holder, heartbeat: 0 };
  const { epoch } = ledger.lease;
  return { kind: "acquired", epoch, ...(owner === undefined ? {} : { abandoned: true as const }) };
}

function commitGroup(ledger: Ledger, requests: readonly AppendRequest[], now: () => number) {
  const planned = new Map<string, HeadPlace>();
  let lastNo = ledger.streams.length;
  const heads = {
    get(name: StreamName): HeadPlace | undefined {
      const key = keyOf(name);
      const stream = ledger.byName.get(key);
      return (
        planned.get(key) ??
        (stream === undefined ? undefined : { no: stream.no, lastSeq: stream.entries.length - 1 })
      );
    },
    set(name: StreamName, place: HeadPlace): void {
      planned.set(keyOf(name), place);
    },
    nextNo(): number {
      lastNo += 1;
      return lastNo;
    },
  };
  const lease = { epoch: ledger.lease.epoch, held: ledger.owner !== undefined };
  const plan = planGroup(requests, heads, lease, ledger.commits.length);
  write(ledger, plan, now);
  return plan.outcomes;
}

function write(ledger: Ledger, plan: GroupPlan, now: () => number): void {
  for (const { no, namespace, stream, index } of plan.newStreams) {
    const made: Stream = {
      no,
      namespace,
      stream,
      index: keepIndex(index),
      entries: [],
      positions: [],
    };
    ledger.streams.push(made);
    ledger.byName.set(keyOf(made), made);
  }
  for (const [i, { seq, text, hash }] of plan.entries.entries()) {
    const stream = streamAt(ledger, plan.nos[i]);
    const entry = Object.freeze({ seq, text, hash });
    stream.entries.push(entry);
    const { namespace, no } = stream;
    const position = ledger.arrivals.length + 1;
    stream.positions.push(position);
    ledger.arrivals.push(
      Object.freeze({ ...entry, position, no, namespace, stream: stream.stream }),
    );
  }
  const before = ledger.arrivals.length - plan.entries.length;
  for (const { at, namespace, label } of plan.labels) {
    const arrived = ledger.arrivals[before + at];
    const inNamespace = ledger.labels.get(namespace) ?? new Map<string, ArrivedEntry[]>();
    ledger.labels.set(namespace, inNamespace);
    const found = inNamespace.get(label) ?? [];
    inNamespace.set(label, found);
    if (arrived !== undefined) found.push(arrived);
  }
  for (const { no, index } of plan.indexes) streamAt(ledger, no).index = keepIndex(index);
  for (const { sha256, text } of plan.blobs) {
    if (!ledger.blobs.has(sha256)) ledger.blobs.set(sha256, text);
  }
  if (plan.entries.length === 0) return;
  ledger.lastAt = Math.max(ledger.lastAt, now());
  const commitNo = ledger.commits.length + 1;
  const sealed = sealCommit({
    at: ledger.lastAt,
    commitNo,
    count: plan.entries.length,
    epoch: ledger.lease.epoch,
    prev: ledger.commits.at(-1)?.hash ?? NO_HASH,
    root: merkleRoot(plan.entries.map(({ hash }) => hash)),
  });
  const entries = plan.ranges.map((range) => {
    const { namespace, stream } = streamAt(ledger, range.no);
    return Object.freeze({ ...range, namespace, stream });
  });
  ledger.commits.push(Object.freeze({ commitNo, ...sealed, entries: Object.freeze(entries) }));
}

function listHeads(ledger: Ledger, filter: HeadFilter): readonly StreamHead[] {
  const { namespace, prefix = "", open, status, type, order = "newest", after } = filter;
  const newest = order === "newest";
  const found: StreamHead[] = [];
  const limit = headsLimit(filter.limit);
  const count = ledger.streams.length;
  for (let i = 0; i < count && found.length < limit; i += 1) {
    const stream = streamAt(ledger, newest ? count - i : i + 1);
    const { index } = stream;
    if (after !== undefined && (newest ? stream.no >= after : stream.no <= after)) continue;
    if (namespace !== undefined && stream.namespace !== namespace) continue;
    if (!stream.stream.startsWith(prefix)) continue;
    if (open !== undefined && index.open !== open) continue;
    if (status !== undefined && index.status !== status) continue;
    if (type !== undefined && index.type !== type) continue;
    found.push(headOf(stream));
  }
  return found;
}

function listLabels(ledger: Ledger, namespace: string): readonly LabelSummary[] {
  const found = [...(ledger.labels.get(namespace) ?? [])].map(([label, arrived]) => ({
    label,
    entries: arrived.length,
    lastPosition: arrived.at(-1)?.position ?? 0,
  }));
  return found.sort((a, b) => (a.label < b.label ? -1 : 1));
}

function listBlobs(ledger: Ledger, after: string | undefined, limit: number): readonly Blob[] {
  const wanted = [...ledger.blobs].filter(([sha256]) => after === undefined || sha256 > after);
  return wanted
    .map(([sha256, text]) => ({ sha256, text }))
    .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1))
    .slice(0, limit);
}

function headOf({ no, namespace, stream, index, entries }: Stream): StreamHead {
  return { no, namespace, stream, ...index, lastSeq: entries.length - 1 };
}

function keepIndex({ status, open, type, wakeAtMs }: StreamIndex): StreamIndex {
  return wakeAtMs === undefined ? { status, open, type } : { status, open, type, wakeAtMs };
}

/** Numbers are dense from 1. */
function streamAt(ledger: Ledger, no: number | undefined): Stream {
  const stream = ledger.streams[(no ?? 0) - 1];
  if (stream === undefined) throw new BatonError("INVARIANT_BROKEN", `There is no stream ${no}.`);
  return stream;
}

function keyOf({ namespace, stream }: StreamName): string {
  return `${namespace}\n${stream}`;
}
