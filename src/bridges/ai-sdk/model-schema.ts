/** The JSON Schema by which a model is asked: the contract's, without what is only said among ourselves. */
import type { AnyContract } from "../../model/contract.ts";
import type { Json, JsonObject } from "../../model/json.ts";

/** Keywords that no provider knows; some refuse a schema for one. */
const OURS: ReadonlySet<string> = new Set(["x-baton-rules", "sensitive", "$schema"]);
/** Below these stand names of the author's choice, each with a schema. */
const MAPS: ReadonlySet<string> = new Set([
  "properties",
  "patternProperties",
  "dependentSchemas",
  "$defs",
  "definitions",
]);
/** Below these stand values, not schemas. */
const VALUES: ReadonlySet<string> = new Set(["const", "enum", "default", "examples"]);

/** A model writes fields in the order of the schema: that of `required`, which is the author's; a contract keeps keys by the alphabet. */
export function modelSchema(schema: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([keyword]) => !OURS.has(keyword))
      .map(([keyword, value]) => [
        keyword,
        VALUES.has(keyword)
          ? value
          : MAPS.has(keyword)
            ? named(value, schema["required"])
            : inner(value),
      ]),
  );
}

function named(value: Json, first: Json | undefined): Json {
  if (!isObject(value)) return value;
  const names = Array.isArray(first) ? first.map(String) : [];
  const inOrder = new Set([
    ...names.filter((name) => Object.hasOwn(value, name)),
    ...Object.keys(value),
  ]);
  return Object.fromEntries([...inOrder].map((name) => [name, inner(value[name] ?? null)]));
}

function inner(value: Json): Json {
  if (Array.isArray(value)) return value.map(inner);
  return isObject(value) ? modelSchema(value) : value;
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is said of the output besides its schema: the rules, so that the model knows them before it breaks one. */
export function descriptionOf({ description, rules }: AnyContract): string | undefined {
  const must = rules.map(({ name, path }) => `${name}${path === "" ? "" : ` (${path})`}`);
  const parts = [
    ...(description === undefined ? [] : [description]),
    ...(must.length === 0 ? [] : [`It must hold that: ${must.join("; ")}.`]),
  ];
  return parts.length === 0 ? undefined : parts.join(" ");
}
