/**
 * Parking a call: it waits for a person, while the rest of the run goes on. Used where going on by itself could be wrong: the
 * outcome of an attempt is not known, or an attempt takes its process with it.
 *
 * Q1. A call that is parked begins nothing until a person has decided.
 * Q2. A person decides once: retry, done (with an output that the agent's contract accepts), or fail.
 */
import { deliveryView } from "./bus.ts";
import type { Author, Failure, ParkedBecause, Position, StepAction } from "../model/entry.ts";
import { type Json, sealJson } from "../model/json.ts";
import type { Performing, Run } from "../model/run.ts";
import type { StepDefinition } from "../model/workflow-definition.ts";
import { parsePath } from "./evolve.ts";
import { tryInput } from "./handoff.ts";
import { callOf, takenCase } from "./step-call.ts";
import type { StepRules } from "./steps/rules.ts";
import { type Deliberation, ENGINE, say } from "./turn.ts";

/** The call that is to wait for a person. */
export interface ParkedPlace {
  readonly path: string;
  readonly turn: number;
  /** The newest attempt; 0 where none was made. */
  readonly attempt: number;
  readonly reads: Performing["reads"];
  readonly inputHash: string | undefined;
  /** Where the run that handled it completed. */
  readonly causation?: Position | undefined;
}

/** Whether what is parked at a path is a step as a whole: no call of an agent that could be made again by itself. */
export function isWhole(run: Run, step: StepDefinition, path: string): boolean {
  // A delivery is resolved by itself, whether an agent or a run of its own handles it: its events follow from what it came to.
  if (step.kind === "agent" || step.kind === "subscription") return false;
  if (step.kind === "map" || step.kind === "repeat") return path === step.name;
  return step.kind !== "branch" || takenCase(run, step)?.kind !== "agent";
}

/**
 * Whether what is parked is still being made: a deadline has passed, and the attempt has not ended yet. It is decided then, if it
 * has not come to anything.
 */
export function isUnderWay(run: Run, step: StepDefinition, path: string): boolean {
  if (!isWhole(run, step, path)) return run.performing.has(path);
  return [...run.performing.values()].some((each) => each.step === step.name);
}

/** Parks a call, with all that a person needs to decide. */
export function parkCall(
  turn: Deliberation,
  step: StepDefinition,
  place: ParkedPlace,
  parked: { readonly because: ParkedBecause; readonly error: Failure },
): void {
  const { path, attempt, reads, inputHash, causation } = place;
  say(turn, {
    kind: "step.parked",
    path,
    turn: place.turn,
    attempt,
    by: ENGINE,
    reads,
    ...(inputHash === undefined ? {} : { inputHash }),
    ...(causation === undefined ? {} : { causation }),
    payload: parked,
    value: letterOf(turn.run, step, path),
  });
}

function letterOf(run: Run, step: StepDefinition, path: string): Json {
  if (isWhole(run, step, path)) return wholeLetter(run, step);
  const call = callOf(run, step, path);
  const input =
    call === undefined ? undefined : tryInput(call.agent.input, `input of ${path}`, call.map);
  return sealJson(
    {
      ...(call === undefined ? childLetter(run, path) : { agent: call.agent.id }),
      ...(input?.ok === true ? { input: input.value } : {}),
    },
    `dead letter of ${path}`,
  );
}

/** Of a delivery that a run of its own handles: which run. */
function childLetter(run: Run, path: string): { readonly run?: string } {
  const state = run.steps.get(path);
  const isChild = state?.kind === "open" && "run" in state.opening;
  return isChild && state.opening.run !== undefined ? { run: state.opening.run } : {};
}

function wholeLetter(run: Run, step: StepDefinition): Json {
  const state = run.steps.get(step.name);
  const child = state?.kind === "open" && "run" in state.opening ? state.opening.run : undefined;
  return sealJson({ step: step.kind, ...(child === undefined ? {} : { run: child }) }, "letter");
}

