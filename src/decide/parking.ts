/**
 * Parking a call: it waits for a person, while the rest of the run goes on. Used where going on by itself could be wrong: the
 * outcome of an attempt is not known, or an attempt takes its process with it.
 *
 * Q1. A call that is parked begins nothing until a person has decided.
 * Q2. A person decides once: retry, done (with an output that the agent's contract accepts), or fail.
 */
import type { Author, Failure, ParkedBecause, StepAction } from "../model/entry.ts";
import { type Json, sealJson } from "../model/json.ts";
import type { Performing, Run } from "../model/run.ts";
import type { StepDefinition } from "../model/workflow-definition.ts";
import { parsePath } from "./evolve.ts";
import { tryInput } from "./handoff.ts";
import { callOf } from "./step-call.ts";
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
}

/** Parks a call, with all that a person needs to decide. */
export function parkCall(
  turn: Deliberation,
  step: StepDefinition,
  place: ParkedPlace,
  parked: { readonly because: ParkedBecause; readonly error: Failure },
): void {
  const { path, attempt, reads, inputHash } = place;
  say(turn, {
    kind: "step.parked",
    path,
    turn: place.turn,
    attempt,
    by: ENGINE,
    reads,
    payload: parked,
    value: letterOf(turn.run, step, path, inputHash),
  });
}

function letterOf(
  run: Run,
  step: StepDefinition,
  path: string,
  inputHash: string | undefined,
): Json {
  const call = callOf(run, step, path);
  const input =
    call === undefined ? undefined : tryInput(call.agent.input, `input of ${path}`, call.map);
  return sealJson(
    {
      ...(call === undefined ? {} : { agent: call.agent.id }),
      ...(input?.ok === true ? { input: input.value } : {}),
      ...(inputHash === undefined ? {} : { inputHash }),
    },
    `dead letter of ${path}`,
  );
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
  /** Hash of what the agent was given, where it is known. */
  readonly inputHash?: string;
}

/** Takes a person's decision in; one that comes too late changes nothing. */
export function resolveStep(
  turn: Deliberation,
  decision: StepDecision,
  step: StepDefinition,
  rules: StepRules<StepDefinition>,
): void {
  const { run } = turn;
  const { path, by, action, reason, output, inputHash } = decision;
  const parked = run.parked.get(path);
  if (parked === undefined || parked.turn !== decision.turn || run.phase.kind !== "going") return;
  const { attempt, error } = parked;
  say(turn, {
    kind: "step.resolved",
    path,
    turn: parked.turn,
    by,
    payload: { action, ...(reason === undefined ? {} : { reason }) },
  });
  if (action === "retry") return beginAgain(run, step, path);
  countItem(run, step);
  if (action === "fail") return (rules.discarded ?? rules.givenUp)?.(turn, step, path, error);
  const agent = callOf(run, step, path)?.agent.id;
  const { turn: turnNo } = parked;
  rules.sealed?.(
    turn,
    step,
    { step: step.name, turn: turnNo, attempt, reads: readsAt(run, step), agent },
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

/** What a call of a step reads: as its opening recorded it, or, where it is the step itself, as it stands now. */
export function readsAt(run: Run, step: StepDefinition): Performing["reads"] {
  const state = run.steps.get(step.name);
  if (state?.kind === "open") return state.reads;
  const reads: Record<string, number> = {};
  for (const key of step.needs) {
    const sealed = run.values.get(key);
    if (sealed !== undefined) reads[key] = sealed.seq;
  }
  return reads;
}
