import type { Clock } from "../ports/clock.ts";
import { afterMs } from "../ports/machine-timer.ts";

/** The machine's own time, where no Baton gives its. */
export const machineClock: Pick<Clock, "now" | "monotonicMs" | "after"> = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: afterMs,
};
