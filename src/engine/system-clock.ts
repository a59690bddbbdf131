import type { Clock } from "../ports/clock.ts";
import { afterMs } from "../ports/machine-timer.ts";

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: afterMs,
};
