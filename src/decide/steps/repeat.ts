import { execute, mayCall, sealing } from "../call.ts";
import { tryCall, tryInput, viewOf } from "../handoff.ts";
import { failStep, refuse } from "../refusal.ts";
import { say } from "../turn.ts";
import { open, sealOpen } from "./opening.ts";
import type { StepOf, StepRules } from "./rules.ts";

type RepeatStep = StepOf<"repeat">;

/** One call after another, each given the output of the one before, until a rule holds or the limit is met. */
export const repeatRules: StepRules<RepeatStep> = {
  begin: (turn, step) =>
    open(turn, step, () => ({ ok: true, value: { opening: { step: "repeat" } } })),
  proceed: (turn, step, state) => {
    const { run } = turn;
    const round = state.items?.settled ?? 0;
    const last = state.items?.results[round - 1];
    const previous = last?.ok === true ? last.value : undefined;
    const { view } = viewOf(run, step.needs);
    if (previous !== undefined) {
      const done = tryCall("until", () => step.until(previous, round - 1, view));
      if (!done.ok) return refuse(turn, step, done.violations, state.reads);
      if (done.value || (round >= step.limit && step.atLimit === "last"))
        return sealOpen(turn, step.name, state, previous);
      if (round >= step.limit) {
        return failStep(turn, step.name, {
          code: "REPEAT_LIMIT",
          message: `${step.name} has gone ${round} rounds, its limit, and its rule does not hold.`,
        });
      }
    }
    const path = `${step.name}#${round}`;
    if (!mayCall(run, path, turn.nowMs)) return;
    const input = tryInput(step.agent.input, `input of ${path}`, () =>
      step.input(view, previous, round),
    );
    if (!input.ok) return refuse(turn, step, input.violations, state.reads, path);
    execute(turn, {
      step: step.name,
      path,
      agent: step.agent,
      input: input.value,
      reads: state.reads,
    });
  },
  sealed: (turn, _step, performing, outcome) => {
    say(turn, { kind: "item.sealed", ...sealing(performing, outcome) });
  },
  givenUp: (turn, step, path, error, deadlineAt) =>
    failStep(turn, step.name, error, deadlineAt, path),
};
