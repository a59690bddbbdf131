/**
 * What a run or a delivery is called whatever the time: its id and its path have the numbers of entries in them, and those
 * differ between two lives of one seed.
 */
import type { Json, JsonObject } from "../../model/json.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { canonicalJson } from "../../journal/canonical.ts";
import { chanceAt } from "./chance.ts";

/** The name without the numbers of entries, and without what is computed from them. */
export function timeless(name: string): string {
  return name.replace(/([#@])\d+|:@[0-9a-f]{32}/g, (_, sign: string | undefined) => sign ?? ":@");
}

/** Whether any of the workflows publishes, or takes events. */
export function isEventful(workflows: Iterable<WorkflowDefinition>): boolean {
  for (const { choreography, steps } of workflows) {
    if (choreography !== undefined) return true;
    if (steps.some(({ kind }) => kind === "emit" || kind === "event")) return true;
  }
  return false;
}

/** What an entry's payload says under a key that the engine writes a text under. */
export function textIn(payload: JsonObject, key: string): string {
  const value = payload[key];
  return typeof value === "string" ? value : "";
}

/** A short name for a value: the same for the same one. */
export function tagOf(value: Json): string {
  return chanceAt(0, canonicalJson(value)).toString(36).slice(2, 10);
}
