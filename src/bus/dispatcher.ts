/**
 * The dispatcher: hands messages on in the order of their keys, tries again what failed, and knows up to where all is done.
 * Every implementation of the bus consumes through one.
 *
 * Owns: what is in hand. Does not own: where messages come from; where places are kept.
 *
 * D1. Of one key at most one message is being handled; the next begins when that is done.
 * D2. `done` is never told of a position before which something is not done.
 * D3. Once stopped, nothing begins, and nothing is tried again.
 */
import type { Clock } from "../ports/clock.ts";

/** The first pause after a handling that failed; each further one is twice as long, up to the longest. */
const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 10_000;
/** What is in hand when consuming stops gets so long to end. */
const STOP_MS = 1_000;

export interface DispatchOptions<M> {
  readonly clock: Clock;
  readonly inFlightMax: number;
  readonly handle: (message: M, position: number) => Promise<void>;
  readonly failed: (error: unknown, position: number, pauseMs: number) => void;
  /** Everything up to the position is done. */
  readonly done: (position: number) => void;
}

export interface Dispatcher<M> {
  /** Takes a message whose position is beyond that of all before it. */
  readonly take: (message: M, position: number, key: string | undefined) => void;
  /** Nothing of what was passed over is to be handled: the place may move on over it. */
  readonly passOver: (position: number) => void;
  /** Messages that are taken, and before which not all is done. */
  readonly size: () => number;
  /** Resolves once so many more may be taken, or it was stopped. */
  readonly room: (atLeast: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

interface Taken<M> {
  readonly message: M;
  readonly position: number;
  readonly key: string | undefined;
  done: boolean;
}

export function dispatcher<M>(options: DispatchOptions<M>): Dispatcher<M> {
  const { clock, inFlightMax, handle, failed, done } = options;
  /** In order of position; the first is not done. */
  const window: Taken<M>[] = [];
  const lines = new Map<string, Taken<M>[]>();
  const waiting: (() => void)[] = [];
  const pauses = new Set<() => void>();
  let handling = 0;
  let stopped = false;

  const wake = (): void => {
    for (const resolve of waiting.splice(0)) resolve();
  };

  function begin(taken: Taken<M>, pauseMs = PAUSE_FIRST_MS): void {
    handling += 1;
    void handle(taken.message, taken.position)
      .then(() => settle(taken))
      .catch((error: unknown) => {
        if (stopped) return;
        failed(error, taken.position, pauseMs);
        const cancel = clock.after(pauseMs, () => {
          pauses.delete(cancel);
          if (!stopped) begin(taken, Math.min(pauseMs * 2, PAUSE_MAX_MS));
        });
        pauses.add(cancel);
      })
      .finally(() => {
        handling -= 1;
        wake();
      });
  }

  function settle(taken: Taken<M>): void {
    taken.done = true;
    let last: number | undefined;
    while (window[0]?.done === true) last = window.shift()?.position;
    if (last !== undefined) done(last);
    const { key } = taken;
    const line = key === undefined ? undefined : lines.get(key);
    if (key === undefined || line === undefined) return;
    line.shift();
    const [next] = line;
    if (next === undefined) lines.delete(key);
    else if (!stopped) begin(next);
  }

  return {
    take(message, position, key) {
      const taken: Taken<M> = { message, position, key, done: false };
      window.push(taken);
      const line = key === undefined ? undefined : lines.get(key);
      if (line !== undefined) line.push(taken);
      else {
        if (key !== undefined) lines.set(key, [taken]);
        begin(taken);
      }
    },
    passOver(position) {
      if (window.length === 0) done(position);
    },
    size: () => window.length,
    async room(atLeast) {
      while (!stopped && inFlightMax - window.length < Math.min(atLeast, inFlightMax))
        await new Promise<void>((resolve) => waiting.push(resolve));
    },
    async stop() {
      stopped = true;
      for (const cancel of pauses) cancel();
      wake();
      let late = false;
      const cancel = clock.after(STOP_MS, () => {
        late = true;
        wake();
      });
      while (handling > 0 && !late) await new Promise<void>((resolve) => waiting.push(resolve));
      cancel();
    },
  };
}
