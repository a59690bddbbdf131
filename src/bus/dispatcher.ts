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
  /** Everything up to the position is done, the message there last. */
  readonly done: (position: number, message: M) => void;
}

export interface Dispatcher<M> {
  /** Takes a message whose position is beyond that of all before it. */
  readonly take: (message: M, position: number, key: string | undefined) => void;
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

interface State<M> {
  readonly options: DispatchOptions<M>;
  /** In order of position; the first is not done. */
  readonly window: Taken<M>[];
  readonly lines: Map<string, Taken<M>[]>;
  readonly waiting: (() => void)[];
  /** Pauses after handlings that failed: each can be given up. */
  readonly pauses: Set<() => void>;
  handling: number;
  stopped: boolean;
}

export function dispatcher<M>(options: DispatchOptions<M>): Dispatcher<M> {
  const state: State<M> = {
    options,
    window: [],
    lines: new Map(),
    waiting: [],
    pauses: new Set(),
    handling: 0,
    stopped: false,
  };
  const { window, waiting } = state;
  return {
    take: (message, position, key) => take(state, { message, position, key, done: false }),
    size: () => window.length,
    async room(atLeast) {
      const { inFlightMax } = options;
      while (!state.stopped && inFlightMax - window.length < Math.min(atLeast, inFlightMax))
        await new Promise<void>((resolve) => waiting.push(resolve));
    },
    stop: () => stop(state),
  };
}

function wake<M>({ waiting }: State<M>): void {
  for (const resolve of waiting.splice(0)) resolve();
}

function take<M>(state: State<M>, taken: Taken<M>): void {
  const { window, lines } = state;
  const { key } = taken;
  window.push(taken);
  const line = key === undefined ? undefined : lines.get(key);
  if (line !== undefined) {
    line.push(taken);
    return;
  }
  if (key !== undefined) lines.set(key, [taken]);
  begin(state, taken);
}

function begin<M>(state: State<M>, taken: Taken<M>, pauseMs = PAUSE_FIRST_MS): void {
  const { handle } = state.options;
  state.handling += 1;
  void handle(taken.message, taken.position)
    .then(() => settle(state, taken))
    .catch((error: unknown) => beginLater(state, taken, { error, pauseMs }))
    .finally(() => {
      state.handling -= 1;
      wake(state);
    });
}

function beginLater<M>(
  state: State<M>,
  taken: Taken<M>,
  { error, pauseMs }: { readonly error: unknown; readonly pauseMs: number },
): void {
  if (state.stopped) return;
  const { clock, failed } = state.options;
  failed(error, taken.position, pauseMs);
  const cancel = clock.after(pauseMs, () => {
    state.pauses.delete(cancel);
    if (!state.stopped) begin(state, taken, Math.min(pauseMs * 2, PAUSE_MAX_MS));
  });
  state.pauses.add(cancel);
}

function settle<M>(state: State<M>, taken: Taken<M>): void {
  const { window, lines, options } = state;
  taken.done = true;
  let last: Taken<M> | undefined;
  while (window[0]?.done === true) last = window.shift();
  if (last !== undefined) options.done(last.position, last.message);
  const { key } = taken;
  const line = key === undefined ? undefined : lines.get(key);
  if (key === undefined || line === undefined) return;
  line.shift();
  const [next] = line;
  if (next === undefined) lines.delete(key);
  else if (!state.stopped) begin(state, next);
}

async function stop<M>(state: State<M>): Promise<void> {
  state.stopped = true;
  for (const cancel of state.pauses) cancel();
  wake(state);
  let late = false;
  const cancel = state.options.clock.after(STOP_MS, () => {
    late = true;
    wake(state);
  });
  while (state.handling > 0 && !late)
    await new Promise<void>((resolve) => state.waiting.push(resolve));
  cancel();
}
