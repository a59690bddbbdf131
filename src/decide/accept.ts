/**
 * accept: what has happened outside, taken in. Each input either becomes facts, or is recognised as late and ignored.
 */
import type { Amounts } from "../model/amounts.ts";
import type { Author, CompensationAction, Fact, FactOf, RollbackReason } from "../model/entry.ts";
import type { EventFacts } from "../model/event-facts.ts";
import { invariant } from "../model/errors.ts";
import type { Json } from "../model/json.ts";
import type { Position } from "../model/entry.ts";
import type { Violation } from "../model/violation.ts";
import type { StepDefinition } from "../model/workflow-definition.ts";
import { type AttemptOutcome, recordFailure, takePerforming } from "./call.ts";
import { takeDeadlines } from "./deadline.ts";
import { decide, rulesOf, takeDue } from "./decide.ts";
import { type Held, holdAttempt, release, type Released } from "./hold.ts";
import { childAt, sealLateChild } from "./steps/child.ts";
import type { ChildOutcome } from "./steps/rules.ts";
import { askToCancel, askToGoBack } from "./going-back.ts";
import {
  childCompensated,
  compensationEnded,
  type CompensationHeld,
  type CompensationOutcome,
  holdCompensation,
  releaseCompensations,
  resolveCompensation,
} from "./saga.ts";
import { publishFirst, receiveFirst, takeFromElsewhere } from "./receive.ts";
import { resolveStep, type StepDecision } from "./parking.ts";
import { type Probed, probed } from "./probing.ts";
import { afterUnknown, recordUnknown } from "./unknown.ts";
import { sagaHistory } from "./saga-history.ts";
import { type Deliberation, deliberation, ENGINE, laterTurn, say } from "./turn.ts";
import type { Reads, Run } from "../model/run.ts";
import type { AgentDefinition } from "../model/agent-definition.ts";
import { parsePath } from "./evolve.ts";
import { deliveryChildEnded, endGatherings } from "./steps/subscription.ts";

/** A step that a fork takes over from its parent. */
export type Carried =
  | {
      readonly kind: "sealed";
      readonly key: string;
      readonly value: Json;
      readonly turn: number;
      readonly from: Position & { readonly hash: string };
      /** Which entries of the fork hold what it was computed from. */
      readonly reads?: Reads;
      readonly agent?: string;
      readonly inputHash?: string;
    }
  | {
      readonly kind: "skipped";
      readonly key: string;
      readonly reason?: FactOf<"step.skipped">["payload"]["reason"];
      readonly reads?: Reads;
    };

export type Input =
  | {
      readonly kind: "start";
      readonly by: Author;
      readonly engine: string;
      readonly manifest: string;
      readonly traceId: string;
      readonly input: Json;
      readonly inputHash: string;
      readonly parent?: { readonly run: string; readonly path: string };
      /** Where it is not the run's own id. */
      readonly correlation?: string;
      /** Of a child run: how far the event that led to it is from the first of its chain. */
      readonly hops?: number;
      /** With which a run of a choreography begins, where it was published elsewhere. */
      readonly event?: { readonly facts: EventFacts; readonly from: Position };
      readonly fork?: Position & { readonly hash: string; readonly version: number };
      readonly carried?: readonly Carried[];
      /** How long this run may take; the workflow's own deadline counts if it is shorter. */
      readonly deadlineMs?: number;
      /** The deadline of the run that it is part of. */
      readonly deadlineAt?: number;
      /** The span of whoever starts it: only recorded, nothing is decided by it. */
      readonly traceparent?: string;
    }
  | {
      readonly kind: "refuseStart";
      readonly by: Author;
      readonly violations: readonly Violation[];
      readonly inputHash?: string;
    }
  /** `crashed`: the process before died, or hung, instead of handing the store over. */
  | { readonly kind: "resume"; readonly crashed?: true }
  | { readonly kind: "block"; readonly missing: readonly string[] }
  | AttemptOutcome
  | Held
  | Released
  | {
      readonly kind: "once";
      readonly path: string;
      readonly turn: number;
      readonly attempt: number;
      readonly name: string;
      readonly value: Json;
      /** `name@version` of the agent that acted, where it is not the step's own: a fallback. */
      readonly agent?: string;
    }
  | {
      readonly kind: "child";
      readonly path: string;
      /** The child run, where it has one to name: it was begun. */
      readonly run?: string;
      readonly outcome: ChildOutcome;
    }
  | {
      readonly kind: "signal";
      readonly step: string;
      readonly id: string;
      readonly by: Author;
      readonly value: Json;
    }
  | {
      readonly kind: "signalRefused";
      readonly step: string;
      readonly by: Author;
      readonly violations: readonly Violation[];
    }
  /** An event that was published elsewhere, and concerns the run. */
  | {
      readonly kind: "event";
      readonly by: Author;
      readonly event: EventFacts;
      readonly from: Position;
      readonly data: Json;
    }
  | { readonly kind: "cancel"; readonly by: Author; readonly reason: string }
  /** A run that has ended is to go back; one that has not is cancelled. Its journal comes first. */
  | {
      readonly kind: "rollback";
      readonly by: Author;
      readonly reason: RollbackReason;
      /** Only as far as the savepoint of this step. */
      readonly to?: string;
    }
  /** The run's journal so far. */
  | { readonly kind: "history"; readonly facts: readonly Fact[] }
  | CompensationOutcome
  | CompensationHeld
  | StepDecision
  | Probed
  /** The attempt is let through and about to be made, where that must be recorded first. */
  | {
      readonly kind: "begin";
      readonly path: string;
      readonly turn: number;
      readonly attempt: number;
      readonly agent: string;
      readonly inputHash: string;
      /** What was set aside for it, and of which budgets. */
      readonly set?: { readonly reserved: Amounts; readonly budgets: readonly string[] };
      readonly quarantined?: true;
    }
  | {
      readonly kind: "resolve";
      readonly path: string;
      readonly turn: number;
      readonly by: Author;
      readonly action: CompensationAction;
      readonly reason: string | undefined;
    }
  /** Time has passed. */
  | { readonly kind: "tick" };

