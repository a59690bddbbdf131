/** Which calls of a run may be under way, as far as its journal tells: a replayable attempt leaves nothing in it before it ends. */
import type { Run } from "../model/run.ts";
import type { StepDefinition, SubscriptionStep } from "../model/workflow-definition.ts";
import { isFirstInLine } from "./bus.ts";

/**
 * The calls of a step that may have been executing: a map begins its items in order, no more at a time than it may. `run` is a
 * fold, of which nothing is under way; `isPausing` says of a call that it was not to begin yet.
 */
export function readyPaths(
  run: Run,
  step: StepDefinition,
  isPausing: (path: string) => boolean,
): readonly string[] {
  const { name } = step;
  if (step.kind === "subscription") return readyDeliveries(run, step, isPausing);
  const state = run.steps.get(name);
  if (state === undefined) {
    return step.kind === "agent" && run.agenda.has(name) && !isPausing(name) ? [name] : [];
  }
  if (state.kind !== "open") return [];
  if (step.kind === "branch") return isPausing(name) ? [] : [name];
  const { items } = state;
  if (items === undefined) return [];
  if (step.kind === "repeat") return [`${name}#${items.settled}`];
  if (step.kind !== "map") return [];
  const again = [...run.calls.keys()].filter((path) => path.startsWith(`${name}[`)).length;
  const begun = items.settled + step.concurrency + again;
  return items.list
    .slice(0, begun)
    .flatMap((_, index) => (items.results[index] === undefined ? [`${name}[${index}]`] : []));
}

/** Deliveries to an agent that nothing stands before; what a run of its own handles is that run's affair. */
function readyDeliveries(
  run: Run,
  { name, target }: SubscriptionStep,
  isPausing: (path: string) => boolean,
): readonly string[] {
  if (target.kind !== "agent") return [];
  const ready: string[] = [];
  for (const [path, delivery] of run.bus?.deliveries ?? []) {
    if (delivery.step !== name || run.steps.has(path) || isPausing(path)) continue;
    if (isFirstInLine(run, delivery, path)) ready.push(path);
  }
  return ready;
}
