import { BatonError } from "../../model/errors.ts";
import type { Json } from "../../model/json.ts";
import { sealJson } from "../../model/json.ts";
import type { ItemResult, Items, Run } from "../../model/run.ts";
import type { View } from "../../model/workflow-definition.ts";
import { execute, isWaitedFor, mayCall, sealing } from "../call.ts";
import { refusalFailure, tryCall, tryInput, viewOf } from "../handoff.ts";
import { failStep, refuse } from "../refusal.ts";
import { heldItems } from "../hold.ts";
import { type Deliberation, ENGINE, laterTurn, say } from "../turn.ts";
import { open, sealOpen } from "./opening.ts";
import type { OpenState, StepOf, StepRules } from "./rules.ts";

type MapStep = StepOf<"map">;

/** One call for each item of a list, at most `concurrency` at a time. Items make no versions; one entry closes the map. */
export const mapRules: StepRules<MapStep> = {
  begin: (turn, step) => {
    open(turn, step, (view) =>
      tryCall("over", () => {
        const list = sealJson(step.over(view), `list of ${step.name}`);
        const width = Array.isArray(list) ? list.length : -1;
        checkWidth(step.name, width, turn.run.limits.mapWidthMax);
        return { opening: { step: "map", width }, value: list };
      }),
    );
  },
  proceed: (turn, step, state) => {
    const { items } = state;
    if (items === undefined) return;
    if (items.settled === items.list.length) return close(turn, step, state, items);
    const { view } = viewOf(turn.run, step.needs);
    // An item that waits for a breaker keeps its place: else a whole list would queue up before it.
    while (items.executing + heldItems(turn.run, step.name, turn.nowMs) < step.concurrency) {
      const index = nextIndex(turn, step.name, items);
      if (index === undefined) break;
      if (!beginItem(turn, step, state, items, index, view)) return;
    }
    if (items.settled === items.list.length) close(turn, step, state, items);
  },
  sealed: (turn, step, performing, outcome) => {
    // A map that has failed over another item keeps what this one gave, for the record.
    if (turn.run.steps.get(step.name)?.kind === "open") itemsOf(turn, step).executing -= 1;
    say(turn, { kind: "item.sealed", ...sealing(performing, outcome) });
  },
  givenUp: (turn, step, path, error, deadlineAt) => {
    itemsOf(turn, step).executing -= 1;
    if (step.failures === "all") return failStep(turn, step.name, error, deadlineAt, path);
    const missed = deadlineAt === undefined ? {} : { deadlineAt };
    const later = laterTurn(turn.run, step.name);
    say(turn, { kind: "item.failed", path, ...later, by: ENGINE, payload: { error, ...missed } });
  },
};

/** Refuses what is not a list (a width below 0), and a list that is wider than it may be. @throws BatonError */
export function checkWidth(step: string, width: number, widthMax: number): void {
  if (width < 0)
    throw new BatonError("VALUE_NOT_JSON", `over of ${step} gave something that is not a list.`);
  if (width > widthMax) {
    throw new BatonError(
      "VALUE_TOO_LARGE",
      `The list of ${step} has ${width} items; limits.mapWidthMax is ${widthMax}.`,
    );
  }
}

function itemsOf(turn: Deliberation, step: MapStep): Items {
  const state = turn.run.steps.get(step.name);
  if (state?.kind !== "open" || state.items === undefined) {
    throw new BatonError(
      "INVARIANT_BROKEN",
      `Map ${step.name} of run ${turn.run.id} has an item but is not open.`,
    );
  }
  return state.items;
}

/** The next item to begin: one whose retry is due, else the next of the list. An index can stand in both places after a restart. */
function nextIndex(turn: Deliberation, step: string, items: Items): number | undefined {
  const mayBegin = (index: number) =>
    items.results[index] === undefined && mayCall(turn.run, `${step}[${index}]`, turn.nowMs);
  for (let index = items.again.pop(); index !== undefined; index = items.again.pop())
    // Its time had come when it was put there; a clock that has gone back since must not make it be forgotten.
    if (items.results[index] === undefined && isFree(turn.run, `${step}[${index}]`)) return index;
  while (items.next < items.list.length) {
    const index = items.next;
    items.next += 1;
    if (mayBegin(index)) return index;
  }
  return undefined;
}

/** Nothing of it is under way, and nobody is asked about it. */
function isFree(run: Run, path: string): boolean {
  return !run.performing.has(path) && !isWaitedFor(run, path);
}

/** Gives false if the step itself failed over this item. */
function beginItem(
  turn: Deliberation,
  step: MapStep,
  state: OpenState,
  items: Items,
  index: number,
  view: View,
): boolean {
  const path = `${step.name}[${index}]`;
  const item: Json = items.list[index] ?? null;
  const input = tryInput(step.agent.input, `input of ${path}`, () => step.input(item, index, view));
  if (input.ok) {
    items.executing += 1;
    execute(turn, {
      step: step.name,
      path,
      agent: step.agent,
      input: input.value,
      reads: state.reads,
    });
    return true;
  }
  if (step.failures === "all") {
    refuse(turn, step, input.violations, state.reads, path);
    // An item that waits for a person keeps no other from beginning.
    return turn.run.parked.has(path);
  }
  say(turn, {
    kind: "handoff.refused",
    path,
    ...laterTurn(turn.run, step.name),
    by: ENGINE,
    reads: state.reads,
    payload: { violations: input.violations, then: { kind: "goOn" } },
  });
  say(turn, {
    kind: "item.failed",
    path,
    ...laterTurn(turn.run, step.name),
    by: ENGINE,
    payload: { error: refusalFailure(path, input.violations) },
  });
  return true;
}

function close(turn: Deliberation, step: MapStep, state: OpenState, items: Items): void {
  const outputs = items.results.map((result) =>
    step.failures === "all" ? valueOf(result) : settledItem(result),
  );
  sealOpen(turn, step.name, state, Object.freeze(outputs));
}

function valueOf(result: ItemResult | undefined): Json {
  return result?.ok === true ? result.value : null;
}

function settledItem(result: ItemResult | undefined): Json {
  if (result?.ok === true) return Object.freeze({ ok: true, value: result.value });
  return sealJson(
    { error: { code: result?.error.code ?? "", message: result?.error.message ?? "" }, ok: false },
    "failed item",
  );
}
