/**
 * What a JSON Schema says, read off its keywords: which types, which bounds, which values.
 *
 * A schema is held as a list of conjuncts: objects that must all be satisfied, with `$ref` and `allOf` taken apart. To leave
 * a conjunct out makes the set of values larger, which is safe on the writer's side of a comparison and nowhere else.
 */
import type { Json, JsonObject } from "./json.ts";
import { sameJson } from "./json-pointer.ts";
import { RULES_KEYWORD } from "./schema-derivation.ts";
import { isSchema, resolveRef } from "./sensitive.ts";

/** Schema objects that must all hold. */
export type Conjuncts = readonly JsonObject[];

export type JsonType = "null" | "boolean" | "integer" | "number" | "string" | "array" | "object";

const ALL_TYPES: readonly JsonType[] = ["null", "boolean", "number", "string", "array", "object"];

/** Keywords that say nothing about which values are valid. Those that begin with `x-` are such too, unless we define them. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  "$schema",
  "$id",
  "$anchor",
  "$comment",
  "$defs",
  "definitions",
  "title",
  "description",
  "default",
  "deprecated",
  "examples",
  "example",
  "readOnly",
  "writeOnly",
  "contentEncoding",
  "contentMediaType",
  "contentSchema",
  "discriminator",
  "externalDocs",
  "xml",
  "sensitive",
  RULES_KEYWORD,
]);

/** Whether a keyword says nothing about which values are valid. */
export function isAnnotation(keyword: string): boolean {
  return ANNOTATIONS.has(keyword) || (keyword.startsWith("x-") && !keyword.startsWith("x-baton-"));
}

/**
 * Schemas as conjuncts, without their `$ref` and `allOf`; undefined if one of them is `false`, which no value satisfies.
 * A reference that can't be followed stays in its conjunct as the keyword `$ref`.
 */
export function conjunctsOf(root: JsonObject, schemas: readonly Json[]): Conjuncts | undefined {
  const seen = new Set<JsonObject>();
  const found = new Set<JsonObject>();
  const add = (schema: Json): boolean => {
    if (schema === false) return false;
    if (!isSchema(schema) || seen.has(schema)) return true;
    seen.add(schema);
    const { $ref: ref, allOf: all } = schema;
    const target = typeof ref === "string" ? resolveRef(root, ref) : undefined;
    found.add(
      target === undefined && !Array.isArray(all)
        ? schema
        : without(schema, target === undefined ? ["allOf"] : ["$ref", "allOf"]),
    );
    if (target !== undefined && !add(target)) return false;
    return !Array.isArray(all) || all.every(add);
  };
  return schemas.every(add) ? [...found] : undefined;
}

const REDUCED = new WeakMap<JsonObject, Map<string, JsonObject>>();

/** A schema without some keywords; the same object each time, since comparisons are recognised by identity. */
export function without(schema: JsonObject, keywords: readonly string[]): JsonObject {
  const known = REDUCED.get(schema) ?? new Map<string, JsonObject>();
  REDUCED.set(schema, known);
  const name = keywords.join();
  const reduced =
    known.get(name) ??
    Object.fromEntries(Object.entries(schema).filter(([key]) => !keywords.includes(key)));
  known.set(name, reduced);
  return reduced;
}

/** The types that values of all conjuncts may have; `number` includes whole numbers, so `integer` stands alone. */
export function typesOf(conjuncts: Conjuncts): readonly JsonType[] {
  let types = ALL_TYPES;
  for (const { type } of conjuncts) {
    if (type === undefined) continue;
    const named: readonly Json[] = Array.isArray(type) ? type : [type];
    types = types.flatMap((each): JsonType[] => {
      if (named.includes(each) || (each === "integer" && named.includes("number"))) return [each];
      return each === "number" && named.includes("integer") ? ["integer"] : [];
    });
  }
  return types;
}

/** The values of the shortest `enum` or `const` among the conjuncts; undefined if there is none. */
export function finiteValues(conjuncts: Conjuncts): readonly Json[] | undefined {
  let shortest: readonly Json[] | undefined;
  for (const conjunct of conjuncts) {
    const { const: constant, enum: values } = conjunct;
    if (constant !== undefined) return [constant];
    if (Array.isArray(values) && (shortest === undefined || values.length < shortest.length))
      shortest = values;
  }
  return shortest;
}

