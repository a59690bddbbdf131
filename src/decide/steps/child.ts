/**
 * Child runs: a subflow, or a case of a branch, is a run of its own, whose id follows from its parent's and the step.
 */
import { BatonError } from "../../model/errors.ts";
import type { Performing, Run } from "../../model/run.ts";
import type { StepDefinition, WorkflowDefinition } from "../../model/workflow-definition.ts";
import { hopsOf } from "../bus.ts";
import { deadlineOf } from "../deadline.ts";
import { refusalFailure, tryCall } from "../handoff.ts";
import { failStep, refuse } from "../refusal.ts";
import { type Deliberation, ENGINE, say } from "../turn.ts";
import { sealOpen } from "./opening.ts";
import type { ChildOutcome, OpenState } from "./rules.ts";

/** The id of a step's child run. A later turn has another one: no step's name has a tilde. */
export function childRunId(run: Run, step: string): string {
  const turn = run.turns.get(step);
  return turn === undefined ? `${run.id}/${step}` : `${run.id}/${step}~${turn}`;
}

/** Commands the child run of an open step, unless it is under way. The engine starts it, or joins the one that is there. */
export function startChild(
  turn: Deliberation,
  step: StepDefinition,
  state: OpenState,
  workflow: WorkflowDefinition,
  map: () => unknown,
): void {
  const { run } = turn;
  if (run.performing.has(step.name)) return;
  const input = tryCall("input", map);
  if (!input.ok) return refuse(turn, step, input.violations, state.reads);
  run.performing.set(step.name, {
    step: step.name,
    turn: run.turns.get(step.name) ?? 0,
    attempt: 0,
    reads: state.reads,
    agent: undefined,
  });
  turn.commands.push({
    kind: "startChild",
    path: step.name,
    run: childOf(state),
    workflow,
    input: input.value,
    hops: hopsOf(run),
    deadlineAt: deadlineOf(run, step.name)?.at,
  });
}

/** The child run that an open step waits for. */
export function childOf(state: OpenState): string {
  const { opening } = state;
  if ((opening.step !== "subflow" && opening.step !== "branch") || opening.run === undefined) {
    throw new BatonError("INVARIANT_BROKEN", "A step without a child run was asked for it.");
  }
  return opening.run;
}

/** The child run that the step at a path waits for, if it waits for one, or did when it was given up. */
export function openChild(run: Run, path: string): string | undefined {
  const state = run.steps.get(path);
  const opening = state?.kind === "open" || state?.kind === "failed" ? state.opening : undefined;
  return opening !== undefined && "run" in opening ? opening.run : undefined;
}

/** The child run that is awaited at a path: to end, or to have undone what it did. */
export function childAt(run: Run, path: string): string | undefined {
  const turn = run.performing.get(path)?.turn ?? 0;
  return run.rollback?.pending.get(`${path}:${turn}`)?.run ?? openChild(run, path);
}

/** A child run that completed though its step had missed its deadline: what it did is on record, and can be undone. */
export function sealLateChild(
  turn: Deliberation,
  step: string,
  { reads, turn: turnNo }: Performing,
  outcome: ChildOutcome,
): void {
  if (outcome.kind !== "completed") return;
  say(turn, {
    kind: "step.sealed",
    path: step,
    turn: turnNo,
    by: ENGINE,
    reads,
    causation: { stream: `run/${childRunId(turn.run, step)}`, seq: outcome.seq },
    payload: {},
    value: outcome.output,
  });
}

export function childEnded(
  turn: Deliberation,
  step: StepDefinition,
  state: OpenState,
  outcome: ChildOutcome,
): void {
  const child = childOf(state);
  if (outcome.kind === "completed") {
    const causation = { stream: `run/${child}`, seq: outcome.seq };
    sealOpen(turn, step.name, state, outcome.output, { causation });
    return;
  }
  if (turn.run.phase.kind !== "going") return;
  const error =
    outcome.kind === "refused" ? refusalFailure(step.name, outcome.violations) : outcome.error;
  failStep(turn, step.name, { ...error, message: `Run ${child}: ${error.message}` });
}
