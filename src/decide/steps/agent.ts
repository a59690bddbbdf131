import { execute, mayCall, sealing } from "../call.ts";
import { tryInput } from "../handoff.ts";
import { failStep, refuse } from "../refusal.ts";
import { say } from "../turn.ts";
import { enter } from "./opening.ts";
import type { StepOf, StepRules } from "./rules.ts";

/** One call of one agent. Its happy path is one entry: that it must run follows from the journal. */
export const agentRules: StepRules<StepOf<"agent">> = {
  begin: (turn, step) => {
    const { run } = turn;
    if (!mayCall(run, step.name, turn.nowMs)) return;
    const passed = enter(turn, step);
    if (passed === undefined) return;
    const input = tryInput(step.agent.input, `input of ${step.name}`, () =>
      step.input(passed.view),
    );
    if (!input.ok) return refuse(turn, step, input.violations, passed.reads);
    execute(turn, {
      step: step.name,
      path: step.name,
      agent: step.agent,
      input: input.value,
      reads: passed.reads,
    });
  },
  sealed: (turn, _step, performing, outcome) => {
    say(turn, { kind: "step.sealed", ...sealing(performing, outcome) });
  },
  givenUp: (turn, step, _path, error, deadlineAt) => failStep(turn, step.name, error, deadlineAt),
};
