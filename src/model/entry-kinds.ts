/** Kinds of entries by what they mean for a run: which end it, which make a version, which belong to the way back. */
import type { EntryKind } from "./entry.ts";

/** Kinds that end a run. */
export const FINAL_KINDS: ReadonlySet<EntryKind> = new Set<EntryKind>([
  "run.refused",
  "run.completed",
  "run.failed",
  "run.cancelled",
  "run.compensated",
]);

/** Kinds after which a run takes no more entries but `run.compensating`, which takes its end back. */
export const REVERSIBLE_KINDS: ReadonlySet<EntryKind> = new Set<EntryKind>([
  "run.completed",
  "run.failed",
  "run.cancelled",
]);

/** Kinds that may follow `run.compensating`; `run.restored` ends the way back, and `run.cancelling` comes before it only. */
export const ROLLBACK_KINDS: ReadonlySet<EntryKind> = new Set<EntryKind>([
  "run.resumed",
  "run.blocked",
  "run.parked",
  "run.compensated",
  "run.restored",
  "run.cancelling",
  "compensation.sealed",
  "compensation.failed",
  "compensation.held",
  "compensation.resolved",
]);

/** Whether a run has ended after an entry of `kind`, given whether it had before. */
export function endsRun(kind: EntryKind, hadEnded: boolean): boolean {
  return FINAL_KINDS.has(kind) || (hadEnded && kind !== "run.compensating");
}

/** Kinds that make a version. */
export const SEALING_KINDS: ReadonlySet<EntryKind> = new Set<EntryKind>([
  "run.started",
  "step.sealed",
  "step.carried",
]);
