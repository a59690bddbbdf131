/**
 * Wake-ups: which run must be looked at when. A projection of the journal's due times, so that none can be lost: it is
 * filled at open from the store's index, and whenever a run comes to rest.
 */
import TinyQueue from "tinyqueue";
import type { Clock } from "../../ports/clock.ts";

export interface Wakes {
  /** Replaces what is known of the run; undefined removes it. */
  set(run: string, atMs: number | undefined): void;
  /** When the run is to be woken; undefined if nothing is set. */
  at(run: string): number | undefined;
  /** How many wake-ups are kept, those that no longer count among them. */
  waiting(): number;
  /** Sets the timer anew, should it have been lost. */
  rearm(): void;
  /** Sets it anew if the wall clock has jumped past its time: the machine was asleep, or its clock was put right. */
  catchUp(): void;
  stop(): void;
}

/** How many wake-ups that no longer count may lie in the queue beside as many as count: runs that end long before their time. */
const STALE_MAX = 1_000;

/** Node's timers hold 31 bits of milliseconds; a longer wait is looked at again after this. */
const PAUSE_MAX_MS = 2_000_000_000;

interface Wake {
  readonly atMs: number;
  readonly run: string;
}

function byTime(a: Wake, b: Wake): number {
  return a.atMs - b.atMs;
}

export function wakes(clock: Clock, wake: (run: string) => void): Wakes {
  let due = new TinyQueue<Wake>([], byTime);
  const current = new Map<string, number>();
  let cancel: (() => void) | undefined;
  let setForMs = Number.POSITIVE_INFINITY;
  /** When the timer has to fire, on the monotonic clock. */
  let firesAtMs = Number.POSITIVE_INFINITY;

  const sweep = () => {
    if (due.length <= 2 * current.size + STALE_MAX) return;
    due = new TinyQueue<Wake>(
      Array.from(current, ([run, atMs]) => ({ atMs, run })),
      byTime,
    );
  };
  const arm = () => {
    const first = due.peek();
    if (first === undefined || first.atMs >= setForMs) return;
    cancel?.();
    setForMs = first.atMs;
    const delayMs = Math.min(PAUSE_MAX_MS, Math.max(0, first.atMs - clock.now()));
    firesAtMs = clock.monotonicMs() + delayMs;
    cancel = clock.after(delayMs, fire);
  };
  const rearm = () => {
    if (setForMs === Number.NEGATIVE_INFINITY) return;
    cancel?.();
    setForMs = Number.POSITIVE_INFINITY;
    arm();
  };
  const fire = () => {
    cancel = undefined;
    setForMs = Number.POSITIVE_INFINITY;
    const nowMs = clock.now();
    for (let first = due.peek(); first !== undefined && first.atMs <= nowMs; first = due.peek()) {
      due.pop();
      if (current.get(first.run) !== first.atMs) continue;
      current.delete(first.run);
      wake(first.run);
    }
    arm();
  };
  return {
    set: (run, atMs) => {
      if (current.get(run) === atMs) return;
      if (atMs === undefined) {
        current.delete(run);
        return;
      }
      current.set(run, atMs);
      due.push({ atMs, run });
      sweep();
      arm();
    },
    at: (run) => current.get(run),
    waiting: () => due.length,
    rearm,
    catchUp: () => {
      if (setForMs <= clock.now() && firesAtMs > clock.monotonicMs()) rearm();
    },
    stop: () => {
      cancel?.();
      cancel = undefined;
      setForMs = Number.NEGATIVE_INFINITY;
    },
  };
}
