import type { Ids } from "../ports/ids.ts";

/** Ids for tests: `run-1`, `run-2`, ... and the same chance every time (0 if left out: a pause with no jitter taken off). */
export function countedIds(random = 0, prefix = "run"): Ids {
  let count = 0;
  return {
    runId: () => {
      count += 1;
      return `${prefix}-${count}`;
    },
    random: () => random,
  };
}
