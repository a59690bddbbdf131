/** How much a store gives at once. */

/** Entries of one stream at once, if the caller names no limit. */
export const READ_DEFAULT = 1_000;
/** Heads at once, if the caller names no limit. */
const HEADS_DEFAULT = 100;
/** Heads at once at the most: an answer must not grow with the store. */
const HEADS_MAX = 10_000;

/** The number of heads to give. */
export function headsLimit(asked: number = HEADS_DEFAULT): number {
  return Math.min(HEADS_MAX, Math.max(0, asked));
}
