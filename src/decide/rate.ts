/**
 * The arithmetic of a rate limit: the generic cell rate algorithm (ITU-T I.371), in whole numbers. Time is an argument.
 *
 * A call that begins adds `perMs` to the debt of its key, and each millisecond takes `calls` off it. A call may begin while the
 * debt, with its own, is at most `burst` calls.
 *
 * R1. In any time of the length `per` at most `calls + burst - 1` calls begin.
 * R2. A key of which nothing is known is as if its burst had just been used up: so R1 holds over restarts.
 */
import type { RateSettings } from "../model/rate.ts";

/** The debt of a key whose burst has just been used up (R2). */
export function spent({ perMs, burst }: RateSettings): number {
  return burst * perMs;
}

/** What is left of a debt after a time. */
export function decayed(debt: number, { calls }: RateSettings, elapsedMs: number): number {
  return Math.max(0, debt - Math.max(0, elapsedMs) * calls);
}

/** How long until a call may begin, given the debt before it: 0 for now. Whole milliseconds, never too short. */
export function waitMs(debt: number, { calls, perMs, burst }: RateSettings): number {
  return Math.max(0, Math.ceil((debt + perMs - burst * perMs) / calls));
}

/** The debt after a call that began. */
export function withCall(debt: number, { perMs }: RateSettings): number {
  return debt + perMs;
}

/** How long after a burst was used up all of it is there again. */
export function refillMs(settings: RateSettings): number {
  return Math.ceil(spent(settings) / settings.calls);
}
