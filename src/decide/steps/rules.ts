import type { Failure } from "../../model/entry.ts";
import type { Json } from "../../model/json.ts";
import type { Performing, StepState } from "../../model/run.ts";
import type { Violation } from "../../model/violation.ts";
import type { StepDefinition, StepKind } from "../../model/workflow-definition.ts";
import type { AttemptOutcome } from "../call.ts";
import type { Deliberation } from "../turn.ts";

export type StepOf<K extends StepKind> = Extract<StepDefinition, { readonly kind: K }>;
export type OpenState = Extract<StepState, { readonly kind: "open" }>;

/** How a child run ended, as its parent is told. */
export type ChildOutcome =
  | { readonly kind: "completed"; readonly output: Json; readonly seq: number }
  | { readonly kind: "failed"; readonly error: Failure; readonly seq: number }
  /** It failed or was cancelled, and undid what it had done. */
  | { readonly kind: "compensated"; readonly error: Failure; readonly seq: number }
  | { readonly kind: "refused"; readonly violations: readonly Violation[]; readonly seq: number };

/** What a kind of step does at each of the moments that can concern it. */
export interface StepRules<S extends StepDefinition> {
  /** The step's needs are settled, and nothing is recorded of it yet in this turn. */
  readonly begin: (turn: Deliberation, step: S) => void;
  /** The step is open, and something that concerns it has changed. */
  readonly proceed?: (turn: Deliberation, step: S, state: OpenState) => void;
  /** An attempt of one of its calls gave an output. */
  readonly sealed?: (
    turn: Deliberation,
    step: S,
    performing: Performing,
    outcome: Extract<AttemptOutcome, { readonly kind: "sealed" }>,
  ) => void;
  /** A call of it was given up, for its deadline if there is one; `attempt.failed` stands in the journal already. */
  readonly givenUp?: (
    turn: Deliberation,
    step: S,
    path: string,
    error: Failure,
    deadlineAt?: number,
  ) => void;
  /** A person has given up a call that was parked. As `givenUp` if absent. */
  readonly discarded?: (turn: Deliberation, step: S, path: string, error: Failure) => void;
  readonly childEnded?: (
    turn: Deliberation,
    step: S,
    state: OpenState,
    performing: Performing,
    outcome: ChildOutcome,
  ) => void;
  /** The moment that its opening named has come. */
  readonly due?: (turn: Deliberation, step: S, state: OpenState) => void;
}
