/**
 * decide: from the state of a run to what must be said and done next. Pure: time is an argument, and so is chance.
 *
 * D1. Every path on the agenda is looked at once; what is said puts further paths on it, until it is empty.
 * D2. A run that is failing or being cancelled begins nothing new; it ends when nothing is under way.
 * D3. The cost of a turn depends on what is on the agenda, never on how long the run is.
 */
import type { RunStatus } from "../model/run-status.ts";
import { check } from "../model/check.ts";
import { sealJson } from "../model/json.ts";
import type { Run, StepState, Timer } from "../model/run.ts";
import type { StepDefinition, StepKind } from "../model/workflow-definition.ts";
import { nextDeadlineAt } from "./deadline.ts";
import { onAgenda, parsePath } from "./evolve.ts";
import { isHeldUntil } from "./hold.ts";
import { refusalFailure, tryCall, viewOf } from "./handoff.ts";
import { turnsBack } from "./going-back.ts";
import { askProbes } from "./probing.ts";
import { waitsForTime, walk } from "./saga.ts";
import { takeLostIntents } from "./unknown.ts";
import { emitRules } from "./steps/emit.ts";
import {
  endGathering,
  hasConcluded,
  proceedDelivery,
  subscriptionRules,
} from "./steps/subscription.ts";
import { agentRules } from "./steps/agent.ts";
import { branchRules } from "./steps/branch.ts";
import { mapRules } from "./steps/map.ts";
import { repeatRules } from "./steps/repeat.ts";
import type { StepOf, StepRules } from "./steps/rules.ts";
import { sleepRules } from "./steps/sleep.ts";
import { subflowRules } from "./steps/subflow.ts";
import { approvalRules, eventRules, remind, signalRules } from "./steps/waiting.ts";
import { type Deliberation, ENGINE, say } from "./turn.ts";

const RULES: { readonly [K in StepKind]: StepRules<StepOf<K>> } = {
  agent: agentRules,
  map: mapRules,
  branch: branchRules,
  repeat: repeatRules,
  subflow: subflowRules,
  sleep: sleepRules,
  approval: approvalRules,
  signal: signalRules,
  emit: emitRules,
  event: eventRules,
  subscription: subscriptionRules,
};

/** The rules of a step's kind. */
export function rulesOf(step: StepDefinition): StepRules<StepDefinition> {
  // RULES maps each kind to the rules of that very kind; the correlation is lost through the index.
  return RULES[step.kind] as StepRules<StepDefinition>;
}

/**
 * Drains the agenda: says what must be said, commands what must be done. Without `drain` only a run that fails or is being
 * cancelled is wound down, which takes no place.
 */
export function decide(turn: Deliberation, drainAgenda = true): void {
  const { run } = turn;
  if (!run.lostIntentsTaken) takeLost(turn);
  let goesOn: boolean;
  do {
    if (drainAgenda && run.phase.kind === "going") {
      if (run.unknowns.size > 0) askProbes(turn, rulesOf);
      drain(turn);
      if (run.phase.kind === "going" && isComplete(run)) complete(turn);
    }
    if (run.phase.kind === "failing" || run.phase.kind === "cancelling") wind(turn);
    // From a savepoint it goes on at once; how often it comes back there is limited.
    goesOn = run.phase.kind === "compensating" && walk(turn);
  } while (goesOn);
}

/** What was begun before this incarnation is settled before anything else is; a run without its code waits for that. */
function takeLost(turn: Deliberation): void {
  const { kind } = turn.run.phase;
  if (kind === "blocked" || turn.run.missing.length > 0) return;
  takeLostIntents(turn, rulesOf);
}

function drain(turn: Deliberation): void {
  const { run } = turn;
  for (const name of run.agenda) {
    if (run.phase.kind !== "going") return;
    run.agenda.delete(name);
    const step = run.definition.stepByName.get(name);
    const state: StepState | undefined = run.steps.get(name);
    if (step === undefined) {
      const delivery = run.bus?.deliveries.get(name);
      if (delivery !== undefined) proceedDelivery(turn, name, delivery);
      if (run.phase.kind !== "going") return;
      continue;
    }
    // A signal puts its step on the agenda whenever it comes, also before what the step needs is settled.
    if (state === undefined && run.unmetNeeds.has(name)) continue;
    if (run.parked.size > 0 && run.parked.has(name)) continue;
    if (state === undefined) rulesOf(step).begin(turn, step);
    else if (state.kind === "open") rulesOf(step).proceed?.(turn, step, state);
  }
}

