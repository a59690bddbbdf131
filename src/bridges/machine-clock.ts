import type { Clock } from "../ports/clock.ts";

/** The machine's own time, where no Baton gives its. */
export const machineClock: Pick<Clock, "now" | "monotonicMs" | "after"> = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, wake, background) => {
    const timer = setTimeout(wake, delayMs);
    if (background === true) timer.unref();
    return () => clearTimeout(timer);
  },
};
