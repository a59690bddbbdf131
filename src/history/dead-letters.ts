/** Dead letters: compensations that failed for good, and steps that are parked, read from a run's journal alone. */
import { compensationKeyOf, executionKeyOf } from "../journal/idempotency.ts";
import { parsePath } from "../decide/evolve.ts";
import { endsRun } from "../model/entry-kinds.ts";
import type { Fact, FactOf, Failure, ParkedBecause, RollbackReason } from "../model/entry.ts";
import type { Json } from "../model/json.ts";
import { factOf, type RecordedEntry, runIdOf } from "./read.ts";

/** Something of a parked run that waits for a person, with everything that it takes to decide. */
export type DeadLetter = CompensationLetter | StepLetter;

interface LetterBase {
  readonly run: string;
  /** `name@version` */
  readonly workflow: string;
  readonly path: string;
  readonly turn: number;
  readonly agent?: string;
  /** What the agent was given; absent where it can't be computed any more. */
  readonly input?: Json;
  /** Under which outside systems know what was executed. */
  readonly executionKey: string;
  /** When the run, or the step, was parked; milliseconds since 1970. */
  readonly at: number;
  readonly seq: number;
}

/** Everything that it takes to undo by hand what could not be undone, and to say so. */
export interface CompensationLetter extends LetterBase {
  /** `result`: of an agent; `unknown`: an attempt that may have acted; `run`: a child run. */
  readonly what: "result" | "unknown" | "run";
  /** The child run that could not be compensated. */
  readonly child?: string;
  /** Why the compensation failed; OUTCOME_UNKNOWN where it was never tried. */
  readonly error: Failure;
  /** Why the run goes back. */
  readonly reason: RollbackReason;
  /** What it gave; absent where that is not known. */
  readonly output?: Json;
  /** Under which outside systems know what should have undone it. */
  readonly compensationKey: string;
}

/** A call that is parked: what a person must know to say whether it acted, and what is to become of it. */
export interface StepLetter extends LetterBase {
  readonly what: "step";
  readonly because: ParkedBecause;
  /** The newest attempt; 0 where no call failed, but the step as a whole. */
  readonly attempt: number;
  /** The child run that failed, where the step is one. */
  readonly child?: string;
  /** How that attempt ended, or why no other is made. */
  readonly error: Failure;
}

/** A letter as the decider wrote it. */
interface Letter {
  readonly what: CompensationLetter["what"];
  readonly path: string;
  readonly turn: number;
  readonly agent?: string;
  readonly run?: string;
  readonly error: Failure;
  readonly input?: Json;
  readonly output?: Json;
}

/** What of a run waits for a person: of a run that goes on again, nothing. @throws BatonError RUN_NOT_FOUND for no entries */
export function deadLettersOf(
  entries: readonly RecordedEntry[],
  namespace: string,
): readonly DeadLetter[] {
  const run = runIdOf(entries);
  let workflow = "";
  let parked: FactOf<"run.parked"> | undefined;
  let ended = false;
  const steps = new Map<string, FactOf<"step.parked">>();
  for (const recorded of entries) {
    const fact = factOf(recorded);
    ended = endsRun(fact.kind, ended);
    if (fact.kind === "run.started") workflow = fact.payload.workflow;
    if (fact.kind === "run.parked") parked = fact;
    if (fact.kind === "compensation.resolved") parked = undefined;
    foldParked(steps, fact);
  }
  if (ended) return [];
  const place = { run, workflow, namespace };
  if (parked !== undefined) return compensationLetters(parked, place);
  return [...steps.values()].map((fact) => stepLetter(fact, place));
}

/** Steps wait for nobody any more once they are over, or their run is about to be. */
function foldParked(steps: Map<string, FactOf<"step.parked">>, fact: Fact): void {
  const { path = "" } = fact;
  switch (fact.kind) {
    case "step.parked":
      steps.set(path, fact);
      return;
    case "step.resolved":
      steps.delete(path);
      return;
    case "step.sealed":
    case "step.skipped":
      for (const parked of [...steps.keys()])
        if (parked === path || parsePath(parked).step === path) steps.delete(parked);
      return;
    case "step.failed":
    case "run.cancelling":
    case "run.failed":
    case "run.compensating":
      steps.clear();
      return;
    default:
      return;
  }
}

interface Place {
  readonly run: string;
  readonly workflow: string;
  readonly namespace: string;
}

function stepLetter(fact: FactOf<"step.parked">, { run, workflow, namespace }: Place): StepLetter {
  const { path = "", turn = 0, attempt = 0, at, seq, payload } = fact;
  // The letter is written by the decider alone, in this very form.
  const letter = (fact.value ?? {}) as Pick<Letter, "agent" | "input" | "run">;
  return {
    run,
    workflow,
    what: "step",
    path,
    turn,
    attempt,
    because: payload.because,
    ...(letter.run === undefined ? {} : { child: letter.run }),
    ...(letter.agent === undefined ? {} : { agent: letter.agent }),
    error: payload.error,
    ...(letter.input === undefined ? {} : { input: letter.input }),
    executionKey: executionKeyOf({ namespace, run, path, turn }),
    at,
    seq,
  };
}

function compensationLetters(
  parked: FactOf<"run.parked">,
  { run, workflow, namespace }: Place,
): readonly CompensationLetter[] {
  const { at, seq, payload } = parked;
  const { because, step, error } = payload;
  const reason: RollbackReason = { because, ...(step === undefined ? {} : { step }), error };
  // The letters are written by the saga alone, in this very form.
  return (parked.value as unknown as readonly Letter[]).map(({ run: child, ...letter }) => {
    const { path, turn } = letter;
    const place = { namespace, run, path, turn };
    return {
      run,
      workflow,
      what: letter.what,
      path,
      turn,
      ...(letter.agent === undefined ? {} : { agent: letter.agent }),
      ...(child === undefined ? {} : { child }),
      error: letter.error,
      reason,
      ...(letter.input === undefined ? {} : { input: letter.input }),
      ...(letter.output === undefined ? {} : { output: letter.output }),
      executionKey: executionKeyOf(place),
      compensationKey: compensationKeyOf(place),
      at,
      seq,
    };
  });
}
