/** Fewer faults that still break a promise. */
import type { BrokenPromise } from "./invariants.ts";

/** Lives that one shrinking may cost. */
const LIVES_MAX = 80;

/** What is left of a schedule, and what breaks under it. */
export interface Shrunk {
  readonly schedule: readonly string[];
  readonly broken: readonly BrokenPromise[];
}

/** Leaves out faults, many at once at first, then one by one, for as long as `live` still finds something broken. */
export async function shrink(
  schedule: readonly string[],
  broken: readonly BrokenPromise[],
  live: (schedule: readonly string[]) => Promise<readonly BrokenPromise[]>,
): Promise<Shrunk> {
  let best: Shrunk = { schedule, broken };
  let lives = 0;
  for (let size = Math.ceil(schedule.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.schedule.length && lives < LIVES_MAX; ) {
      lives += 1;
      const fewer = best.schedule.toSpliced(at, size);
      const still = await live(fewer);
      if (still.length > 0) best = { schedule: fewer, broken: still };
      else at += size;
    }
  }
  return best;
}
