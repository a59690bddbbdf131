/**
 * What follows when a step can't go on: a refused handoff, by its policy; and a step that is given up, which fails the run, or
 * waits for a person where the run only goes forward.
 */
import type { Failure, Position, RefusalOutcome } from "../model/entry.ts";
import type { Reads, Run } from "../model/run.ts";
import type { Violation } from "../model/violation.ts";
import type { StepDefinition } from "../model/workflow-definition.ts";
import { refusalFailure } from "./handoff.ts";
import { parkCall, readsAt } from "./parking.ts";
import { pivotPassed, savepointLeft } from "./savepoint.ts";
import { type Deliberation, ENGINE, laterTurn, say } from "./turn.ts";

/** Records a refused handoff and follows the step's policy. */
export function refuse(
  turn: Deliberation,
  step: StepDefinition,
  violations: readonly Violation[],
  reads: Reads,
  path = step.name,
): void {
  const then = refusalOutcome(turn.run, step);
  say(turn, {
    kind: "handoff.refused",
    path,
    turn: turn.run.turns.get(step.name) ?? 0,
    by: ENGINE,
    reads,
    payload: { violations, then },
  });
  if (then.kind === "fail")
    failStep(turn, step.name, refusalFailure(step.name, violations), undefined, path);
  if (then.kind === "skip") {
    say(turn, {
      kind: "step.skipped",
      path: step.name,
      ...laterTurn(turn.run, step.name),
      by: ENGINE,
      reads,
      payload: { reason: "refused" },
    });
    letGo(turn, step.name);
  }
}

/** Items of a map that are under way when the map is skipped: nobody waits for them any more. */
function letGo(turn: Deliberation, step: string): void {
  const { performing } = turn.run;
  const paths = [...performing].filter(([, each]) => each.step === step).map(([path]) => path);
  if (paths.length === 0) return;
  for (const path of paths) performing.delete(path);
  turn.commands.push({ kind: "abort", reason: "going on without the step", step });
}

function refusalOutcome(run: Run, step: StepDefinition): RefusalOutcome {
  const policy = step.onRefused;
  if (policy.kind !== "sendBack") return { kind: policy.kind };
  const turn = (run.turns.get(policy.to) ?? 0) + 1;
  const made = turn - (run.restarts.get(policy.to) ?? 0);
  // A step that is open has read the turn already, in its opening or its first items: it can't be taken back under it.
  const readAlready = run.steps.has(step.name) || run.steps.get(policy.to)?.kind !== "sealed";
  return made <= policy.turns && !readAlready
    ? { kind: "sendBack", to: policy.to, turn }
    : { kind: "fail" };
}

/**
 * Gives a step up for good, with the deadline that it missed, if that was why; what follows from it (the run fails) is decided
 * after. Behind a pivot the call, or the step if it is none, is parked instead, unless a savepoint has attempts left.
 */
export function failStep(
  turn: Deliberation,
  step: string,
  error: Failure,
  deadlineAt?: number,
  path = step,
  causation?: Position,
): void {
  if (mustWait(turn)) return parkStep(turn, step, error, path);
  say(turn, {
    kind: "step.failed",
    path: step,
    turn: turn.run.turns.get(step) ?? 0,
    by: ENGINE,
    ...(causation === undefined ? {} : { causation }),
    payload: { error, ...(deadlineAt === undefined ? {} : { deadlineAt }) },
  });
}

/** Parks a step, or a call of it, behind a pivot. What waits for a person already goes on waiting for that. */
export function parkStep(turn: Deliberation, step: string, error: Failure, path = step): void {
  const { run } = turn;
  const definition = run.definition.stepByName.get(step);
  if (definition === undefined || run.parked.has(step) || run.parked.has(path)) return;
  const attempt = run.calls.get(path)?.failedAttempts ?? 0;
  const turnNo = run.turns.get(step) ?? 0;
  const place = { path, turn: turnNo, attempt, reads: readsAt(run, definition, path) };
  const parked = { because: "pivot", error } as const;
  parkCall(turn, definition, { ...place, inputHash: undefined }, parked);
}

function mustWait({ run, facts }: Deliberation): boolean {
  // A person has just given it up: that stands.
  const last = facts.at(-1);
  if (last?.kind === "step.resolved" && last.payload.action === "fail") return false;
  const isGoing = run.phase.kind === "going";
  return isGoing && pivotPassed(run) !== undefined && savepointLeft(run) === undefined;
}