/** The numbers under one keyword, of all conjuncts that have it. */
export function numbersOf(conjuncts: Conjuncts, keyword: string): readonly number[] {
  return conjuncts.map((each) => each[keyword]).filter((each) => typeof each === "number");
}

/** One end of a range of numbers. */
export interface Bound {
  readonly value: number;
  readonly exclusive: boolean;
}

/** The lower bound; for whole numbers always an inclusive one. */
export function lowerBound(conjuncts: Conjuncts, whole: boolean): Bound {
  const inclusive = Math.max(-Infinity, ...numbersOf(conjuncts, "minimum"));
  const exclusive = Math.max(-Infinity, ...numbersOf(conjuncts, "exclusiveMinimum"));
  if (!whole)
    return exclusive >= inclusive && exclusive > -Infinity ? open(exclusive) : closed(inclusive);
  return closed(Math.max(Math.ceil(inclusive), Math.floor(exclusive) + 1));
}

/** The upper bound; for whole numbers always an inclusive one. */
export function upperBound(conjuncts: Conjuncts, whole: boolean): Bound {
  const inclusive = Math.min(Infinity, ...numbersOf(conjuncts, "maximum"));
  const exclusive = Math.min(Infinity, ...numbersOf(conjuncts, "exclusiveMaximum"));
  if (!whole)
    return exclusive <= inclusive && exclusive < Infinity ? open(exclusive) : closed(inclusive);
  return closed(Math.min(Math.floor(inclusive), Math.ceil(exclusive) - 1));
}

function open(value: number): Bound {
  return { value, exclusive: true };
}

function closed(value: number): Bound {
  return { value, exclusive: false };
}

/** The names that `required` of any conjunct lists. */
export function requiredOf(conjuncts: Conjuncts): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { required } of conjuncts) {
    if (Array.isArray(required))
      for (const name of required) if (typeof name === "string") names.add(name);
  }
  return names;
}

/** The names that `properties` of any conjunct mentions. */
export function namedKeys(conjuncts: Conjuncts): readonly string[] {
  return [
    ...new Set(
      conjuncts.flatMap(({ properties }) => (isSchema(properties) ? Object.keys(properties) : [])),
    ),
  ];
}

/** The schemas that the value under `key` must satisfy by one conjunct; undefined if a pattern of it can't be read. */
export function propertySchemas(conjunct: JsonObject, key: string): readonly Json[] | undefined {
  const { properties, patternProperties, additionalProperties } = conjunct;
  const schemas: Json[] = [];
  if (isSchema(properties) && Object.hasOwn(properties, key)) schemas.push(properties[key] ?? true);
  for (const [pattern, schema] of Object.entries(
    isSchema(patternProperties) ? patternProperties : {},
  )) {
    const matches = testPattern(pattern, key);
    if (matches === undefined) return undefined;
    if (matches) schemas.push(schema);
  }
  return schemas.length === 0 && additionalProperties !== undefined
    ? [additionalProperties]
    : schemas;
}

/** The schemas that the item at `index` must satisfy by one conjunct. */
export function itemSchemas({ prefixItems, items }: JsonObject, index: number): readonly Json[] {
  const at = Array.isArray(prefixItems) ? prefixItems[index] : undefined;
  const schema: Json | undefined = at ?? items;
  return schema === undefined ? [] : [schema];
}

/** How many positions the conjuncts describe one by one. */
export function prefixLength(conjuncts: Conjuncts): number {
  return Math.max(
    0,
    ...conjuncts.map(({ prefixItems }) => (Array.isArray(prefixItems) ? prefixItems.length : 0)),
  );
}

/** Whether a text matches a schema's pattern; undefined if the pattern is not one that can be read. */
export function testPattern(pattern: string, text: string): boolean | undefined {
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return undefined;
  }
}

/** Whether two parts of schemas are the same and mean the same: a reference means what its own document says. */
export function sameMeaning(a: Json | undefined, b: Json | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return sameJson(a, b) && !JSON.stringify(a).includes('"$');
}