/** A person's decision, as the engine has checked it. */
export interface StepDecision {
  readonly kind: "resolveStep";
  readonly path: string;
  readonly turn: number;
  readonly by: Author;
  readonly action: StepAction;
  readonly reason: string | undefined;
  /** What was done by hand, checked against the agent's output contract; with `done` only. */
  readonly output?: Json;
  /** The person has made sure that the attempt did nothing. */
  readonly nothingDone?: true;
}

/** Takes a person's decision in; one that comes too late changes nothing. */
export function resolveStep(
  turn: Deliberation,
  decision: StepDecision,
  step: StepDefinition,
  rules: StepRules<StepDefinition>,
): void {
  const { run } = turn;
  const { path, by, action, reason, output, nothingDone } = decision;
  const parked = run.parked.get(path);
  if (parked === undefined || parked.turn !== decision.turn || run.phase.kind !== "going") return;
  if (isUnderWay(run, step, path)) return;
  const { attempt, error, inputHash } = parked;
  const [whole, reads] = [isWhole(run, step, path), readsAt(run, step, path)];
  say(turn, {
    kind: "step.resolved",
    path,
    turn: parked.turn,
    by,
    payload: {
      action,
      ...(reason === undefined ? {} : { reason }),
      ...(nothingDone === undefined ? {} : { nothingDone }),
    },
  });
  if (action === "retry") return beginAgain(run, step, path);
  if (whole) return endWhole(turn, decision, step, { turnNo: parked.turn, reads, error });
  countItem(run, step);
  if (action === "fail")
    return (rules.discarded ?? rules.givenUp)?.(turn, step, path, failureOf(path, error, reason));
  const agent = callOf(run, step, path)?.agent.id;
  const { turn: turnNo } = parked;
  rules.sealed?.(
    turn,
    step,
    { step: step.name, turn: turnNo, attempt, reads, agent },
    {
      kind: "sealed",
      path,
      turn: turnNo,
      attempt,
      output: output ?? null,
      ...(inputHash === undefined ? {} : { inputHash }),
      by,
    },
  );
}

/** What a person says of a step as a whole: what it came to, or that it came to nothing. */
function endWhole(
  turn: Deliberation,
  { by, action, path, reason, output = null }: StepDecision,
  step: StepDefinition,
  parked: {
    readonly turnNo: number;
    readonly reads: Performing["reads"];
    readonly error: Failure;
  },
): void {
  const { turnNo, reads, error } = parked;
  const place = { path: step.name, turn: turnNo, by } as const;
  if (action === "done")
    say(turn, { kind: "step.sealed", ...place, reads, payload: {}, value: output });
  else
    say(turn, {
      kind: "step.failed",
      ...place,
      payload: { error: failureOf(path, error, reason) },
    });
}

/** What the step fails with where a person has given it up: why it was parked, and why it was given up. */
function failureOf(path: string, error: Failure, reason: string | undefined): Failure {
  const why = reason === undefined ? "" : `, because ${reason}`;
  return { code: error.code, message: `${path} was given up by a person${why}: ${error.message}` };
}

/** An item of a map that ends, in whatever way, gives back a place among those that execute: it must have one. */
export function countItem(run: Run, step: StepDefinition): void {
  const state = run.steps.get(step.name);
  if (state?.kind === "open" && state.opening.step === "map" && state.items !== undefined)
    state.items.executing += 1;
}

/** An item of a map is begun again from the list of those whose time has come. */
function beginAgain(run: Run, step: StepDefinition, path: string): void {
  const state = run.steps.get(step.name);
  if (state?.kind === "open" && state.opening.step === "map")
    state.items?.again.push(parsePath(path).index);
}

/** What a call of a step reads: as its opening recorded it, or, where it is the step itself, as it stands now; a delivery its events. */
export function readsAt(run: Run, step: StepDefinition, path: string): Performing["reads"] {
  if (step.kind === "subscription") {
    const delivery = run.bus?.deliveries.get(path);
    return delivery === undefined ? {} : deliveryView(run, step, delivery).reads;
  }
  const state = run.steps.get(step.name);
  if (state?.kind === "open") return state.reads;
  const reads: Record<string, number> = {};
  for (const key of step.needs) {
    const sealed = run.values.get(key);
    if (sealed !== undefined) reads[key] = sealed.seq;
  }
  return reads;
}
