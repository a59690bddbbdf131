/**
 * The time that an attempt has: its agent's timeout, the deadline of its step or run, and how long it may be silent.
 *
 * T1. The earliest of timeout and deadline ends the attempt, and its error tells which it was.
 * T2. A timeout ends it at once. A deadline aborts it first, so that what it had done by then is known if it says so soon.
 */
import type { Deadline } from "../../model/deadline.ts";
import type { Json } from "../../model/json.ts";
import type { Clock } from "../../ports/clock.ts";

/** Node's timers hold 31 bits of milliseconds; a later moment is looked at again after this. */
const PAUSE_MAX_MS = 2_000_000_000;

/** What is further away than this is looked at again: Node keeps a list for each length of a timer, and so there are few. */
const NEAR_MS = 60_000;

/** How long to wait until a moment is looked at: what is far away for whole minutes only. */
function pauseMs(leftMs: number): number {
  if (leftMs <= NEAR_MS) return Math.max(0, leftMs);
  return Math.min(PAUSE_MAX_MS, leftMs - (leftMs % NEAR_MS));
}

/** What is known of an attempt's time while it executes. */
export interface AttemptTime {
  /** By when it must have ended, in milliseconds since 1970. */
  deadlineAt: number | undefined;
  /** When it last said that it is at work, on the monotonic clock. */
  beatMs: number;
  /** What it said with its newest heartbeat that said anything. */
  progress: Json | undefined;
}

/** What ends an attempt that an agent makes from now on (T1). */
export function limitOf(
  clock: Clock,
  timeoutMs: number | undefined,
  deadline: Deadline | undefined,
): { readonly of: "timeout" | "deadline"; readonly at: number } | undefined {
  const timeoutAt = timeoutMs === undefined ? undefined : clock.now() + timeoutMs;
  if (deadline === undefined)
    return timeoutAt === undefined ? undefined : { of: "timeout", at: timeoutAt };
  if (timeoutAt !== undefined && timeoutAt < deadline.at) return { of: "timeout", at: timeoutAt };
  return { of: "deadline", at: deadline.at };
}

/** Calls `wake` once the wall clock has reached `atMs`; the function that is returned cancels it. */
export function atMoment(clock: Clock, atMs: number, wake: () => void): () => void {
  let cancel: () => void;
  const look = () => {
    const leftMs = atMs - clock.now();
    if (leftMs <= 0) wake();
    else cancel = clock.after(pauseMs(leftMs), look);
  };
  cancel = clock.after(pauseMs(atMs - clock.now()), look);
  return () => cancel();
}

/** Calls `missed` once the attempt was silent for `everyMs`; the function that is returned stops listening. */
export function listen(
  clock: Clock,
  time: AttemptTime,
  everyMs: number,
  missed: () => void,
): () => void {
  let cancel: () => void;
  const look = () => {
    const silentMs = clock.monotonicMs() - time.beatMs;
    if (silentMs >= everyMs) missed();
    else cancel = clock.after(Math.ceil(everyMs - silentMs), look);
  };
  cancel = clock.after(everyMs, look);
  return () => cancel();
}
