/** In what two graphs of a workflow differ, in sentences. */
import { sameJson } from "./json-pointer.ts";
import { type Json, type JsonObject, pointerToken } from "./json.ts";

/** More would not be read; the rest is counted. */
const SCHEMA_CHANGES_MAX = 5;

/**
 * How the graph `after` differs from `before` (both from `graphOf`), one sentence a difference, as in
 * `step risk: needs changed from [score] to [income, score]`. Empty if they are the same.
 */
export function graphDifference(before: JsonObject, after: JsonObject): readonly string[] {
  const sentences: string[] = [];
  for (const key of keysOfBoth(
    without(before, "steps", "contracts"),
    without(after, "steps", "contracts"),
  )) {
    sentences.push(...changed(key, before[key], after[key]));
  }
  for (const { key, was, is } of pairs(before["steps"], after["steps"])) {
    if (was === undefined) sentences.push(`step ${key}: added`);
    else if (is === undefined) sentences.push(`step ${key}: removed`);
    else sentences.push(...stepDifference(`step ${key}`, was, is));
  }
  for (const { key, was, is } of pairs(before["contracts"], after["contracts"])) {
    // A contract that came or went did so with what uses it, which has a sentence already.
    if (was !== undefined && is !== undefined)
      sentences.push(...contractDifference(`contract ${key}`, was, is));
  }
  return sentences;
}

function stepDifference(where: string, was: JsonObject, is: JsonObject): string[] {
  if (was["kind"] !== is["kind"]) return changed(`${where}: kind`, was["kind"], is["kind"]);
  return keysOfBoth(was, is).flatMap((key) => {
    if (key === "cases") return casesDifference(where, was[key], is[key]);
    if (key === "agent") return agentDifference(where, was[key], is[key]);
    return changed(`${where}: ${key}`, was[key], is[key]);
  });
}

function casesDifference(
  where: string,
  before: Json | undefined,
  after: Json | undefined,
): string[] {
  return pairs(before, after).flatMap(({ key, was, is }) => {
    const at = `${where}: case ${key}`;
    if (was === undefined) return [`${at} added`];
    if (is === undefined) return [`${at} removed`];
    if ("agent" in was && "agent" in is) return agentDifference(at, was["agent"], is["agent"]);
    return changed(`${at}: target`, targetOf(was), targetOf(is));
  });
}

function targetOf(place: JsonObject): string {
  const { agent, workflow } = place;
  return workflow === undefined
    ? `agent ${shown(objectOf(agent)["name"])}`
    : `workflow ${shown(workflow)}`;
}

function agentDifference(
  where: string,
  before: Json | undefined,
  after: Json | undefined,
): string[] {
  const was = objectOf(before);
  const is = objectOf(after);
  return [
    ...changed(`${where}: agent`, was["name"], is["name"]),
    ...changed(`${where}: input contract`, was["input"], is["input"]),
    ...changed(`${where}: output contract`, was["output"], is["output"]),
  ];
}

function contractDifference(where: string, was: JsonObject, is: JsonObject): string[] {
  const places = differences(was["schema"], is["schema"], "");
  const shown = places.slice(0, SCHEMA_CHANGES_MAX).map((place) => `${where}: schema ${place}`);
  const more = places.length - shown.length;
  return [
    ...changed(`${where}: rules`, was["rules"], is["rules"]),
    ...shown,
    ...(more > 0 ? [`${where}: schema changed in ${more} more places`] : []),
  ];
}

/** Each place in which two JSON values differ, with what was there. */
function differences(was: Json | undefined, is: Json | undefined, path: string): string[] {
  if (was !== undefined && is !== undefined && sameJson(was, is)) return [];
  if (!isObject(was) || !isObject(is))
    return changed(path === "" ? "as a whole" : `at ${path}`, was, is);
  return keysOfBoth(was, is).flatMap((key) =>
    differences(was[key], is[key], `${path}/${pointerToken(key)}`),
  );
}

function changed(what: string, was: Json | undefined, is: Json | undefined): string[] {
  if (was === undefined && is === undefined) return [];
  if (was === undefined) return [`${what} added: ${shown(is)}`];
  if (is === undefined) return [`${what} removed, was ${shown(was)}`];
  return sameJson(was, is) ? [] : [`${what} changed from ${shown(was)} to ${shown(is)}`];
}

const SHOWN_LENGTH_MAX = 120;

function shown(value: Json | undefined): string {
  if (value === null || value === undefined) return "none";
  if (typeof value === "string") return value;
  const words = Array.isArray(value) && value.every((each) => typeof each === "string");
  const text = words ? `[${value.join(", ")}]` : JSON.stringify(value);
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}...` : text;
}

interface Pair {
  readonly key: string;
  readonly was: JsonObject | undefined;
  readonly is: JsonObject | undefined;
}

function pairs(before: Json | undefined, after: Json | undefined): readonly Pair[] {
  const was = objectOf(before);
  const is = objectOf(after);
  return keysOfBoth(was, is).map((key) => ({
    key,
    was: key in was ? objectOf(was[key]) : undefined,
    is: key in is ? objectOf(is[key]) : undefined,
  }));
}

function without(object: JsonObject, ...keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}

function keysOfBoth(one: JsonObject, other: JsonObject): readonly string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])];
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}
