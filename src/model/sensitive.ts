/**
 * Sensitive fields: which paths of a value may never be shown.
 *
 * A path is a JSON pointer in which `*` stands for any key or index. What a mark covers is the field itself, everything
 * under it, and every parent of it, since a parent shown whole would show the field.
 */
import type { Json, JsonObject } from "./json.ts";
import type { Tokens } from "./json-pointer.ts";
import { pointer, pointerTokens, valueAt } from "./json-pointer.ts";

/** What stands in place of a value that may not be shown. */
export const SENSITIVE = "[sensitive]";

/** Whether a path is, lies under, or contains one of the sensitive paths. */
export function touchesSensitive(sensitive: readonly string[], path: Tokens): boolean {
  for (const mark of sensitive) {
    const pattern = pointerTokens(mark) ?? [];
    const length = Math.min(pattern.length, path.length);
    let same = true;
    for (let i = 0; i < length && same; i += 1)
      same = pattern[i] === "*" || path[i] === "*" || pattern[i] === path[i];
    if (same) return true;
  }
  return false;
}

/** The value with {@link SENSITIVE} in place of whatever a mark covers from itself on; the value itself where none does. */
export function masked(value: Json, sensitive: readonly string[]): Json {
  let shown = value;
  for (const mark of sensitive) shown = withoutAt(shown, pointerTokens(mark) ?? []);
  return shown;
}

function withoutAt(value: Json, [token, ...rest]: Tokens): Json {
  if (token === undefined) return SENSITIVE;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value))
    return value.map((each, i) =>
      token === "*" || token === String(i) ? withoutAt(each, rest) : each,
    );
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      token === "*" || token === key ? withoutAt(each, rest) : each,
    ]),
  );
}

/** The keywords under which a schema speaks of the same value that it stands for itself. */
const SAME_VALUE = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"];

/** The keywords that speak of the parts of a value whose names they do not say. */
const ANY_PART = [
  "items",
  "additionalProperties",
  "unevaluatedItems",
  "unevaluatedProperties",
  "contains",
];

/**
 * The paths that a JSON Schema marks with `sensitive: true` (or `writeOnly: true` with `format: "password"`).
 * Where a schema that holds a mark refers to itself, the whole recursive part counts as sensitive.
 */
export function sensitivePaths(schema: JsonObject): readonly string[] {
  const found = new Set<string>();
  const recursive = new Set<string>();
  const visit = (node: Json | undefined, path: Tokens, refs: readonly string[]): void => {
    if (Array.isArray(node)) for (const each of node) visit(each, path, refs);
    if (!isSchema(node)) return;
    if (node["sensitive"] === true || isPassword(node)) found.add(pointer(path));
    const ref = node["$ref"] ?? node["$dynamicRef"];
    if (typeof ref === "string") {
      if (refs.includes(ref)) recursive.add(pointer(path));
      else visit(resolveRef(schema, ref), path, [...refs, ref]);
    }
    for (const keyword of SAME_VALUE) {
      const inner = node[keyword];
      if (keyword === "dependentSchemas" && isSchema(inner))
        visit(Object.values(inner), path, refs);
      else visit(inner, path, refs);
    }
    for (const keyword of ANY_PART) visit(node[keyword], [...path, "*"], refs);
    const { properties, patternProperties, prefixItems } = node;
    if (isSchema(properties))
      for (const key of Object.keys(properties)) visit(properties[key], [...path, key], refs);
    if (isSchema(patternProperties)) visit(Object.values(patternProperties), [...path, "*"], refs);
    if (Array.isArray(prefixItems))
      prefixItems.forEach((each, i) => visit(each, [...path, String(i)], refs));
  };
  visit(schema, [], ["#"]);
  return found.size === 0 ? [] : [...new Set([...found, ...recursive])].sort();
}

/** The part of a schema document that a `$ref` within it names; undefined for an unknown or remote one. */
export function resolveRef(root: JsonObject, ref: string): Json | undefined {
  if (!ref.startsWith("#")) return undefined;
  if (ref !== "#" && !ref.startsWith("#/")) return anchored(root, ref.slice(1));
  let text: string;
  try {
    text = decodeURIComponent(ref.slice(1));
  } catch {
    return undefined;
  }
  const tokens = pointerTokens(text);
  // Every part of a JSON value is a JSON value.
  return tokens === undefined ? undefined : (valueAt(root, tokens) as Json | undefined);
}

function anchored(node: Json, name: string): JsonObject | undefined {
  if (typeof node !== "object" || node === null) return undefined;
  if (isSchema(node) && (node["$anchor"] === name || node["$dynamicAnchor"] === name)) return node;
  for (const part of Object.values(node)) {
    const found = anchored(part, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isPassword(node: JsonObject): boolean {
  return node["format"] === "password" && node["writeOnly"] === true;
}

/** Whether a JSON value is an object (the form of a schema that is not just `true` or `false`). */
export function isSchema(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