function complete(turn: Deliberation): void {
  const { run } = turn;
  const { definition } = run;
  if (definition.choreography !== undefined) {
    const value = run.bus?.end?.data ?? null;
    say(turn, { kind: "run.completed", by: ENGINE, payload: {}, value });
    return;
  }
  const { view } = viewOf(run, [...run.values.keys()]);
  const projected = tryCall("output", () => {
    const value = definition.project(view);
    return definition.output === undefined
      ? { kind: "ok" as const, value: sealJson(value, `output of ${definition.id}`) }
      : check(definition.output, value, `output of ${definition.id}`, "edge");
  });
  const violations = projected.ok
    ? projected.value.kind === "violated"
      ? projected.value.violations
      : undefined
    : projected.violations;
  if (projected.ok && projected.value.kind === "ok") {
    say(turn, { kind: "run.completed", by: ENGINE, payload: {}, value: projected.value.value });
    return;
  }
  const error = { ...refusalFailure("output", violations ?? []), code: "OUTPUT_REFUSED" };
  if (turnsBack(turn, { because: "failed", error })) return;
  say(turn, { kind: "run.failed", by: ENGINE, payload: { error } });
}

/** Winds a run down that is failing or being cancelled (D2). */
function wind(turn: Deliberation): void {
  const { run } = turn;
  run.agenda.clear();
  if (!run.abortCommanded) {
    run.abortCommanded = true;
    awaitChildren(run);
    if (run.performing.size > 0) turn.commands.push({ kind: "abort", reason: run.phase.kind });
  }
  if (run.performing.size > 0) return;
  if (run.phase.kind === "failing") {
    const { step, error } = run.phase;
    const blamed = { ...(step === undefined ? {} : { step }), error };
    if (turnsBack(turn, { because: "failed", ...blamed })) return;
    say(turn, { kind: "run.failed", by: ENGINE, payload: blamed });
  } else if (run.phase.kind === "cancelling") {
    const { reason, to } = run.phase;
    const error = { code: "RUN_CANCELLED", message: reason };
    const asked = { code: "COMPENSATION_ASKED", message: reason };
    const isAsked = to !== undefined;
    const why = isAsked
      ? ({ because: "asked", error: asked } as const)
      : ({ because: "cancelled", error } as const);
    if (turnsBack(turn, why)) return;
    say(turn, { kind: "run.cancelled", by: ENGINE, payload: { reason } });
  }
}

/** After a restart nothing is under way, but the child runs of steps that are open may be: they are cancelled and awaited too. */
function awaitChildren(run: Run): void {
  for (const [step, state] of run.steps) {
    if ((state.kind !== "open" && state.kind !== "failed") || run.performing.has(step)) continue;
    const { opening, reads } = state;
    if (opening === undefined || reads === undefined) continue;
    const isChild =
      opening.step === "subflow" || (opening.step === "branch" && opening.run !== undefined);
    const turn = run.turns.get(step) ?? 0;
    if (isChild) run.performing.set(step, { step, turn, attempt: 0, reads, agent: undefined });
  }
}

/** Takes the timers that are due; what they concern is looked at again, or acts at once. */
export function takeDue(turn: Deliberation): void {
  const { run } = turn;
  // A compensation whose pause is over is found by the walk.
  if (run.phase.kind !== "going") return;
  for (
    let timer = run.timers.peek();
    timer !== undefined && timer.dueAt <= turn.nowMs;
    timer = run.timers.peek()
  ) {
    run.timers.pop();
    fire(turn, timer);
    if (run.phase.kind !== "going") return;
  }
}

