/**
 * Where a way back begins: whether a run that would end otherwise than by completing goes back first, how far, and over what.
 *
 * B1. The journal is read before the plan is made, and the plan is recorded before anything is undone.
 * B2. A pivot that was sealed while the run was being wound down counts all the same: the run goes on from its newest version,
 *     and what was cut off begins anew.
 */
import type { Author, PlannedCompensation, RollbackReason, Savepoint } from "../model/entry.ts";
import { sealJson } from "../model/json.ts";
import type { Run, SagaHistory } from "../model/run.ts";
import { parsePath } from "./path.ts";
import { isKept } from "./restore.ts";
import { mayCompensate } from "./saga-history.ts";
import { newestVersion, pivotPassed, savepointLeft, savepointOf } from "./savepoint.ts";
import { type Deliberation, ENGINE, say } from "./turn.ts";

/**
 * Whether a run that is ending must go back first. If so this asks for its journal, or, once that is here, says it: then the
 * run compensates.
 */
export function turnsBack(turn: Deliberation, reason: RollbackReason): boolean {
  const { run } = turn;
  // Without the code it is not known what there is to undo: the run waits for it.
  if (run.missing.length > 0) return true;
  const to = howFar(run, reason);
  if (to === undefined && (!mayCompensate(run.definition) || pivotPassed(run) !== undefined))
    return false;
  const history = mayCompensate(run.definition) ? historyOf(turn) : NOTHING_DONE;
  if (history === undefined) return true;
  const plan = planBack(run, history, to);
  if (plan.length === 0 && to === undefined) return false;
  sayBack(turn, plan, { reason, by: ENGINE, to });
  return true;
}

/** How far the run goes back; undefined for the whole way. */
function howFar(run: Run, reason: RollbackReason): Savepoint | undefined {
  const { phase } = run;
  const pivot = pivotPassed(run);
  // Nobody can have cancelled the run after its pivot, nor can it have been too late, unless the code was not here.
  const isOverdue = phase.kind === "failing" && phase.step === undefined;
  const isLate =
    phase.kind === "cancelling" ||
    (phase.kind === "failing" && (isOverdue || (pivot?.seq ?? -1) > phase.since));
  const wanted = phase.kind === "cancelling" ? phase.to : undefined;
  if (wanted !== undefined && wanted.seq >= (pivot?.seq ?? -1)) return wanted;
  // To go on again would be too late for a run that is overdue.
  const left = reason.because === "failed" && !isOverdue ? savepointLeft(run) : undefined;
  return left ?? (isLate && pivot !== undefined ? newestVersion(run) : undefined);
}

/** What is undone: everything, or all that was done by steps which are not settled at the savepoint. */
export function planBack(
  run: Run,
  { plan }: Pick<SagaHistory, "plan">,
  to: Savepoint | undefined,
): readonly PlannedCompensation[] {
  if (to === undefined) return plan;
  return plan.filter(({ path }) => !isKept(run, parsePath(path).step, to.seq));
}

const NOTHING_DONE: SagaHistory = {
  plan: [],
  acts: new Map(),
  values: new Map(),
  openings: new Map(),
};

/**
 * A person cancels the run. Whatever it would do otherwise at a savepoint, it goes all the way back; once a pivot was sealed
 * it is not cancelled.
 */
export function askToCancel(turn: Deliberation, by: Author, reason: string): void {
  if (mayCancel(turn.run)) say(turn, { kind: "run.cancelling", by, payload: { reason } });
}

/** Whether the run is one that would go on if it were not cancelled, and no pivot was sealed. */
export function mayCancel(run: Run): boolean {
  const { phase, rollback } = run;
  if (pivotPassed(run) !== undefined) return false;
  switch (phase.kind) {
    case "going":
    case "blocked":
      return true;
    case "failing":
      return savepointLeft(run) !== undefined;
    case "cancelling":
      return phase.to !== undefined;
    case "compensating":
    case "parked":
      return rollback?.to !== undefined && rollback.cancelled === undefined;
    default:
      return false;
  }
}

/** A person, or the run that this one is part of, wants it to go back: all the way, or with `to` as far as that step's savepoint. */
export function askToGoBack(
  turn: Deliberation,
  asked: { readonly by: Author; readonly reason: RollbackReason; readonly to?: string },
): void {
  const { run } = turn;
  const { by, reason } = asked;
  const { kind } = run.phase;
  const message = reason.error.message;
  if (asked.to === undefined && mayCancel(run)) return askToCancel(turn, by, message);
  const to = asked.to === undefined ? undefined : savepointOf(run, asked.to);
  if (asked.to === undefined ? pivotPassed(run) !== undefined : to === undefined) return;
  if (to !== undefined && (kind === "going" || kind === "blocked"))
    say(turn, { kind: "run.cancelling", by, payload: { reason: message, to } });
  const { history } = run;
  const hasEnded = kind === "completed" || kind === "failed" || kind === "cancelled";
  // The engine reads the journal of a run that has ended before it asks.
  if (hasEnded && typeof history === "object")
    sayBack(turn, planBack(run, history, to), { reason, by, to });
}

interface How {
  readonly reason: RollbackReason;
  readonly by: Author;
  readonly to: Savepoint | undefined;
}

function sayBack(
  turn: Deliberation,
  plan: readonly PlannedCompensation[],
  { reason, by, to }: How,
): void {
  say(turn, {
    kind: "run.compensating",
    by,
    payload: { ...reason, ...(to === undefined ? {} : { to }) },
    value: sealJson(plan, `plan of ${turn.run.id}`),
  });
}

/** The run's journal, asked for if it is not here. */
export function historyOf(turn: Deliberation): SagaHistory | undefined {
  const { run } = turn;
  if (typeof run.history === "object") return run.history;
  if (run.history === undefined) {
    run.history = "asked";
    turn.commands.push({ kind: "readHistory" });
  }
  return undefined;
}