/** A whole turn: takes in `inputs`, in order, then decides. `drain: false` begins nothing (a run that waits for a place to execute). */
export function takeTurn(
  run: Run,
  inputs: readonly Input[],
  nowMs: number,
  drain = true,
): Deliberation {
  const turn = deliberation(run, nowMs);
  takeDeadlines(turn);
  endGatherings(turn);
  for (const input of inputs) accept(turn, input);
  // A run may be started with a deadline that has passed, and one that waited for its code has steps only now.
  takeDeadlines(turn);
  if (drain) takeDue(turn);
  decide(turn, drain);
  return turn;
}

function accept(turn: Deliberation, input: Input): void {
  const { run } = turn;
  switch (input.kind) {
    case "start":
      return start(turn, input);
    case "refuseStart":
      return refuseStart(turn, input);
    case "resume":
      return resumed(turn, input.crashed);
    case "block":
      say(turn, { kind: "run.blocked", by: ENGINE, payload: { missing: input.missing } });
      return;
    case "sealed":
      return attemptSealed(turn, input);
    case "attemptFailed":
      return attemptFailed(turn, input);
    case "held":
      return holdAttempt(turn, input);
    case "released":
      releaseCompensations(turn, input.gate);
      return release(turn, input);
    case "once":
      return onceDone(turn, input);
    case "child":
      return childEnded(turn, input);
    case "signal":
      return signalled(turn, input);
    case "signalRefused":
      return signalRefused(turn, input);
    case "event":
      return takeFromElsewhere(turn, input);
    case "cancel":
      return askToCancel(turn, input.by, input.reason);
    case "rollback":
      return askToGoBack(turn, input);
    case "history":
      run.history = sagaHistory(run.definition, input.facts, run.limits);
      return;
    case "compensated":
    case "compensationFailed":
      return compensationEnded(turn, input);
    case "compensationHeld":
      return holdCompensation(turn, input);
    case "resolveStep": {
      const step = stepOf(run, parsePath(input.path).step);
      return resolveStep(turn, input, step, rulesOf(step));
    }
    case "probed":
      return probed(turn, input, rulesOf);
    case "begin":
      return begin(turn, input);
    case "resolve":
      return resolveCompensation(turn, input);
    case "tick":
      return;
  }
}

function refuseStart(
  turn: Deliberation,
  input: Extract<Input, { readonly kind: "refuseStart" }>,
): void {
  say(turn, {
    kind: "run.refused",
    by: input.by,
    ...(input.inputHash === undefined ? {} : { inputHash: input.inputHash }),
    payload: { workflow: turn.run.definition.id, violations: input.violations },
  });
}

function resumed(turn: Deliberation, crashed: true | undefined): void {
  const incarnation = turn.run.incarnation + 1;
  const payload = { incarnation, ...(crashed === undefined ? {} : { crashed }) };
  say(turn, { kind: "run.resumed", by: ENGINE, payload });
}

