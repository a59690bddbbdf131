/** Waits by a clock, which end. */
import type { Clock } from "./clock.ts";

type Timer = Pick<Clock, "after">;

/** Waits for something, but not for ever: it may still come to its end later, unheard. @throws what `work` throws in time */
export async function within(
  clock: Timer,
  limitMs: number,
  work: Promise<unknown>,
  background = false,
): Promise<void> {
  let cancel = () => {};
  const late = new Promise<void>((resolve) => {
    cancel = clock.after(limitMs, resolve, background);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    cancel();
  }
}

export interface Pauses {
  readonly wait: (ms: number) => Promise<void>;
  readonly end: () => void;
}

/** Waits that can be ended, all that come after too. In the background: they keep no process alive. */
export function pauses(clock: Timer): Pauses {
  const waiting = new Set<() => void>();
  let ended = false;
  return {
    wait: (ms) =>
      new Promise<void>((resolve) => {
        if (ended) return resolve();
        const goOn = () => {
          cancel();
          waiting.delete(goOn);
          resolve();
        };
        const cancel = clock.after(ms, goOn, true);
        waiting.add(goOn);
      }),
    end: () => {
      ended = true;
      for (const goOn of waiting) goOn();
    },
  };
}
