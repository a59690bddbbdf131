import type { Author, Opening, Position } from "../../model/entry.ts";
import type { Json } from "../../model/json.ts";
import type { Reads } from "../../model/run.ts";
import type { StepDefinition, View } from "../../model/workflow-definition.ts";
import { gate, type Tried } from "../handoff.ts";
import { refuse } from "../refusal.ts";
import { type Deliberation, ENGINE, laterTurn, say } from "../turn.ts";
import type { OpenState } from "./rules.ts";

/** What a step may read, once it may begin at all; undefined where it was skipped or refused, which is said then. */
export function enter(
  turn: Deliberation,
  step: StepDefinition,
): { readonly view: View; readonly reads: Reads } | undefined {
  const passed = gate(turn.run, step);
  if (passed.kind === "pass") return passed;
  if (passed.kind === "refused") refuse(turn, step, passed.violations, passed.reads);
  else {
    say(turn, {
      kind: "step.skipped",
      path: step.name,
      ...laterTurn(turn.run, step.name),
      by: ENGINE,
      reads: passed.reads,
      payload: { reason: "when" },
    });
  }
  return undefined;
}

/**
 * Opens a step that is more than one call: the gate, then what the step decides (its case, its list, its due time), which
 * is recorded before anything follows from it.
 */
export function open(
  turn: Deliberation,
  step: StepDefinition,
  decideOpening: (view: View) => Tried<{ readonly opening: Opening; readonly value?: Json }>,
): void {
  const passed = enter(turn, step);
  if (passed === undefined) return;
  const decided = decideOpening(passed.view);
  if (!decided.ok) return refuse(turn, step, decided.violations, passed.reads);
  const { opening, value } = decided.value;
  say(turn, {
    kind: "step.opened",
    path: step.name,
    turn: turn.run.turns.get(step.name) ?? 0,
    by: ENGINE,
    reads: passed.reads,
    payload: opening,
    ...(value === undefined ? {} : { value }),
  });
}

/** Seals an open step with what it came to. `by` is the engine, unless somebody answered. */
export function sealOpen(
  turn: Deliberation,
  step: string,
  { reads }: OpenState,
  value: Json,
  more: { readonly by?: Author; readonly causation?: Position; readonly timedOut?: true } = {},
): void {
  const { by = ENGINE, causation, timedOut } = more;
  say(turn, {
    kind: "step.sealed",
    path: step,
    turn: turn.run.turns.get(step) ?? 0,
    by,
    reads,
    ...(causation === undefined ? {} : { causation }),
    payload: timedOut === undefined ? {} : { timedOut },
    value,
  });
}