/** The earliest of all deadlines that a run is given, from the moment of its start. */
function deadlineFrom(
  { run, nowMs }: Deliberation,
  { deadlineMs, deadlineAt }: Extract<Input, { readonly kind: "start" }>,
): number | undefined {
  const own = run.definition.deadlineMs;
  if (deadlineMs === undefined && deadlineAt === undefined && own === undefined) return undefined;
  const allowedMs = Math.min(deadlineMs ?? Infinity, own ?? Infinity);
  return Math.min(Math.max(run.at, nowMs) + allowedMs, deadlineAt ?? Infinity);
}

function start(turn: Deliberation, input: Extract<Input, { readonly kind: "start" }>): void {
  const deadlineAt = deadlineFrom(turn, input);
  say(turn, {
    kind: "run.started",
    by: input.by,
    inputHash: input.inputHash,
    traceId: input.traceId,
    payload: {
      workflow: turn.run.definition.id,
      manifest: input.manifest,
      engine: input.engine,
      ...(input.parent === undefined ? {} : { parent: input.parent }),
      ...(input.correlation === undefined ? {} : { correlation: input.correlation }),
      ...(input.hops === undefined ? {} : { hops: input.hops }),
      ...(input.fork === undefined ? {} : { fork: input.fork }),
      ...(deadlineAt === undefined ? {} : { deadlineAt }),
      ...(input.traceparent === undefined ? {} : { traceparent: input.traceparent }),
    },
    value: input.input,
  });
  const { choreography } = turn.run.definition;
  if (choreography !== undefined) {
    if (input.event === undefined) publishFirst(turn, choreography.starts, input.input);
    else receiveFirst(turn, input.by, { ...input.event, data: input.input });
  }
  for (const carried of input.carried ?? []) {
    if (carried.kind === "skipped") {
      say(turn, {
        kind: "step.skipped",
        path: carried.key,
        by: ENGINE,
        ...(carried.reads === undefined ? {} : { reads: carried.reads }),
        payload: { reason: carried.reason ?? "when" },
      });
    } else {
      say(turn, {
        kind: "step.carried",
        path: carried.key,
        turn: carried.turn,
        by: ENGINE,
        ...(carried.agent === undefined ? {} : { agent: carried.agent }),
        ...(carried.reads === undefined ? {} : { reads: carried.reads }),
        ...(carried.inputHash === undefined ? {} : { inputHash: carried.inputHash }),
        payload: { from: carried.from },
        value: carried.value,
      });
    }
  }
}

function stepOf(run: Run, name: string): StepDefinition {
  const step = run.definition.stepByName.get(name);
  invariant(step !== undefined, `Run ${run.id} has no step ${name}.`);
  return step;
}

function attemptSealed(
  turn: Deliberation,
  outcome: Extract<AttemptOutcome, { readonly kind: "sealed" }>,
): void {
  const performing = takePerforming(turn.run, outcome);
  if (performing === undefined) return;
  const step = stepOf(turn.run, performing.step);
  rulesOf(step).sealed?.(turn, step, performing, outcome);
}

function attemptFailed(
  turn: Deliberation,
  outcome: Extract<AttemptOutcome, { readonly kind: "attemptFailed" }>,
): void {
  const { run } = turn;
  const performing = takePerforming(run, outcome);
  if (performing === undefined) return;
  const step = stepOf(run, performing.step);
  const agent = agentOf(run, step);
  if (outcome.unknown === true) {
    const state = run.steps.get(step.name);
    const actor = outcome.behind?.fallback?.agent ?? agent;
    // Whatever becomes of it, it gives up its place among the items that execute, or is given up as one of them.
    const isGivenUp = afterUnknown(run, actor) === "compensate";
    if (!isGivenUp && state?.kind === "open" && state.opening.step === "map" && state.items)
      state.items.executing -= 1;
    return recordUnknown(turn, step, rulesOf(step), { performing, agent: actor, outcome });
  }
  const { givenUp, error, deadlineAt } = recordFailure(turn, performing, agent, outcome);
  const { kind } = run.phase;
  if (!givenUp) {
    const state = run.steps.get(step.name);
    // A retry frees its place among the items that execute; it takes one again when it is due.
    if (state?.kind === "open" && state.opening.step === "map" && state.items !== undefined)
      state.items.executing -= 1;
    if (state?.kind === "open") run.agenda.add(step.name);
  } else if (kind === "going") {
    rulesOf(step).givenUp?.(turn, step, outcome.path, error, deadlineAt);
  }
}

