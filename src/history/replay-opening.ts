/** What replay compares of an opening: the case, the list, the moment, what was shown. */
import { type Tried, tryCall, viewOf } from "../decide/handoff.ts";
import type { FactOf, Opening } from "../model/entry.ts";
import { parseIsoTime } from "../model/iso-time.ts";
import { type Json, sealJson } from "../model/json.ts";
import { sameJson } from "../model/json-pointer.ts";
import type { StepDefinition, View } from "../model/workflow-definition.ts";
import { differ, type Replaying, saysRefused } from "./replay-difference.ts";

type Opened = FactOf<"step.opened">;

/** What today's code makes of an opening that was recorded: nothing if it is the same. */
interface Deviation {
  readonly what: "branch" | "width" | "timer" | "shown";
  readonly message: string;
  readonly recorded: Json;
  readonly today: Json;
}

/** Compares what a step of several entries decided when it was opened. */
export function compareOpening(replaying: Replaying, fact: Opened, step: StepDefinition): void {
  const { payload: opening } = fact;
  if (opening.step !== step.kind) {
    const message = `Today the step is a ${step.kind}.`;
    return differ(replaying, fact, {
      what: "step",
      message,
      recorded: opening.step,
      today: step.kind,
    });
  }
  const { view } = viewOf(replaying.run, step.needs);
  const tried = deviation(opening, fact.value ?? null, step, view);
  if (!tried.ok) saysRefused(replaying, fact, tried);
  else if (tried.value !== undefined) differ(replaying, fact, tried.value);
}

function deviation(
  opening: Opening,
  value: Json,
  step: StepDefinition,
  view: View,
): Tried<Deviation | undefined> {
  if (step.kind === "branch" && opening.step === "branch") {
    return tryCall("choose", () => {
      const today = step.choose(view);
      const message = "Today another case would be chosen.";
      return today === opening.case
        ? undefined
        : { what: "branch", message, recorded: opening.case, today };
    });
  }
  if (step.kind === "map" && opening.step === "map") {
    return tryCall("over", () =>
      listDeviation(value, sealJson(step.over(view), `list of ${step.name}`)),
    );
  }
  if (step.kind === "sleep" && step.wake.kind === "at" && opening.step === "sleep") {
    const { at } = step.wake;
    return tryCall("until", () => {
      const today = parseIsoTime(at(view));
      const message = "Today it would wake at another time.";
      return today === opening.dueAt
        ? undefined
        : { what: "timer", message, recorded: opening.dueAt, today };
    });
  }
  if (step.kind !== "approval") return { ok: true, value: undefined };
  return tryCall("show", () => {
    const today = sealJson(step.show(view), `what ${step.name} shows`);
    const message = "Today the person would be shown something else.";
    return sameJson(today, value) ? undefined : { what: "shown", message, recorded: value, today };
  });
}

function listDeviation(recorded: Json, today: Json): Deviation | undefined {
  const [was, is] = [recorded, today].map((list) => (Array.isArray(list) ? list.length : -1));
  if (was !== is) {
    return {
      what: "width",
      message: "Today the list has another length.",
      recorded: was ?? -1,
      today: is ?? -1,
    };
  }
  if (sameJson(today, recorded)) return undefined;
  return { what: "width", message: "Today the list has other items.", recorded, today };
}