function fire(turn: Deliberation, timer: Timer): void {
  const { run } = turn;
  if (timer.kind === "compensate") return;
  const step = run.definition.stepByName.get(timer.step);
  const state = run.steps.get(timer.step);
  if (step === undefined || !matters(run, timer)) return;
  // The probes that are due are found by themselves.
  if (timer.kind === "probe") return;
  if (timer.kind === "retry" || timer.kind === "held") {
    if (state?.kind === "open" && state.opening.step === "map")
      state.items?.again.push(parsePath(timer.path).index);
    run.agenda.add(onAgenda(run, timer.path));
    return;
  }
  if (step.kind === "subscription" && timer.kind === "wake") return endGathering(turn, step);
  if (state?.kind !== "open") return;
  if (timer.kind === "wake") rulesOf(step).due?.(turn, step, state);
  else if (step.kind === "approval" || step.kind === "signal" || step.kind === "event")
    remind(turn, step);
}

/** When the run must be looked at again though nothing has come in; undefined if never. */
export function nextWakeAt(run: Run): number | undefined {
  const timerAt = nextTimerAt(run);
  const deadlineAt = nextDeadlineAt(run);
  if (deadlineAt === undefined) return timerAt;
  return timerAt === undefined ? deadlineAt : Math.min(timerAt, deadlineAt);
}

function nextTimerAt(run: Run): number | undefined {
  if (run.phase.kind !== "going" && run.phase.kind !== "compensating") return undefined;
  if (run.phase.kind === "compensating" && !waitsForTime(run)) return undefined;
  for (let timer = run.timers.peek(); timer !== undefined; timer = run.timers.peek()) {
    if (matters(run, timer)) return timer.dueAt;
    run.timers.pop();
  }
  return undefined;
}

/** Whether a timer is still waited for: its step may have been settled by something else meanwhile. */
function matters(run: Run, timer: Timer): boolean {
  if (timer.kind === "compensate") {
    const planned = run.rollback?.pending.get(timer.key);
    // While its attempt is under way nothing is waited for.
    if (planned === undefined || run.performing.has(planned.path)) return false;
    return run.rollback?.states.get(timer.key)?.retryAt === timer.dueAt;
  }
  if (run.phase.kind === "compensating") return false;
  if ("path" in timer && isOver(run, timer)) return false;
  if (timer.kind === "probe") {
    const isDue = run.unknowns.get(timer.path)?.retryAt === timer.dueAt;
    return isDue && !run.performing.has(timer.path);
  }
  if (timer.kind === "held") return isHeldUntil(run, timer.path, timer.dueAt);
  if (timer.kind === "wake" && run.bus?.gatherings.get(timer.step)?.settled === false) return true;
  if (timer.kind !== "retry") {
    if (run.steps.get(timer.step)?.kind !== "open" || run.parked.has(timer.step)) return false;
    return timer.kind === "wake" || run.reminders.get(timer.step) === timer.dueAt;
  }
  const call = run.calls.get(timer.path);
  return (
    call?.failedAttempts === timer.attempt &&
    call.retryAt !== undefined &&
    !run.performing.has(timer.path)
  );
}

/** Whether what was waited for has been ended by others, as a map is by an item that is refused. */
function isOver(run: Run, { step, path }: { readonly step: string; readonly path: string }) {
  if (run.bus?.deliveries.has(path) === true) return false;
  const state = run.steps.get(step);
  return state !== undefined && state.kind !== "open";
}

/** The status of a run as people see it: running means that something is under way or can begin at once. */
export function statusOf(run: Run): RunStatus {
  switch (run.phase.kind) {
    case "completed":
    case "failed":
    case "cancelled":
    case "refused":
    case "compensating":
    case "compensated":
    case "parked":
      return run.phase.kind;
    case "blocked":
      return "waiting";
    case "new":
      return "running";
    case "failing":
    case "cancelling":
      return run.missing.length > 0 && run.performing.size === 0 ? "waiting" : "running";
    case "going":
      if (run.performing.size > 0 || run.agenda.size > 0 || isComplete(run)) return "running";
      return run.parked.size > 0 ? "parked" : "waiting";
  }
}

/** Whether nothing is left to be done but to say so. */
export function isComplete(run: Run): boolean {
  return run.unsettledSteps === 0 && hasConcluded(run);
}

/** Whether the run takes no more entries. */
export function hasEnded(run: Run): boolean {
  const { kind } = run.phase;
  return (
    kind === "completed" ||
    kind === "failed" ||
    kind === "cancelled" ||
    kind === "refused" ||
    kind === "compensated"
  );
}
