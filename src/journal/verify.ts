/**
 * Verifying a store: that nothing was changed, removed, added or moved since it was committed.
 *
 * Reads everything once, in the order of arrival, beside the commits that must cover it, then the heads and the blobs.
 * What it cannot see: that the newest commits were cut away together with everything that they covered, or that all was
 * written anew from some point on. Only a hash that was kept elsewhere shows that.
 */
import { type EntryKind, runStream } from "../model/entry.ts";
import { OPEN_STATUSES, type RunStatus } from "../model/run-status.ts";
import type { JournalStore, StreamHead } from "../ports/journal-store.ts";
import { sha256Hex } from "./hash.ts";
import { type CommitWalk, commitWalk } from "./verify-commits.ts";
import {
  type BlobReference,
  type EntryChecker,
  entryChecker,
  type Gap,
  isSelected,
  type Link,
} from "./verify-entries.ts";
import { labelCheck, type LabelledPlace } from "./verify-labels.ts";
import { type Findings, findings, type VerifyProblem } from "./verify-problem.ts";

export type { VerifyProblem } from "./verify-problem.ts";

export interface VerifyReport {
  readonly runs: number;
  readonly entries: number;
  readonly commits: number;
  readonly blobs: number;
  /** At most 1,000: after so many, looking on tells nothing more. */
  readonly problems: readonly VerifyProblem[];
}

export interface VerifyOptions {
  /** Look closely into this namespace only. Commits and blobs are of all namespaces, and are always checked. */
  readonly namespace?: string;
  /** Look closely into the streams of this name only. */
  readonly stream?: string;
  /** Called now and then with the number of entries so far. */
  readonly progress?: (entries: number) => void;
}

const HEADS_AT_ONCE = 1_000;
const PLACES_AT_ONCE = 500;
/** Few, because a blob may have megabytes. */
const BLOBS_AT_ONCE = 16;
/** References that are remembered as good. */
const REMEMBERED_MAX = 10_000;

/**
 * Verifies the store, or a part of it. Needs memory for a page of entries, a few bytes for each stream, and the last hash of
 * each stream that has not ended. Another process may write meanwhile.
 * @throws BatonError as the store's reading functions do
 */
export async function verifyStore(
  store: JournalStore,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const found = findings();
  const labels = labelCheck(store, options.stream === undefined, found);
  const { walk, checker } = walkAlong(store, options, found, (events) => labels.take(events));
  await walk.advance();
  const runs = await verifyHeads(store, walk, checker, options, found);
  await labels.finish(checker.lastPosition());
  const blobs = await verifyBlobs(store, found);
  return {
    runs,
    entries: checker.count(),
    commits: walk.count(),
    blobs,
    problems: found.problems(),
  };
}

/** A journal without what a store has to find things by: a copy that is kept elsewhere. Each page is asked for once, in order. */
export type CommittedJournal = Pick<
  JournalStore,
  "commits" | "arrivals" | "read" | "blob" | "blobs"
>;

/**
 * Verifies what was committed, and the blobs, of a copy of a journal: as {@link verifyStore}, without the store's indexes.
 * @throws BatonError as the journal's reading functions do
 */
export async function verifyCommitted(
  journal: CommittedJournal,
  options: Pick<VerifyOptions, "progress"> = {},
): Promise<Omit<VerifyReport, "runs">> {
  const found = findings();
  const { walk, checker } = walkAlong(journal, options, found, () => Promise.resolve());
  await walk.advance();
  const blobs = await verifyBlobs(journal, found);
  return {
    entries: checker.count(),
    commits: walk.count(),
    blobs,
    problems: found.problems(),
  };
}

function walkAlong(
  journal: CommittedJournal,
  options: VerifyOptions,
  found: Findings,
  takeEvents: (events: readonly LabelledPlace[]) => Promise<void>,
): { readonly walk: CommitWalk; readonly checker: EntryChecker } {
  const checker = entryChecker(options, found);
  const blobOf = blobLookup(journal);
  const walk = commitWalk(journal, checker, found, async () => {
    const { references, gaps, links, events } = checker.open();
    await takeEvents(events);
    for (const link of links) await checkLink(journal, link, found);
    for (const reference of references) await checkReference(reference, blobOf, found);
    for (const gap of gaps) await explainGap(journal, gap, found);
  });
  return { walk, checker };
}

/** An end's hash is not kept, since nothing follows most of them: where something does, it is read. */
async function checkLink(store: CommittedJournal, link: Link, found: Findings): Promise<void> {
  const { stream, seq, prev } = link;
  if (stream === "") return;
  const [before] = await store.read(link, seq - 1, 1);
  if (before?.seq === seq - 1 && before.hash === prev) return;
  found.add({
    stream,
    seq,
    kind: "changed",
    message: `Entry ${seq} of ${stream} does not follow the entry before it: what it says of that one's hash is not so.`,
  });
}

async function explainGap(store: CommittedJournal, gap: Gap, found: Findings): Promise<void> {
  const { stream, seq } = gap;
  if (stream === "") return;
  const [stored] = await store.read(gap, seq, 1);
  if (stored?.seq === seq) {
    found.add({
      stream,
      seq,
      kind: "reordered",
      message: `Entry ${seq} of ${stream} came after a later one of its stream.`,
    });
  } else {
    found.add({
      stream,
      seq,
      kind: "missing",
      message: `Entry ${seq} of ${stream} is gone; there are later ones.`,
    });
  }
}

/** Size in bytes of a blob, or undefined if it is not there. */
type BlobLookup = (sha256: string) => Promise<number | undefined>;

