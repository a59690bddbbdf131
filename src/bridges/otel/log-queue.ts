/**
 * Log lines on their way to a collector.
 *
 * L1. Who logs never waits and never fails: a line is put into the queue, or counted as lost where that is full.
 * L2. Lines are sent in their order, batch by batch. One that is not taken comes again, until it is or the queue is closed.
 * L3. Every lost line is counted. How many there were is said in the log itself, as soon as it is taken again, and at the end. That
 *     lines are lost is told with the first.
 */
import type { Clock } from "../../ports/clock.ts";
import { within } from "../../ports/waiting.ts";
import type { NotTaken } from "./sender.ts";

export interface LogQueueParts<X> {
  readonly clock: Pick<Clock, "after">;
  /** Gives why the lines were not taken; undefined where they were. `refused` is told of each that never will be. */
  readonly send: (
    lines: readonly X[],
    refused: (line: X, why: string) => void,
  ) => Promise<NotTaken | undefined>;
  readonly linesMax: number;
  /** The line that says how many were lost. */
  readonly lossOf: (lost: number) => X;
  /** Told of trouble: once that lines are not taken, until they are again, and once that they are lost, until none waits. */
  readonly tell: (message: string) => void;
}

export interface LogQueue<X> {
  readonly add: (line: X) => void;
  /** Lines that were lost so far. */
  readonly lost: () => number;
  /** Tries to send what waits, for at most so long. */
  readonly flush: (limitMs: number) => Promise<void>;
  /** The same, and takes no more. What is not taken by then is lost. */
  readonly close: (limitMs: number) => Promise<void>;
}

/** Lines that come within it go together. */
const GATHER_MS = 1_000;
const BATCH_LINES = 512;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 60_000;

/** What is known between two batches. */
interface State<X> {
  readonly waiting: X[];
  lost: number;
  /** Lost lines of which the log does not tell yet. */
  untold: number;
  failing: boolean;
  /** Lines find no room, since the queue was empty last. */
  full: boolean;
  closed: boolean;
  retryMs: number;
}

export function logQueue<X>(parts: LogQueueParts<X>): LogQueue<X> {
  const { clock, linesMax } = parts;
  const state: State<X> = {
    waiting: [],
    lost: 0,
    untold: 0,
    failing: false,
    full: false,
    closed: false,
    retryMs: RETRY_MIN_MS,
  };
  let sending: Promise<boolean> | undefined;
  let cancel: (() => void) | undefined;

  const unschedule = () => {
    cancel?.();
    cancel = undefined;
  };
  const schedule = (ms: number) => {
    cancel ??= clock.after(ms, () => void send(), true);
  };
  const send = (): Promise<boolean> => {
    unschedule();
    sending ??= sendWaiting(parts, state).then((all) => {
      sending = undefined;
      if (state.closed) return all;
      if (!all) {
        schedule(state.retryMs);
        state.retryMs = Math.min(state.retryMs * 2, RETRY_MAX_MS);
      } else if (state.waiting.length > 0) schedule(GATHER_MS);
      return all;
    });
    return sending;
  };
  const flush = async (limitMs: number) => {
    // What is under way may have begun before the last line came.
    const tried = async () => {
      if ((await sending) !== false) await send();
    };
    await within(clock, limitMs, tried());
  };
  return {
    add: (line) => {
      const { waiting, closed, failing } = state;
      if (closed) return lose(state, 1);
      if (waiting.length >= linesMax) return loseOver(parts, state);
      waiting.push(line);
      if (failing || sending !== undefined) return;
      if (waiting.length === BATCH_LINES) unschedule();
      schedule(waiting.length >= BATCH_LINES ? 0 : GATHER_MS);
    },
    lost: () => state.lost,
    flush,
    close: async (limitMs) => {
      if (state.closed) return;
      state.closed = true;
      await flush(limitMs);
      unschedule();
      lose(state, state.waiting.length);
      state.waiting.length = 0;
      if (state.untold > 0)
        tell(parts, `Log lines were lost (${state.untold}): the collector did not take them.`);
    },
  };
}

/** Sends what waits, until one batch is not taken: false then. */
async function sendWaiting<X>(parts: LogQueueParts<X>, state: State<X>): Promise<boolean> {
  while (state.waiting.length > 0 || state.untold > 0)
    if (!(await sendBatch(parts, state))) return false;
  state.full = false;
  return true;
}

/** A batch is in the queue until it was taken, and tells first of what was lost before it. */
async function sendBatch<X>(parts: LogQueueParts<X>, state: State<X>): Promise<boolean> {
  const [told, lines] = [state.untold, state.waiting.slice(0, BATCH_LINES)];
  const loss = told === 0 ? [] : [parts.lossOf(told)];
  let [refused, because] = [0, ""];
  const why = await trySend(parts, [...loss, ...lines], (line, said) => {
    if (!loss.includes(line)) refused += 1;
    because = said;
  });
  if (because !== "") tell(parts, `The collector refuses log lines (${refused}): ${because}`);
  if (why !== undefined) {
    if (!state.failing) tell(parts, `Log lines are not taken: ${why.message}`);
    state.failing = true;
    return false;
  }
  state.waiting.splice(0, lines.length);
  [state.failing, state.retryMs] = [false, RETRY_MIN_MS];
  state.untold -= told;
  lose(state, refused);
  return true;
}

async function trySend<X>(
  parts: LogQueueParts<X>,
  ...[lines, refused]: Parameters<LogQueueParts<X>["send"]>
): Promise<NotTaken | undefined> {
  try {
    return await parts.send(lines, refused);
  } catch (error) {
    return { message: String(error), cause: error instanceof Error ? error : new Error() };
  }
}

function lose<X>(state: State<X>, count: number): void {
  state.lost += count;
  state.untold += count;
}

/** There is no room for a line. */
function loseOver<X>(parts: LogQueueParts<X>, state: State<X>): void {
  lose(state, 1);
  if (state.full) return;
  state.full = true;
  tell(parts, `Log lines are lost: ${parts.linesMax} wait for the collector.`);
}

function tell<X>(parts: LogQueueParts<X>, message: string): void {
  try {
    parts.tell(message);
  } catch {
    // Whoever is told of trouble must not make more of it.
  }
}
