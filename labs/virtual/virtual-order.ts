/** Time for the naive variants: nothing sleeps; whoever is due first goes first, and of two that are due together the first who asked. */
import TinyQueue from "tinyqueue";

export interface VirtualOrder {
  /** Milliseconds since the beginning of the lab. */
  now(): number;
  /** Resolves when `ms` have passed. */
  pass(ms: number): Promise<void>;
  /** Lets time pass until nobody waits for it any more. */
  run(): Promise<void>;
}

interface Waiter {
  readonly dueMs: number;
  readonly no: number;
  readonly wake: () => void;
}

export function virtualOrder(): VirtualOrder {
  const waiters = new TinyQueue<Waiter>([], (a, b) => a.dueMs - b.dueMs || a.no - b.no);
  let nowMs = 0;
  let count = 0;
  return {
    now: () => nowMs,
    pass: (ms) =>
      new Promise((wake) => {
        count += 1;
        waiters.push({ dueMs: nowMs + ms, no: count, wake });
      }),
    run: async () => {
      await settled();
      for (let next = waiters.pop(); next !== undefined; next = waiters.pop()) {
        nowMs = next.dueMs;
        next.wake();
        await settled();
      }
    },
  };
}

/** All that follows at once is done before a turn of the event loop is over: the database answers synchronously. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