function blobLookup(store: CommittedJournal): BlobLookup {
  const sizes = new Map<string, number>();
  return async (sha256) => {
    const known = sizes.get(sha256);
    if (known !== undefined) return known;
    const text = await store.blob(sha256);
    if (text === undefined) return undefined;
    if (sizes.size >= REMEMBERED_MAX) sizes.clear();
    const bytes = Buffer.byteLength(text);
    sizes.set(sha256, bytes);
    return bytes;
  };
}

async function checkReference(
  reference: BlobReference,
  blobOf: BlobLookup,
  found: Findings,
): Promise<void> {
  const { stream, seq, sha256, bytes } = reference;
  const size = await blobOf(sha256);
  if (size === bytes) return;
  const what = size === undefined ? "which is gone" : `which has ${size} bytes, not ${bytes}`;
  found.add({
    stream,
    seq,
    kind: "blob",
    message: `Entry ${seq} of ${stream} refers to blob ${sha256}, ${what}.`,
  });
}

async function verifyBlobs(store: CommittedJournal, found: Findings): Promise<number> {
  let count = 0;
  let after: string | undefined;
  while (!found.full()) {
    const page = await store.blobs(after, BLOBS_AT_ONCE);
    if (page.length === 0) break;
    for (const { sha256, text } of page) {
      if (sha256Hex(text) !== sha256)
        found.add({
          kind: "blob",
          message: `Blob ${sha256} is not what its hash says: it was changed.`,
        });
    }
    count += page.length;
    after = page.at(-1)?.sha256;
  }
  return count;
}

async function verifyHeads(
  store: JournalStore,
  walk: CommitWalk,
  checker: EntryChecker,
  options: VerifyOptions,
  found: Findings,
): Promise<number> {
  let runs = 0;
  let after: number | undefined;
  while (!found.full()) {
    const paging = after === undefined ? {} : { after };
    const page = await store.heads({ order: "oldest", limit: HEADS_AT_ONCE, ...paging });
    if (page.length === 0) break;
    // What was appended while we read: then every entry that these heads speak of has been seen.
    await walk.advance();
    for (const head of page) {
      // Also what is not selected: damage may have moved a run into a namespace that is not there.
      await checkName(store, head, checker, found);
      if (!isSelected(options, head)) continue;
      if (head.stream.startsWith(RUN_PREFIX)) runs += 1;
      checkHead(head, checker, found);
      await checkPlaces(store, head, found);
    }
    after = page.at(-1)?.no;
  }
  return runs;
}

const RUN_PREFIX = runStream("");

/**
 * Whether the stream is found by its name, to its end. Entries and commits are read here in their own order, so that an index
 * that was damaged would be noticed by nobody but those who ask for a run.
 */
async function checkName(
  store: JournalStore,
  head: StreamHead,
  checker: EntryChecker,
  found: Findings,
): Promise<void> {
  const { no, stream } = head;
  const named = await store.head(head);
  if (named?.no !== no) {
    found.add({
      stream,
      kind: "index",
      message: `${stream} in namespace ${head.namespace} is there, but is not found by its name.`,
    });
    return;
  }
  // Asked after the walk, so that the head can't be older than what the walk has seen.
  const seen = checker.lastSeq(no);
  if (named.lastSeq >= seen) return;
  const message = `Entry ${seen} of ${stream} is there, but the index ends with ${named.lastSeq}.`;
  found.add({ stream, seq: seen, kind: "index", message });
}

/** Whether the index leads to every entry of the stream. Where entries are gone, or moved, that has been said already. */
async function checkPlaces(store: JournalStore, head: StreamHead, found: Findings): Promise<void> {
  const { stream, lastSeq } = head;
  let next = 0;
  while (next <= lastSeq) {
    const page = await store.read(head, next, PLACES_AT_ONCE);
    const gap = page.findIndex(({ seq, text }, i) => {
      // Canonical JSON has these fields side by side. That the rest is as it was is known from the walk.
      const place = `"seq":${next + i},"stream":${JSON.stringify(stream)}`;
      return seq !== next + i || !text.includes(place);
    });
    if (gap === -1 && page.length > 0) {
      next += page.length;
      continue;
    }
    const seq = next + Math.max(gap, 0);
    if (found.has(stream)) return;
    const message = `The index does not lead to entry ${seq} of ${stream}.`;
    found.add({ stream, seq, kind: "index", message });
    return;
  }
}

function checkHead(head: StreamHead, checker: EntryChecker, found: Findings): void {
  const { no, stream, lastSeq, status, open } = head;
  const seen = checker.lastSeq(no);
  if (lastSeq > seen || seen === -1) {
    const seq = seen + 1;
    found.add({
      stream,
      seq,
      kind: "missing",
      message: `Entry ${seq} of ${stream} is gone, or did not arrive.`,
    });
    return;
  }
  // Entries that came after the head was read may have changed its index.
  if (seen > lastSeq || !stream.startsWith(RUN_PREFIX)) return;
  const ending = checker.ending(no);
  const possible = ending === undefined ? [...OPEN_STATUSES] : STATUSES_AFTER[ending];
  if (possible?.some((each) => each === status) === true && open === (ending === undefined)) return;
  const says = ending === undefined ? "its journal has no end" : `its journal ends with ${ending}`;
  const message = `The index says that ${stream} is ${status} (${open ? "open" : "closed"}); ${says}.`;
  found.add({ stream, seq: seen, kind: "index", message });
}

const STATUSES_AFTER: Partial<Record<EntryKind, readonly RunStatus[]>> = {
  "run.refused": ["refused"],
  "run.completed": ["completed"],
  "run.failed": ["failed"],
  "run.cancelled": ["cancelled"],
  "run.compensated": ["compensated"],
};
