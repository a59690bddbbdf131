/**
 * A retry budget: retries are paid for by first attempts, so that a downstream that fails for all gets a little more load, not a
 * multiple of it. A token bucket, after Finagle's RetryBudget (a share of the requests and a least in store) and gRPC's retry
 * throttling (gRFC A6).
 *
 * B1. In any time, retries are at most `share` of the first attempts in it, plus `least` (but one at the least), plus `least` for each
 *     minute of it.
 */
import type { RetryBudget } from "../model/agent-definition.ts";

/** What is in store comes back within this. */
export const REFILL_MS = 60_000;

export interface RetryStore {
  /** Retries that may be made now; parts of one are saved up. */
  readonly left: number;
  readonly atMs: number;
}

/** A store that nothing was taken of. */
export function fullStore({ least }: RetryBudget, nowMs: number): RetryStore {
  return { left: least, atMs: nowMs };
}

/** A first attempt begins: it pays its share. */
export function deposited(store: RetryStore, budget: RetryBudget, nowMs: number): RetryStore {
  const { left } = refilled(store, budget, nowMs);
  // Without a least in store a share is saved up to one retry.
  return { left: Math.min(Math.max(1, budget.least), left + budget.share), atMs: nowMs };
}

/** A retry is wanted: the store without it, or undefined where it is spent. */
export function withdrawn(
  store: RetryStore,
  budget: RetryBudget,
  nowMs: number,
): RetryStore | undefined {
  const { left, atMs } = refilled(store, budget, nowMs);
  // Shares such as 0.2 are not exact in binary.
  return left < 1 - 1e-9 ? undefined : { left: Math.max(0, left - 1), atMs };
}

/** The store as it stands now. */
export function refilled(
  { left, atMs }: RetryStore,
  { least }: RetryBudget,
  nowMs: number,
): RetryStore {
  const back = (Math.max(0, nowMs - atMs) / REFILL_MS) * least;
  return { left: Math.max(left, Math.min(least, left + back)), atMs: Math.max(nowMs, atMs) };
}
