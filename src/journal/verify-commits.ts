/**
 * Verifying commits: their chain, and that each entry is covered by exactly one of them, in order, under the right root.
 *
 * Two lists are read side by side: the entries that the commits say, and those that arrived. Where they part, what is
 * missing, added or moved is told apart, and the lists are brought together again, so that one change gives one problem.
 */
import { isBatonError } from "../model/errors.ts";
import type {
  ArrivedEntry,
  CommitRange,
  JournalStore,
  StoredCommit,
} from "../ports/journal-store.ts";
import { hashCommit, readCommit, sealCommit } from "./commit.ts";
import { NO_HASH } from "./hash.ts";
import { merkleRoot } from "./merkle.ts";
import type { EntryChecker } from "./verify-entries.ts";
import type { Findings } from "./verify-problem.ts";

export interface CommitWalk {
  /** Verifies all that was committed since the last call. */
  advance(): Promise<void>;
  /** Commits so far. */
  count(): number;
}

/** What is walked along. */
export type CommitSource = Pick<JournalStore, "commits" | "arrivals" | "read">;

/** An entry that a commit says is there. */
interface Expected extends CommitRange {
  readonly seq: number;
}

const ARRIVALS_AT_ONCE = 500;
const COMMITS_AT_ONCE = 50;

/** A walk along the commits of `store`, from the first one. Each entry that arrives is given to `checker`; `settle` is called for each page. */
export function commitWalk(
  store: CommitSource,
  checker: EntryChecker,
  found: Findings,
  settle: () => Promise<void>,
): CommitWalk {
  const commits = commitCursor(store, found);
  const arrivals = arrivalCursor(store, settle);
  /** Said by a commit, found elsewhere in the store, not arrived yet. */
  const unseen = new Set<string>();
  /** Arrived where another was expected. */
  const extras = new Map<string, Extra>();

  function take(entry: ArrivedEntry): void {
    checker.check(entry);
    arrivals.shift();
  }

  async function meet(said: Expected, came: ArrivedEntry | undefined): Promise<void> {
    const saidKey = keyOf(said.no, said.seq);
    const cameKey = came === undefined ? "" : keyOf(came.no, came.seq);
    if (came !== undefined && unseen.delete(cameKey)) {
      report("reordered", came, "arrived in another place than its commit says");
      take(came);
      return;
    }
    const early = extras.get(saidKey);
    if (early !== undefined) {
      extras.delete(saidKey);
      report("reordered", said, "arrived in another place than its commit says");
      commits.shift(early.hash);
      return;
    }
    const [stored] = said.stream === "" ? [] : await store.read(said, said.seq, 1);
    if (stored?.seq !== said.seq) {
      report("missing", said, `is gone; commit ${commits.current()} covers it`);
      commits.shift(undefined);
      return;
    }
    if (came === undefined) {
      report("reordered", said, "is not among the entries that arrived");
      commits.shift(stored.hash);
      return;
    }
    const { no, stream, seq } = came;
    extras.set(cameKey, { entry: { no, stream, seq }, hash: came.hash });
    take(came);
    const next = await arrivals.peek();
    if (next?.no === said.no && next.seq === said.seq) return;
    unseen.add(saidKey);
    commits.shift(stored.hash);
  }

  const report: Report = (kind, place, what) => reportEntry(found, kind, place, what);

  async function advance(): Promise<void> {
    while (!found.full()) {
      const said = commits.loaded() ?? (await commits.peek());
      const came = arrivals.loaded() ?? (await arrivals.peek());
      if (said === undefined) {
        if (came === undefined) break;
        // Whoever sees an entry sees its commit; it may have been committed since the commits were looked at.
        if ((await commits.peek()) !== undefined) continue;
        report("added", came, "is covered by no commit");
        take(came);
      } else if (came !== undefined && came.no === said.no && came.seq === said.seq) {
        take(came);
        commits.shift(came.hash);
      } else {
        await meet(said, came);
      }
    }
    reportExtras(extras, found);
    await settle();
  }

  return { advance, count: () => commits.count() };
}

type Place = Pick<ArrivedEntry, "no" | "stream" | "seq">;
type Kind = "reordered" | "missing" | "added";
type Report = (kind: Kind, place: Place, what: string) => void;

function reportEntry(found: Findings, kind: Kind, place: Place, what: string): void {
  const { no, stream, seq } = place;
  const name = stream === "" ? `stream number ${no}` : stream;
  const message = `Entry ${seq} of ${name} ${what}.`;
  found.add(stream === "" ? { seq, kind, message } : { stream, seq, kind, message });
}

function reportExtras(extras: ReadonlyMap<string, Extra>, found: Findings): void {
  for (const { entry } of extras.values()) {
    reportEntry(found, "added", entry, "is covered by no commit");
  }
}

interface Extra {
  readonly entry: Place;
  readonly hash: string;
}

interface CommitCursor {
  /** The next entry that the commits say, if it is at hand. */
  loaded(): Expected | undefined;
  peek(): Promise<Expected | undefined>;
  /** Goes on; `hash` is of the entry that stands for the one that was said, undefined if none does. */
  shift(hash: string | undefined): void;
  current(): number;
  count(): number;
}

