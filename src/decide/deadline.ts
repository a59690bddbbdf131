/**
 * Deadlines of a run and of its steps. They follow from the journal's own times, so that a fold that starts anew finds the
 * same moments.
 *
 * L1. A deadline whose moment has come is taken before whatever else came in: what is sealed at that very millisecond, or
 *     later, is late, and can only be the late result of an attempt that was under way.
 * L2. The earliest counts; where the run's and a step's fall together, the run's.
 * L3. A deadline needs no place to execute and no code: a run that waits for either ends just the same.
 * L4. What a run does to go back is bounded by none.
 * L5. Behind a pivot nothing fails for its deadline: it waits for a person.
 */
import { type Deadline, deadlineFailure } from "../model/deadline.ts";
import type { DeadlineTimer, Run } from "../model/run.ts";
import { failStep, parkStep } from "./refusal.ts";
import { pivotPassed } from "./savepoint.ts";
import { type Deliberation, ENGINE, say } from "./turn.ts";

/** Fails what has missed its deadline by now. */
export function takeDeadlines(turn: Deliberation): void {
  const { run } = turn;
  const next = nextDeadline(run);
  if (next === undefined || next.dueAt > Math.max(run.at, turn.nowMs)) return;
  const { dueAt, step } = next;
  if (step === undefined) return runOverdue(turn, dueAt);
  failStep(turn, step, deadlineFailure({ of: "step" }, step), dueAt);
}

/** Behind a pivot the run goes on, and each step that it is at waits for a person (L5). */
function runOverdue(turn: Deliberation, dueAt: number): void {
  const { run } = turn;
  const pivot = run.phase.kind === "going" ? pivotPassed(run)?.step : undefined;
  const payload = { deadlineAt: dueAt, ...(pivot === undefined ? {} : { pivot }) };
  say(turn, { kind: "run.overdue", by: ENGINE, payload });
  if (pivot === undefined) return;
  const error = deadlineFailure({ of: "run" });
  for (const { name } of run.definition.steps) {
    const state = run.steps.get(name);
    const isAt = state === undefined ? !run.unmetNeeds.has(name) : state.kind === "open";
    if (isAt) parkStep(turn, name, error);
  }
}

/** The next moment at which the run, or a step of it, is too late; undefined if there is none. */
export function nextDeadlineAt(run: Run): number | undefined {
  return nextDeadline(run)?.dueAt;
}

function nextDeadline(run: Run): DeadlineTimer | undefined {
  const { deadlines, deadlineAt } = run;
  if (deadlines === undefined) return undefined;
  const { kind } = run.phase;
  // A run that waits for code has steps that are not known here.
  if (kind === "blocked")
    return deadlineAt === undefined ? undefined : { dueAt: deadlineAt, step: undefined };
  if (kind !== "going") return undefined;
  for (let next = deadlines.peek(); next !== undefined; next = deadlines.peek()) {
    const dueAt = next.step === undefined ? deadlineAt : run.stepDeadlines?.get(next.step);
    if (dueAt === next.dueAt && !isWithPerson(run, next.step)) return next;
    deadlines.pop();
  }
  return undefined;
}

/** Behind a pivot a step that waits for a person already is late for nobody. */
function isWithPerson(run: Run, step: string | undefined): boolean {
  if (step === undefined || !run.parked.has(step)) return false;
  return pivotPassed(run) !== undefined;
}

/** By when a call of a step, or its child run, must have ended (L2). */
export function deadlineOf(run: Run, step: string): Deadline | undefined {
  if (run.deadlines === undefined) return undefined;
  const { deadlineAt } = run;
  const stepAt = run.stepDeadlines?.get(step);
  if (stepAt !== undefined && (deadlineAt === undefined || stepAt < deadlineAt))
    return { at: stepAt, of: "step" };
  return deadlineAt === undefined ? undefined : { at: deadlineAt, of: "run" };
}
