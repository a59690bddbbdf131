import type { Opening } from "../../model/entry.ts";
import type { Json } from "../../model/json.ts";
import type { StepDefinition, View } from "../../model/workflow-definition.ts";
import { gate, refuse, type Tried } from "../handoff.ts";
import { type Deliberation, ENGINE, say } from "../turn.ts";

/**
 * Opens a step that is more than one call: the gate, then what the step decides (its case, its list, its due time), which
 * is recorded before anything follows from it.
 */
export function open(
  turn: Deliberation,
  step: StepDefinition,
  decideOpening: (view: View) => Tried<{ readonly opening: Opening; readonly value?: Json }>,
): void {
  const passed = gate(turn.run, step);
  if (passed.kind === "skip") {
    say(turn, {
      kind: "step.skipped",
      path: step.name,
      by: ENGINE,
      reads: passed.reads,
      payload: { reason: "when" },
    });
    return;
  }
  if (passed.kind === "refused") return refuse(turn, step, passed.violations, passed.reads);
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
