/** What came out of a variant, in a form that all share, and the verdict on it. */
import type { Call, Health } from "./bureau.ts";
import { type Parameters, SCORE_NEEDED } from "./parameters.ts";
import type { Plan } from "./plan.ts";

/** One run at its end, with the virtual milliseconds since it came. */
export type Ended =
  | {
      readonly kind: "decided";
      readonly approved: boolean;
      readonly onFallback: boolean;
      readonly tookMs: number;
    }
  /** Its last attempt failed: a dead letter, or a failed run, that a person starts again. */
  | { readonly kind: "gaveUp"; readonly tookMs: number };

export interface VariantResult {
  readonly ended: ReadonlyMap<string, Ended>;
  readonly calls: readonly Call[];
  readonly history: readonly { readonly atMs: number; readonly health: Health }[];
  /** Commits in all. */
  readonly writes: number;
  /** How often the breaker opened. */
  readonly opened: number;
}

export interface Verdict {
  readonly runs: number;
  /** Calls that reached the bureau. */
  readonly calls: number;
  /** Of these, calls that nobody had anything of: refused, lost, or answered when the caller had gone. */
  readonly wasted: number;
  /** Of these, answered after the timeout: work that the bureau did for nobody. */
  readonly answeredLate: number;
  readonly fellOver: number;
  /** From the beginning of the incident until the bureau was well for good. */
  readonly recoveredAfterMs: number;
  /** From the first run's coming until the last run had ended. */
  readonly allEndedAtMs: number;
  /** Runs that ended without a decision. */
  readonly gaveUp: number;
  /** Mean time of a run beyond what the bureau takes on a good day, those that gave up included. */
  readonly lostMsEach: number;
  /** Of the runs that were decided. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly onFallback: number;
  /** Decisions on the fallback that the bureau's own score would have changed. */
  readonly wrongDecisions: number;
  readonly writesEach: number;
  readonly opened: number;
}

/** Whether somebody still waited when the call was answered. A call that was lost or refused was of no use either. */
export function wasOfUse(call: Call, timeoutMs: number): boolean {
  return call.end === "answered" && (call.endedAtMs ?? Number.NaN) - call.atMs <= timeoutMs;
}

/** Sums up a variant. */
export function judge(plan: Plan, result: VariantResult): Verdict {
  const { fates, parameters } = plan;
  const { calls, history, ended } = result;
  const pairs = fates.map((fate) => [fate, ended.get(fate.id)] as const);
  const wasted = calls.filter((call) => !wasOfUse(call, parameters.timeoutMs));
  const decided = pairs.flatMap(([fate, end]) => (end?.kind === "decided" ? [{ fate, end }] : []));
  const times = decided.map(({ end }) => end.tookMs).sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 0;
  const lost = pairs.map(([{ workMs }, end]) => Math.max(0, (end?.tookMs ?? 0) - workMs));
  const onFallback = decided.filter(({ end }) => end.onFallback);
  return {
    runs: fates.length,
    calls: calls.length,
    wasted: wasted.length,
    answeredLate: wasted.filter((call) => call.end === "answered").length,
    fellOver: history.filter(({ health }) => health === "down").length,
    recoveredAfterMs: (history.at(-1)?.atMs ?? 0) - parameters.incident.startMs,
    allEndedAtMs: Math.max(...pairs.map(([fate, end]) => fate.arrivesAtMs + (end?.tookMs ?? 0))),
    gaveUp: fates.length - decided.length,
    lostMsEach: lost.reduce((total, ms) => total + ms, 0) / fates.length,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    onFallback: onFallback.length,
    wrongDecisions: onFallback.filter(
      ({ fate, end }) => end.approved !== fate.score >= SCORE_NEEDED,
    ).length,
    writesEach: result.writes / fates.length,
    opened: result.opened,
  };
}

/**
 * Whether the breaker did what is claimed of it: every run was decided, and what came in vain is bounded by the policy, not by
 * the number of runs. Under way when the bureau got slow were as many calls as the limit lets through; after that, failures
 * until it opened, and probes in each cooldown.
 */
export function isSound(
  { gaveUp, wasted, recoveredAfterMs }: Verdict,
  { callsAtOnce, breakerFailures, probes, cooldownMs, incident }: Parameters,
): boolean {
  const cooldowns = Math.ceil((incident.lengthMs + recoveredAfterMs) / cooldownMs);
  return gaveUp === 0 && wasted <= callsAtOnce + breakerFailures + probes * cooldowns;
}
