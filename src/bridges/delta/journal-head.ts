/**
 * Which commit of the journal a table came to. A copy of a store is told from it by nothing but its newest commits: so a table
 * says whose it has, and a store that was restored from an older copy is found out before anything of it is written.
 */
import { BatonError } from "../../model/errors.ts";
import type { JournalStore, StoredCommit } from "../../ports/journal-store.ts";

/** A commit, as two whole numbers: a `txn` has nothing else. */
export interface JournalHead {
  readonly commitNo: number;
  /** What its hash begins with. */
  readonly mark: number;
}

/** 48 bits: what a number keeps exactly, and far more than tells two commits of the same number apart. */
const MARK_DIGITS = 12;

export function headOf({ commitNo, hash }: StoredCommit): JournalHead {
  return { commitNo, mark: Number.parseInt(hash.slice(0, MARK_DIGITS), 16) };
}

/**
 * Holds a table's head against the store. A table that older Batons have written says none, or one that is further back.
 * @throws BatonError `TABLE_UNSUITABLE`; what the store throws
 */
export async function checkHead(
  store: JournalStore,
  head: JournalHead | undefined,
  where: string,
): Promise<void> {
  if (head === undefined) return;
  const [commit] = await store.commits(head.commitNo - 1, 1);
  if (commit?.commitNo === head.commitNo && headOf(commit).mark === head.mark) return;
  throw new BatonError(
    "TABLE_UNSUITABLE",
    `${where} has a commit ${head.commitNo} which the journal does not have${commit === undefined ? "" : ": it has another one"}.`,
    {
      hint: "The store was restored from an older copy, or lost its newest commits. Write its journal to another place; these tables stay what they are: the journal as it was before.",
      details: { commitNo: head.commitNo, store: store.label },
    },
  );
}
