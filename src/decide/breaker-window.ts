/** The sliding window of a breaker: how many of the newest calls failed. */
import type { BreakerWindow } from "../model/breaker.ts";

/** What is in a window: single outcomes (true: failed), or counts by slices of time, the oldest first. */
export type WindowState =
  | { readonly kind: "calls"; readonly failed: readonly boolean[] }
  | { readonly kind: "time"; readonly slices: readonly Slice[] };

interface Slice {
  readonly fromMs: number;
  readonly calls: number;
  readonly failed: number;
}

/** A window over time is kept in so many slices: it forgets a tenth of itself at once, and costs the same at any load. */
const SLICES = 10;

/** A window that nothing is in; undefined where there is none. */
export function emptyWindow(window: BreakerWindow | undefined): WindowState | undefined {
  if (window === undefined) return undefined;
  return window.over.kind === "calls"
    ? { kind: "calls", failed: [] }
    : { kind: "time", slices: [] };
}

/** The window with one more outcome, and without those that are too old. */
export function withOutcome(
  state: WindowState,
  { over }: BreakerWindow,
  outcome: { readonly failed: boolean; readonly nowMs: number },
): WindowState {
  const { failed, nowMs } = outcome;
  if (state.kind === "calls") {
    const size = over.kind === "calls" ? over.size : 1;
    return { kind: "calls", failed: [...state.failed, failed].slice(-size) };
  }
  const durationMs = over.kind === "time" ? over.durationMs : 1;
  const sliceMs = Math.max(1, Math.floor(durationMs / SLICES));
  const kept = state.slices.filter(({ fromMs }) => fromMs > nowMs - durationMs);
  const last = kept.at(-1);
  const added = failed ? 1 : 0;
  // A clock that was set back must not open a slice before the last one.
  if (last !== undefined && nowMs < last.fromMs + sliceMs) {
    const grown = { ...last, calls: last.calls + 1, failed: last.failed + added };
    return { kind: "time", slices: [...kept.slice(0, -1), grown] };
  }
  return { kind: "time", slices: [...kept, { fromMs: nowMs, calls: 1, failed: added }] };
}

/** Calls in a window, and how many of them failed. */
export function countsIn(state: WindowState): { readonly calls: number; readonly failed: number } {
  let calls = 0;
  let failed = 0;
  if (state.kind === "calls") {
    for (const each of state.failed) if (each) failed += 1;
    return { calls: state.failed.length, failed };
  }
  for (const slice of state.slices) {
    calls += slice.calls;
    failed += slice.failed;
  }
  return { calls, failed };
}
