/**
 * Overload: when a run that nobody has an answer of yet is refused, so that what waits in memory has a bound.
 *
 * O1. What waits is the starts that are not in the journal yet, and the runs in line for a place: together at most
 *     `limits.queuedRunsMax`. Each has at most one append under way, so that the store's queue is bounded with them.
 * O2. Only the start of a new run is refused. What is there goes on: child runs, runs that are resumed or joined, answers.
 */
import { BatonError } from "../../model/errors.ts";
import { runStream } from "../../model/entry.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Core, Pace } from "./core.ts";

/** Runs that leave the line between two looks at the clock. */
const HUNDRED = 100;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 60_000;
/** Said where nothing is known yet of how fast the line moves. */
const RETRY_UNKNOWN_MS = 1_000;

export function newPace(clock: Clock): Pace {
  return { left: 0, sinceMs: clock.monotonicMs(), hundredMs: undefined };
}

/** A run has left the line for places. */
export function moved({ pace, clock }: Core): void {
  pace.left += 1;
  if (pace.left < HUNDRED) return;
  const nowMs = clock.monotonicMs();
  pace.hundredMs = nowMs - pace.sinceMs;
  pace.sinceMs = nowMs;
  pace.left = 0;
}

/** How many wait (O1). */
export function queued({ placeQueue, starting }: Core): number {
  return placeQueue.size() + starting;
}

export function isOverloaded(core: Core): boolean {
  return queued(core) >= core.limits.queuedRunsMax;
}

/** Refuses a run that is new; one that is there may be joined (O2). @throws BatonError OVERLOADED */
export async function refuseOverload(core: Core, id: string): Promise<void> {
  if (core.actors.has(id) || core.loading.has(id) || core.unfinished.has(id)) return;
  const details = {
    queued: queued(core),
    limit: core.limits.queuedRunsMax,
    retryAfterMs: retryAfterMs(core.pace),
  };
  const head = await core.store.head({ namespace: core.namespace, stream: runStream(id) });
  if (head !== undefined) return;
  throw new BatonError(
    "OVERLOADED",
    `${details.queued} runs wait to begin already; limits.queuedRunsMax is ${details.limit}.`,
    { details },
  );
}

/** By then, at the pace of late, a hundred will have found their place. */
function retryAfterMs({ hundredMs = RETRY_UNKNOWN_MS }: Pace): number {
  return Math.round(Math.min(RETRY_MAX_MS, Math.max(RETRY_MIN_MS, hundredMs)));
}
