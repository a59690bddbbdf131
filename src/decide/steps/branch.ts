import { execute, mayCall, sealing } from "../call.ts";
import { tryCall, tryInput, viewOf } from "../handoff.ts";
import { failStep, refuse } from "../refusal.ts";
import { say } from "../turn.ts";
import { childEnded, childRunId, startChild } from "./child.ts";
import { open } from "./opening.ts";
import type { StepOf, StepRules } from "./rules.ts";

/** One of several ways on, chosen once and recorded before it is gone. */
export const branchRules: StepRules<StepOf<"branch">> = {
  begin: (turn, step) =>
    open(turn, step, (view) => {
      const chosen = tryCall("choose", () => step.choose(view));
      if (!chosen.ok) return chosen;
      const taken = step.cases.get(chosen.value);
      if (taken === undefined) {
        const message = `choose of ${step.name} gave "${chosen.value}", which is not one of its cases.`;
        return {
          ok: false,
          violations: [{ contract: "mapping", path: "", rule: "choose", message }],
        };
      }
      const run = taken.kind === "workflow" ? { run: childRunId(turn.run, step.name) } : {};
      return { ok: true, value: { opening: { step: "branch", case: chosen.value, ...run } } };
    }),
  proceed: (turn, step, state) => {
    if (state.opening.step !== "branch" || !mayCall(turn.run, step.name, turn.nowMs)) return;
    const taken = step.cases.get(state.opening.case);
    if (taken === undefined) {
      return failStep(turn, step.name, {
        code: "CASE_GONE",
        message: `Case "${state.opening.case}" is no longer in the workflow.`,
      });
    }
    const { view } = viewOf(turn.run, step.needs);
    if (taken.kind === "workflow") {
      return startChild(turn, step, state, taken.workflow, () => taken.input(view));
    }
    const input = tryInput(taken.agent.input, `input of ${step.name}`, () => taken.input(view));
    if (!input.ok) return refuse(turn, step, input.violations, state.reads);
    execute(turn, {
      step: step.name,
      path: step.name,
      agent: taken.agent,
      input: input.value,
      reads: state.reads,
    });
  },
  sealed: (turn, _step, performing, outcome) => {
    say(turn, { kind: "step.sealed", ...sealing(performing, outcome) });
  },
  givenUp: (turn, step, _path, error, deadlineAt) => failStep(turn, step.name, error, deadlineAt),
  childEnded: (turn, step, state, _performing, outcome) => childEnded(turn, step, state, outcome),
};