function commitCursor(store: CommitSource, found: Findings): CommitCursor {
  let page: readonly StoredCommit[] = [];
  let next = 0;
  let commit: StoredCommit | undefined;
  let said: Expected | undefined;
  let rangeNo = 0;
  let hashes: string[] = [];
  let whole = true;
  let count = 0;
  let lastNo = 0;
  let lastHash = NO_HASH;

  function point(offset: number): void {
    const range = commit?.entries[rangeNo];
    if (range === undefined) said = undefined;
    else if (offset < range.count) said = { ...range, seq: range.fromSeq + offset };
    else {
      rangeNo += 1;
      point(0);
    }
  }

  function begin(taken: StoredCommit): void {
    commit = taken;
    rangeNo = 0;
    hashes = [];
    whole = true;
    count += 1;
    point(0);
    if (said === undefined) finish(taken);
  }

  function finish(taken: StoredCommit): void {
    checkCommit(taken, { lastNo, lastHash, hashes, whole }, found);
    lastNo = taken.commitNo;
    lastHash = taken.hash;
    commit = undefined;
  }

  return {
    loaded: () => said,
    async peek() {
      while (said === undefined) {
        let taken = page[next];
        if (taken === undefined) {
          const lastOfPage = page.at(-1)?.commitNo ?? lastNo;
          page = await loadCommits(store, lastOfPage, found);
          next = 0;
          taken = page[0];
        }
        if (taken === undefined) return undefined;
        next += 1;
        begin(taken);
      }
      return said;
    },
    shift(hash) {
      if (hash === undefined) whole = false;
      else hashes.push(hash);
      if (said === undefined || commit === undefined) return;
      const taken = commit;
      point(said.seq - said.fromSeq + 1);
      if (said === undefined) finish(taken);
    },
    current: () => commit?.commitNo ?? lastNo,
    count: () => count,
  };
}

/** A page after a commit. A commit whose index cannot be read is a problem, and is passed over. */
async function loadCommits(
  store: CommitSource,
  after: number,
  found: Findings,
): Promise<readonly StoredCommit[]> {
  for (const limit of [COMMITS_AT_ONCE, 1]) {
    try {
      return await store.commits(after, limit);
    } catch (error) {
      if (!isBatonError(error, "STORE_CORRUPT")) throw error;
    }
  }
  const commitNo = after + 1;
  found.add({ commitNo, kind: "commit", message: `Commit ${commitNo} cannot be read.` });
  return found.full() ? [] : loadCommits(store, commitNo, found);
}

interface CommitContext {
  readonly lastNo: number;
  readonly lastHash: string;
  readonly hashes: readonly string[];
  /** Whether every entry that it covers was found, so that the root can be computed. */
  readonly whole: boolean;
}

function checkCommit(commit: StoredCommit, context: CommitContext, found: Findings): void {
  const { commitNo, text, hash, entries } = commit;
  const [only, ...others] = entries;
  const single =
    only !== undefined && others.length === 0 ? { stream: only.stream, seq: only.fromSeq } : {};
  const report = (what: string) => {
    found.add({ ...single, commitNo, kind: "commit", message: `Commit ${commitNo} ${what}.` });
  };
  if (commitNo !== context.lastNo + 1)
    report(`comes after ${context.lastNo}: commits between are gone`);
  if (hashCommit(text) !== hash) report("is not what its hash says: its row was changed");
  let row: ReturnType<typeof readCommit>;
  try {
    row = readCommit(text);
  } catch (error) {
    if (!isBatonError(error)) throw error;
    report(`cannot be read: ${error.message}`);
    return;
  }
  if (sealCommit(row).text !== text)
    report("is not written as canonical JSON, or has further fields");
  if (row.commitNo !== commitNo) report(`says that it is commit ${row.commitNo}`);
  if (row.prev !== context.lastHash) report("does not follow the commit before it");
  const covered = entries.reduce((sum, range) => sum + range.count, 0);
  if (row.count !== covered)
    report(`says that it covers ${row.count} entries; its index names ${covered}`);
  if (!context.whole || context.hashes.length === 0) return;
  if (merkleRoot(context.hashes) !== row.root) {
    report("has another root than its entries: one of them, or its index, was changed");
  }
}

interface ArrivalCursor {
  loaded(): ArrivedEntry | undefined;
  peek(): Promise<ArrivedEntry | undefined>;
  shift(): void;
}

function arrivalCursor(store: CommitSource, settle: () => Promise<void>): ArrivalCursor {
  let page: readonly ArrivedEntry[] = [];
  let next = 0;
  let after: number | undefined;
  return {
    loaded: () => page[next],
    async peek() {
      if (next >= page.length) {
        await settle();
        page = await store.arrivals(after, ARRIVALS_AT_ONCE);
        next = 0;
        after = page.at(-1)?.position ?? after;
      }
      return page[next];
    },
    shift() {
      next += 1;
    },
  };
}

function keyOf(no: number, seq: number): string {
  return `${no}:${seq}`;
}
