/** What came out of a variant, in a form that all share, and the verdict on it. */
import type { Approval } from "../../examples/credit-decision/approval.ts";
import type { Grade } from "../../examples/credit-decision/risk.ts";
import type { Fate, Plan } from "./plan.ts";

/** One application at its end, as it is found in the store. */
export interface Decided {
  /** Absent if the work failed, loudly: somebody was told. */
  readonly grade?: Grade;
  /** The score that the grade rests on, as the lab saw it; no store but the journal keeps it. */
  readonly ratedOn?: number;
  readonly decision?: Approval["decision"];
  /** From the arrival of the application to its decision, in virtual milliseconds. */
  readonly tookMs: number;
}

export interface VariantResult {
  /** By the application's id. */
  readonly decided: ReadonlyMap<string, Decided>;
  /** Updates that another writer overwrote. */
  readonly updatesLost: number;
  /** Errors and warnings that a person could have seen: in a log, an alarm, a dead letter. */
  readonly alarms: number;
  /** Commits of the database in all. */
  readonly writes: number;
  /** Size of the database at the end. */
  readonly bytes: number;
}

export interface Verdict {
  readonly applications: number;
  /** The grade is not the one that the applicant's own score gives. */
  readonly wrongGrades: number;
  /** The grade rests on another score than the bureau's newest; it may be the right one by luck. */
  readonly ratedOnOldScore: number;
  /** Approved, declined or handed to a person where the right grade leads elsewhere. */
  readonly wrongDecisions: number;
  /** There is no decision, and somebody was told. */
  readonly failedLoudly: number;
  readonly updatesLost: number;
  readonly alarms: number;
  /** Of those that were decided, in virtual milliseconds from arrival to decision. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly writesEach: number;
  readonly bytesEach: number;
}

/** Holds what came out against what is right. */
export function judge(plan: Plan, result: VariantResult): Verdict {
  const pairs = plan.fates.map((fate) => [fate, result.decided.get(fate.application.id)] as const);
  const count = (holds: (fate: Fate, decided: Decided | undefined) => boolean) =>
    pairs.filter(([fate, decided]) => holds(fate, decided)).length;
  const times = [...result.decided.values()]
    .filter(({ decision }) => decision !== undefined)
    .map(({ tookMs }) => tookMs)
    .sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  return {
    applications: pairs.length,
    wrongGrades: count(
      ({ truth }, decided) => decided?.grade !== undefined && decided.grade !== truth.risk.grade,
    ),
    ratedOnOldScore: count(
      ({ truth }, decided) =>
        decided?.ratedOn !== undefined && decided.ratedOn !== truth.score.score,
    ),
    wrongDecisions: count(
      ({ truth }, decided) =>
        decided?.decision !== undefined && decided.decision !== truth.approval.decision,
    ),
    failedLoudly: count((_, decided) => decided?.decision === undefined),
    updatesLost: result.updatesLost,
    alarms: result.alarms,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    writesEach: result.writes / Math.max(1, pairs.length),
    bytesEach: Math.round(result.bytes / Math.max(1, pairs.length)),
  };
}
