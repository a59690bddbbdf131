/** The machine's own timers, as a Clock has them. */
import type { Clock } from "./clock.ts";

/** Node's timers hold 31 bits of milliseconds, 24 days; what is longer would come at once. */
export const TIMER_MAX_MS = 2_147_483_647;

/** Calls `wake` after `delayMs`, however long that is. */
export const afterMs: Clock["after"] = (delayMs, wake, background) => {
  let timer: ReturnType<typeof setTimeout>;
  const wait = (leftMs: number): void => {
    const nowMs = Math.min(leftMs, TIMER_MAX_MS);
    timer = setTimeout(nowMs === leftMs ? wake : () => wait(leftMs - nowMs), nowMs);
    if (background === true) timer.unref();
  };
  wait(delayMs);
  return () => clearTimeout(timer);
};
