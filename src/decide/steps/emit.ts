import { nextHops } from "../bus.ts";
import { dataOf, publish, tryEvent } from "../publish.ts";
import { refuse } from "../refusal.ts";
import { ENGINE, say } from "../turn.ts";
import { enter } from "./opening.ts";
import type { StepOf, StepRules } from "./rules.ts";

/** Publishes an event, and says in its output which one. Nothing is under way in between. */
export const emitRules: StepRules<StepOf<"emit">> = {
  begin: (turn, step) => {
    const passed = enter(turn, step);
    if (passed === undefined) return;
    const { view, reads } = passed;
    const event = tryEvent(step.topic, `data of ${step.name}`, dataOf(step.data, view));
    if (!event.ok) return refuse(turn, step, event.violations, reads);
    if (event.value === undefined) {
      const message = `data of ${step.name} gave nothing to publish.`;
      const violation = { contract: "mapping", path: "", rule: "data", message };
      return refuse(turn, step, [violation], reads);
    }
    const id = publish(turn, step.name, event.value, { hops: nextHops(turn.run), reads });
    if (id === undefined) return;
    say(turn, {
      kind: "step.sealed",
      path: step.name,
      turn: turn.run.turns.get(step.name) ?? 0,
      by: ENGINE,
      reads,
      payload: {},
      value: Object.freeze({ id, topic: step.topic.name }),
    });
  },
};
