import { isoTime, parseIsoTime } from "../../model/iso-time.ts";
import { tryCall } from "../handoff.ts";
import { open, sealOpen } from "./opening.ts";
import type { StepOf, StepRules } from "./rules.ts";

/** A pause, as an absolute moment in the journal: a restart neither shortens nor prolongs it. */
export const sleepRules: StepRules<StepOf<"sleep">> = {
  begin: (turn, step) =>
    open(turn, step, (view) =>
      tryCall("until", () => {
        const { wake } = step;
        const dueAt =
          wake.kind === "after"
            ? Math.max(turn.run.at, turn.nowMs) + wake.afterMs
            : parseIsoTime(wake.at(view));
        return { opening: { step: "sleep", dueAt } };
      }),
    ),
  due: (turn, step, state) => {
    if (state.opening.step !== "sleep") return;
    sealOpen(turn, step.name, state, Object.freeze({ dueAt: isoTime(state.opening.dueAt) }));
  },
};
