/**
 * Commit rows: what one group commit covered. Their chain is the gapless global cursor, and shows that the end of a stream,
 * or a whole stream, was cut away.
 */
import { BatonError } from "../model/errors.ts";
import { canonicalJson } from "./canonical.ts";
import { sha256Hex } from "./hash.ts";

export const COMMIT_FORMAT = 1;

export interface CommitRow {
  /** Integer milliseconds since 1970; never before the commit before. */
  readonly at: number;
  /** Dense from 1. */
  readonly commitNo: number;
  /** How many entries it covers. */
  readonly count: number;
  /** The epoch of the lease under which it was written. */
  readonly epoch: number;
  /** Hash of the commit before; 64 zeros for the first. */
  readonly prev: string;
  /** Merkle root over the hashes of its entries, in the order of commit. */
  readonly root: string;
}

/** The stored form of a commit row: its canonical JSON and the hash (hex SHA-256) over `baton/commit/v1`, a line feed and that text. */
export function sealCommit(row: CommitRow): { readonly text: string; readonly hash: string } {
  const { at, commitNo, count, epoch, prev, root } = row;
  const text = canonicalJson({ at, commitNo, count, epoch, prev, root, v: COMMIT_FORMAT });
  return { text, hash: hashCommit(text) };
}

/** The hash (hex) of a commit row's text. */
export function hashCommit(text: string): string {
  return sha256Hex(`baton/commit/v1\n${text}`);
}

/**
 * Reads a commit row's text.
 * @throws BatonError `JOURNAL_BROKEN` if it is not what {@link sealCommit} writes; `ENTRY_UNKNOWN` if its format is a later one.
 */
export function readCommit(text: string): CommitRow {
  let row: Partial<CommitRow> & { readonly v?: unknown };
  try {
    // Outside data: every field is looked at below before it is used.
    row = JSON.parse(text) as typeof row;
  } catch (cause) {
    throw new BatonError("JOURNAL_BROKEN", "A commit row is not JSON.", { cause });
  }
  if (typeof row?.v === "number" && row.v > COMMIT_FORMAT) {
    throw new BatonError(
      "ENTRY_UNKNOWN",
      `A commit row has format ${row.v}; this Baton knows ${COMMIT_FORMAT}.`,
    );
  }
  const { at, commitNo, count, epoch, prev, root } = row ?? {};
  const good =
    isCount(at) &&
    isCount(commitNo) &&
    isCount(count) &&
    isCount(epoch) &&
    isHash(prev) &&
    isHash(root);
  if (!good || row.v !== COMMIT_FORMAT)
    throw new BatonError("JOURNAL_BROKEN", "A commit row lacks a field, or has a wrong one.");
  return { at, commitNo, count, epoch, prev, root };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isHash(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}
