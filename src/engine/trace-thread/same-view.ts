/** Whether a call whose end is in the journal would be given the same today: then its input would be the same. */
import { deliveryView } from "../../decide/bus.ts";
import { viewOf } from "../../decide/handoff.ts";
import { parsePath } from "../../decide/path.ts";
import { itemsOf } from "../../decide/step-call.ts";
import type { EndedCall } from "../../history/trace/content.ts";
import type { Reads } from "../../model/run.ts";

/** False also where that can't be told. */
export function hasSameView(ended: EndedCall): boolean {
  const { call, fact, run, step } = ended;
  // A fallback may have a contract of its own.
  if (fact.agent !== call.agent.id || fact.reads === undefined) return false;
  if ((fact.turn ?? 0) !== (run.turns.get(step.name) ?? 0)) return false;
  const reads = readsToday(ended);
  return reads !== undefined && isSame(reads, fact.reads) && hasItem(ended);
}

function readsToday({ run, step, path }: EndedCall): Reads | undefined {
  if (step.kind !== "subscription") return viewOf(run, step.needs).reads;
  const delivery = run.bus?.deliveries.get(path);
  return delivery === undefined ? undefined : deliveryView(run, step, delivery).reads;
}

function isSame(some: Reads, others: Reads): boolean {
  const keys = Object.keys(some);
  return (
    keys.length === Object.keys(others).length && keys.every((key) => some[key] === others[key])
  );
}

/** What a call is given besides its view: an item of the list, the output of the round before. */
function hasItem({ run, step, path }: EndedCall): boolean {
  if (step.kind !== "map" && step.kind !== "repeat") return true;
  const items = itemsOf(run, step);
  const { index } = parsePath(path);
  if (items === undefined) return false;
  if (step.kind === "map") return index < items.list.length;
  return index === 0 || items.results[index - 1]?.ok === true;
}
