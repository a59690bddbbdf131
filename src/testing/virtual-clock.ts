/** A clock for tests: time stands still until the test moves it. */
import type { Clock } from "../ports/clock.ts";

/** Where a virtual clock begins, if not told otherwise: a moment that is easily recognised in a journal. */
export const VIRTUAL_START_MS = 1_790_000_000_000;

/** Turns of the event loop that work is given to come to rest: a step takes about three. */
const SETTLE_TURNS = 40;
/** The same for what a timer of the background sets off, such as the renewal of a lease: there are many, and they do little. */
const BACKGROUND_TURNS = 3;
/** Real milliseconds after which a promise that nothing can settle any more is called stuck: files and modules take real time. */
const STUCK_MS = 1_500;

export interface VirtualClock extends Clock {
  /** Lets everything run that does not wait for time. */
  settle(): Promise<void>;
  /** Moves time on by `ms`, from one due timer to the next; what each sets off comes to rest before the next. */
  advance(ms: number): Promise<void>;
  /**
   * Moves time on, timer by timer, until `promise` is settled, and gives what it gives.
   * @throws Error if it can never be settled: no timer is left but those of the background.
   */
  until<X>(promise: Promise<X>): Promise<X>;
  /** Delays of the timers that are set, in milliseconds from now, those of the background left out. */
  pending(): readonly number[];
}

interface SetTimer {
  readonly dueMs: number;
  readonly wake: () => void;
  readonly background: boolean;
}

/** A virtual clock that begins at `startMs` (milliseconds since 1970). */
export function virtualClock(startMs: number = VIRTUAL_START_MS): VirtualClock {
  const timers = new Set<SetTimer>();
  let nowMs = startMs;

  const first = (onlyForeground: boolean): SetTimer | undefined => {
    let found: SetTimer | undefined;
    for (const timer of timers) {
      if (onlyForeground && timer.background) continue;
      if (found === undefined || timer.dueMs < found.dueMs) found = timer;
    }
    return found;
  };
  const fireUpTo = async (untilMs: number): Promise<void> => {
    for (let timer = first(false); timer !== undefined; timer = first(false)) {
      if (timer.dueMs > untilMs) return;
      nowMs = Math.max(nowMs, timer.dueMs);
      timers.delete(timer);
      timer.wake();
      await turns(timer.background ? BACKGROUND_TURNS : SETTLE_TURNS);
    }
  };
  const advance = async (ms: number): Promise<void> => {
    await turns(SETTLE_TURNS);
    const untilMs = nowMs + ms;
    await fireUpTo(untilMs);
    nowMs = untilMs;
    await turns(SETTLE_TURNS);
  };
  return {
    now: () => nowMs,
    monotonicMs: () => nowMs - startMs,
    after: (delayMs, wake, background = false) => {
      const timer = { dueMs: nowMs + delayMs, wake, background };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    settle: () => turns(SETTLE_TURNS),
    advance,
    until: async (promise) => {
      let settled = false;
      const mark = () => {
        settled = true;
      };
      promise.then(mark, mark);
      await turns(SETTLE_TURNS, () => settled);
      while (!settled) {
        const next = first(true);
        if (next !== undefined) await fireUpTo(next.dueMs);
        else await realTime(STUCK_MS, () => settled || first(true) !== undefined);
        if (!settled && first(true) === undefined && next === undefined) {
          throw new Error("Stuck: nothing is under way, and no timer is set that could go on.");
        }
      }
      return await promise;
    },
    pending: () =>
      [...timers]
        .filter(({ background }) => !background)
        .map(({ dueMs }) => dueMs - nowMs)
        .sort((a, b) => a - b),
  };
}

/** Lets that many turns of the event loop go by, or fewer if `enough` says so. */
async function turns(count: number, enough: () => boolean = () => false): Promise<void> {
  for (let turn = 0; turn < count && !enough(); turn += 1) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

async function realTime(ms: number, enough: () => boolean): Promise<void> {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs && !enough()) {
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
  }
}
