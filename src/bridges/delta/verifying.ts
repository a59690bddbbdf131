/** Verifying a journal from its tables alone, by the very code that verifies a store. */
import { type VerifyProblem, verifyCommitted } from "../../journal/verify.ts";
import { type JournalTables, journalOfTables } from "./journal-of-tables.ts";
import { snapshotAt } from "./reading.ts";
import type { DeltaStorage } from "./storage.ts";
import { cursorOf, storeOf } from "./table.ts";

export interface DeltaVerifyReport {
  readonly runs: number;
  readonly entries: number;
  readonly commits: number;
  readonly blobs: number;
  /** Entries that came to the tables before the commit row that covers them: a sink is under way, or was stopped. Nothing is said of them. */
  readonly entriesAhead: number;
  /** The last commit: compare its hash with what was noted elsewhere. */
  readonly head?: { readonly commitNo: number; readonly hash: string };
  readonly problems: readonly VerifyProblem[];
}

export interface DeltaVerifyOptions {
  /** Called now and then with the number of entries so far. */
  readonly progress?: (entries: number) => void;
}

/**
 * Verifies that the tables have a journal as it was written: every entry's hash, the chain of every stream, the chain of commits
 * and what they cover, and every blob. Needs memory for where each entry is, about a hundred bytes.
 * @throws BatonError `TABLE_NOT_FOUND`, `TABLE_CORRUPT`, `TABLE_UNSUITABLE`, `TABLE_FAILED`, `DEPENDENCY_MISSING`
 */
export async function verifyDelta(
  storage: DeltaStorage,
  options: DeltaVerifyOptions = {},
): Promise<DeltaVerifyReport> {
  // In the opposite order of writing: what the first has, the others have.
  const commits = await snapshotAt(storage, "commits");
  const entries = await snapshotAt(storage, "entries");
  const blobs = await snapshotAt(storage, "blobs");
  const tables: JournalTables = { storage, commits, entries, blobs };
  const journal = journalOfTables(tables);
  const report = await verifyCommitted(journal, options);
  const head = journal.lastCommit();
  return {
    ...report,
    ...journal.counts(),
    entriesAhead: journal.entriesAhead(),
    ...(head === undefined ? {} : { head: { commitNo: head.commitNo, hash: head.hash } }),
    problems: [...report.problems, ...cutOff(tables, journal.lastPositions())],
  };
}

/** What the log says was written, and is no longer there: its end would not be missed by the chain. */
function cutOff(
  { entries, commits }: JournalTables,
  last: { readonly entry: number; readonly commit: number },
): readonly VerifyProblem[] {
  const store = storeOf(commits.metaData) ?? "";
  const said = {
    entry: cursorOf(entries, store).position,
    commit: cursorOf(commits, store).position,
  };
  const problems: VerifyProblem[] = [];
  if (last.entry < said.entry)
    problems.push({
      kind: "missing",
      message: `Entries are gone: the table was written up to position ${said.entry}.`,
    });
  if (last.commit < said.commit)
    problems.push({
      kind: "missing",
      message: `Commits are gone: the table was written up to position ${said.commit}.`,
    });
  return problems;
}
