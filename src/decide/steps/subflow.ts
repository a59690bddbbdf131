import { viewOf } from "../handoff.ts";
import { childEnded, childRunId, startChild } from "./child.ts";
import { open } from "./opening.ts";
import type { StepOf, StepRules } from "./rules.ts";

/** Another workflow as a step: a child run with a journal of its own. */
export const subflowRules: StepRules<StepOf<"subflow">> = {
  begin: (turn, step) =>
    open(turn, step, () => ({
      ok: true,
      value: { opening: { step: "subflow", run: childRunId(turn.run, step.name) } },
    })),
  proceed: (turn, step, state) => {
    const { view } = viewOf(turn.run, step.needs);
    startChild(turn, step, state, step.workflow, () => step.input(view));
  },
  childEnded: (turn, step, state, _performing, outcome) => childEnded(turn, step, state, outcome),
};
