/** Dead letters: compensations that failed for good and wait for a person, read from a run's journal alone. */
import { compensationKeyOf, executionKeyOf } from "../journal/idempotency.ts";
import { endsRun, type Failure, type FactOf, type RollbackReason } from "../model/entry.ts";
import type { Json } from "../model/json.ts";
import { factOf, type RecordedEntry, runIdOf } from "./read.ts";

/** Everything that it takes to undo by hand what could not be undone, and to say so. */
export interface DeadLetter {
  readonly run: string;
  /** `name@version` */
  readonly workflow: string;
  readonly path: string;
  readonly turn: number;
  /** `result`: of an agent; `unknown`: an attempt that may have acted; `run`: a child run. */
  readonly what: "result" | "unknown" | "run";
  readonly agent?: string;
  /** The child run that could not be compensated. */
  readonly child?: string;
  /** Why the compensation failed; OUTCOME_UNKNOWN where it was never tried. */
  readonly error: Failure;
  /** Why the run goes back. */
  readonly reason: RollbackReason;
  /** What the agent was given; absent where it can't be computed any more. */
  readonly input?: Json;
  /** What it gave; absent where that is not known. */
  readonly output?: Json;
  /** Under which outside systems know what was executed, and what should have undone it. */
  readonly executionKey: string;
  readonly compensationKey: string;
  /** When the run was parked; milliseconds since 1970. */
  readonly at: number;
  readonly seq: number;
}

/** A letter as the decider wrote it. */
interface Letter {
  readonly what: DeadLetter["what"];
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
  for (const recorded of entries) {
    const fact = factOf(recorded);
    ended = endsRun(fact.kind, ended);
    if (fact.kind === "run.started") workflow = fact.payload.workflow;
    if (fact.kind === "run.parked") parked = fact;
    if (fact.kind === "compensation.resolved") parked = undefined;
  }
  if (parked === undefined || ended) return [];
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