/** The agent that a step, or a delivery to it, calls; for a branch, that of the case which was taken. */
function agentOf(run: Run, step: StepDefinition): AgentDefinition {
  if (step.kind === "agent" || step.kind === "map" || step.kind === "repeat") return step.agent;
  if (step.kind === "subscription" && step.target.kind === "agent") return step.target.agent;
  const state = run.steps.get(step.name);
  const opening = state?.kind === "open" || state?.kind === "failed" ? state.opening : undefined;
  const taken =
    step.kind === "branch" && opening?.step === "branch" ? step.cases.get(opening.case) : undefined;
  invariant(taken?.kind === "agent", `Step ${step.name} of run ${run.id} calls no agent.`);
  return taken.agent;
}

/** Records the intent; an attempt that is not under way any more is not begun. */
function begin(turn: Deliberation, input: Extract<Input, { readonly kind: "begin" }>): void {
  const { path, turn: turnNo, attempt, agent, inputHash, quarantined } = input;
  const performing = turn.run.performing.get(path);
  if (performing?.turn !== turnNo || performing.attempt !== attempt) return;
  if (turn.run.phase.kind !== "going") return;
  say(turn, {
    kind: "attempt.begun",
    path,
    turn: turnNo,
    attempt,
    by: ENGINE,
    agent,
    reads: performing.reads,
    inputHash,
    payload: { ...(quarantined === undefined ? {} : { quarantined }), ...input.set },
  });
}

function onceDone(turn: Deliberation, input: Extract<Input, { readonly kind: "once" }>): void {
  const performing = turn.run.performing.get(input.path);
  if (
    performing === undefined ||
    performing.turn !== input.turn ||
    performing.attempt !== input.attempt
  )
    return;
  if (turn.run.onces.get(`${input.path}:${input.turn}`)?.has(input.name) === true) return;
  const agent = input.agent ?? performing.agent;
  say(turn, {
    kind: "once.recorded",
    path: input.path,
    turn: input.turn,
    attempt: input.attempt,
    by: { kind: "agent", id: agent?.split("@")[0] ?? "" },
    ...(agent === undefined ? {} : { agent }),
    payload: { name: input.name },
    value: input.value,
  });
}

function childEnded(
  turn: Deliberation,
  { path, run: child, outcome }: Extract<Input, { readonly kind: "child" }>,
): void {
  const { run } = turn;
  const awaited = childAt(run, path);
  // Its end may be told twice, by itself and by who looked for it: a step that was begun anew meanwhile has another child.
  if (child !== undefined && awaited !== undefined && awaited !== child) return;
  if (run.phase.kind === "compensating") return childCompensated(turn, path, outcome);
  const performing = run.performing.get(path);
  if (performing === undefined) return;
  run.performing.delete(path);
  const step = stepOf(run, parsePath(path).step);
  if (step.kind === "subscription") return deliveryChildEnded(turn, step, path, outcome);
  const state = run.steps.get(step.name);
  if (state?.kind === "open") rulesOf(step).childEnded?.(turn, step, state, performing, outcome);
  else if (state?.kind === "failed") sealLateChild(turn, step.name, performing, outcome);
}

function signalRefused(
  turn: Deliberation,
  input: Extract<Input, { readonly kind: "signalRefused" }>,
): void {
  const { kind } = turn.run.phase;
  // Nobody waits for it in a run that is ending; while a run goes back, its journal takes nothing but that.
  if (kind !== "going" && kind !== "blocked") return;
  say(turn, {
    kind: "handoff.refused",
    path: input.step,
    by: input.by,
    payload: { violations: input.violations, then: { kind: "goOn" } },
  });
}

function signalled(turn: Deliberation, input: Extract<Input, { readonly kind: "signal" }>): void {
  const { run } = turn;
  if (run.signalIds.has(`${input.step}:${input.id}`) || run.phase.kind !== "going") return;
  if (run.parked.has(input.step)) return;
  // The first answer counts. The engine refuses later ones, and tells the sender of one that came in the same moment.
  const state = run.steps.get(input.step);
  if (run.signals.has(input.step) || (state !== undefined && state.kind !== "open")) return;
  say(turn, {
    kind: "signal.received",
    path: input.step,
    ...laterTurn(run, input.step),
    by: input.by,
    payload: { id: input.id },
    value: input.value,
  });
}
