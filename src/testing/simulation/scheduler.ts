/**
 * The one thread of a simulation: who goes on next, and when. Time passes only here.
 *
 * Owns: virtual time, the turns and timers of every process of the simulation. Does not own: what they do.
 * S1. One turn runs at a time, and all that it resolves has had its say before the next.
 * S2. Which of several turns comes first is the seed's choice; a timer is never early.
 * S3. Nothing of an owner that is dead runs any more.
 */
import TinyQueue from "tinyqueue";
import type { Clock } from "../../ports/clock.ts";
import { chanceAt } from "./chance.ts";

/** Somebody whose turns end with it: a process, or the world around. */
export interface Owner {
  dead: boolean;
}

/** How a simulation came to its end. `quiet`: nothing is left that could go on. `endless`: it went on for too long. */
export type PlayedOut = "done" | "quiet" | "endless";

export interface Scheduler {
  /** Whose turn it is. */
  readonly running: () => Owner;
  /** Virtual milliseconds since the beginning. */
  readonly elapsedMs: () => number;
  readonly after: (
    owner: Owner,
    delayMs: number,
    run: () => void,
    background?: boolean,
  ) => () => void;
  readonly soon: (owner: Owner, run: () => void) => void;
  /** A clock for one owner; `wallMs` says what its wall clock shows. */
  readonly clockOf: (owner: Owner, wallMs: () => number) => Clock;
  /** Plays on until `done`, or until nothing is left; `isOutside` says whether something real is waited for. */
  readonly play: (done: () => boolean, isOutside: () => boolean) => Promise<PlayedOut>;
  /** Turns that were played. */
  readonly turns: () => number;
}

interface Turn {
  readonly owner: Owner;
  readonly run: () => void;
}

interface SetTimer extends Turn {
  dueMs: number;
  readonly order: number;
  readonly background: boolean;
  cancelled: boolean;
}

/** So many turns no simulation of a few runs needs: it goes round in a circle. */
const TURNS_MAX = 25_000;
/** Virtual time after which nobody waits any longer: a hundred years. */
const ELAPSED_MAX_MS = 36_525 * 86_400_000;
/** When the next thing to happen is further away than this, what goes on in the background is not played meanwhile. */
const SKIP_MS = 30_000;
/** Real milliseconds that something outside the simulation is waited for. */
const OUTSIDE_MS = 2_000;

const byDue = (a: SetTimer, b: SetTimer): number => a.dueMs - b.dueMs || a.order - b.order;

export function scheduler(seed: number, world: Owner): Scheduler {
  const ready: Turn[] = [];
  const foreground = new TinyQueue<SetTimer>([], byDue);
  const background = new TinyQueue<SetTimer>([], byDue);
  let elapsedMs = 0;
  let drawn = 0;
  let turns = 0;
  let running = world;
  const draw = (): number => chanceAt(seed, "turn", (drawn += 1));

  const popReady = (): Turn | undefined => {
    while (ready.length > 0) {
      const at = ready.length === 1 ? 0 : Math.floor(draw() * ready.length);
      const [turn] = ready.splice(at, 1);
      if (turn !== undefined && !turn.owner.dead) return turn;
    }
    return undefined;
  };
  const next = (): Turn | undefined => {
    const turn = popReady();
    if (turn !== undefined) return turn;
    const timer = popTimer(foreground, background, elapsedMs);
    if (timer !== undefined) elapsedMs = Math.max(elapsedMs, timer.dueMs);
    return timer;
  };
  const after: Scheduler["after"] = (owner, delayMs, run, isBackground = false) => {
    const timer: SetTimer = {
      owner,
      run,
      dueMs: elapsedMs + Math.max(0, delayMs),
      order: draw(),
      background: isBackground,
      cancelled: false,
    };
    (isBackground ? background : foreground).push(timer);
    return () => {
      timer.cancelled = true;
    };
  };
  const soon: Scheduler["soon"] = (owner, run) => {
    ready.push({ owner, run });
  };
  return {
    running: () => running,
    elapsedMs: () => elapsedMs,
    after,
    soon,
    turns: () => turns,
    clockOf: (owner, wallMs) => ({
      now: wallMs,
      monotonicMs: () => elapsedMs,
      after: (delayMs, wake, isBackground) => after(owner, delayMs, wake, isBackground),
      soon: (run) => soon(owner, run),
    }),
    play: async (done, isOutside) => {
      await settled();
      while (!done()) {
        if ((turns += 1) > TURNS_MAX || elapsedMs > ELAPSED_MAX_MS) return "endless";
        const turn = next() ?? (await fromOutside(next, isOutside));
        if (turn === undefined) return done() ? "done" : "quiet";
        running = turn.owner;
        turn.run();
        await settled();
        running = world;
      }
      return "done";
    },
  };
}

/** The first timer that still matters. */
function peek(queue: TinyQueue<SetTimer>): SetTimer | undefined {
  let first = queue.peek();
  while (first !== undefined && (first.cancelled || first.owner.dead)) {
    queue.pop();
    first = queue.peek();
  }
  return first;
}

/** Takes the next timer. The background goes on only beside the foreground. */
function popTimer(
  foreground: TinyQueue<SetTimer>,
  background: TinyQueue<SetTimer>,
  nowMs: number,
): SetTimer | undefined {
  const next = peek(foreground);
  if (next === undefined) return undefined;
  for (let other = peek(background); ; other = peek(background)) {
    if (other === undefined || other.dueMs > next.dueMs) return foreground.pop();
    background.pop();
    if (other.dueMs === next.dueMs || next.dueMs - nowMs <= SKIP_MS) return other;
    // Cancelling goes by the object that was handed out, so it is the one that is put back.
    background.push(Object.assign(other, { dueMs: next.dueMs }));
  }
}

/** Everything that is resolved has had its say. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** An agent that really waits for something comes back in real time. */
async function fromOutside(
  next: () => Turn | undefined,
  isOutside: () => boolean,
): Promise<Turn | undefined> {
  for (let waitedMs = 0; waitedMs < OUTSIDE_MS && isOutside(); waitedMs += 1) {
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
    const turn = next();
    if (turn !== undefined) return turn;
  }
  return undefined;
}
