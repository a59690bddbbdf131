/** Types, as Unity Catalog names them: of parameters, from JSON Schema. */
import type { Json, JsonObject } from "../../model/json.ts";
import { isObject } from "./fields.ts";

export interface UnityType {
  /** The kind of type: `STRUCT`. */
  readonly name: string;
  /** As SQL says it: `struct<id:string>`. */
  readonly text: string;
  /** As Spark and Delta write it down in JSON. */
  readonly json: Json;
}

const STRING: UnityType = { name: "STRING", text: "string", json: "string" };
/** For whatever has no type of its own: what is one of several things, or nests too deeply. */
export const VARIANT: UnityType = { name: "VARIANT", text: "variant", json: "variant" };

const SCALARS: Readonly<Record<string, UnityType>> = {
  // Dates and times are text, as they are in every handoff.
  string: STRING,
  integer: { name: "LONG", text: "bigint", json: "long" },
  number: { name: "DOUBLE", text: "double", json: "double" },
  boolean: { name: "BOOLEAN", text: "boolean", json: "boolean" },
};

/** A type that nests more deeply would be longer than a column of the catalogue. */
const DEPTH_MAX = 6;

/** The type of values that a schema accepts; `root` is the document whose `$defs` it may name. */
export function typeOf(schema: Json | undefined, root: JsonObject, depth = 0): UnityType {
  const plain = isSchema(schema) ? withoutNull(resolved(schema, root)) : undefined;
  if (plain === undefined || depth > DEPTH_MAX) return VARIANT;
  const type = singleType(plain);
  if (type === "array") return arrayType(plain, root, depth);
  if (type === "object") return objectType(plain, root, depth);
  if (type !== undefined) return SCALARS[type] ?? VARIANT;
  const { enum: values } = plain;
  return Array.isArray(values) && values.every((each) => typeof each === "string")
    ? STRING
    : VARIANT;
}

/** The properties of an object's schema, those that must be there first. */
export function propertiesOf(
  schema: JsonObject,
): readonly { readonly name: string; readonly schema: Json; readonly required: boolean }[] {
  const { properties, required } = schema;
  if (!isSchema(properties)) return [];
  const needed = new Set(Array.isArray(required) ? required : []);
  const all = Object.entries(properties).map(([name, property]) => ({
    name,
    schema: property,
    required: needed.has(name),
  }));
  return [...all.filter((each) => each.required), ...all.filter((each) => !each.required)];
}

/** A reference into the same document followed, once: one that leads to another reference has no type. */
export function resolved(schema: JsonObject, root: JsonObject): JsonObject {
  const { $ref } = schema;
  if (typeof $ref !== "string") return schema;
  if ($ref === "#") return root;
  const name = /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec($ref)?.[1];
  const definitions = root["$defs"] ?? root["definitions"];
  const found = name === undefined || !isSchema(definitions) ? undefined : definitions[name];
  return isSchema(found) ? found : {};
}

function arrayType({ items }: JsonObject, root: JsonObject, depth: number): UnityType {
  if (!isSchema(items)) return VARIANT;
  const element = typeOf(items, root, depth + 1);
  return {
    name: "ARRAY",
    text: `array<${element.text}>`,
    json: { type: "array", elementType: element.json, containsNull: true },
  };
}

function objectType(schema: JsonObject, root: JsonObject, depth: number): UnityType {
  const properties = propertiesOf(schema);
  const { additionalProperties: values } = schema;
  if (properties.length === 0) {
    if (!isSchema(values)) return VARIANT;
    const value = typeOf(values, root, depth + 1);
    return {
      name: "MAP",
      text: `map<string,${value.text}>`,
      json: { type: "map", keyType: "string", valueType: value.json, valueContainsNull: true },
    };
  }
  const fields = properties.map((each) => ({
    ...each,
    type: typeOf(each.schema, root, depth + 1),
  }));
  return {
    name: "STRUCT",
    text: `struct<${fields.map(({ name, type }) => `${quoted(name)}:${type.text}`).join(",")}>`,
    json: {
      type: "struct",
      fields: fields.map(({ name, type, required }) => ({
        name,
        type: type.json,
        nullable: !required,
        metadata: {},
      })),
    },
  };
}

function quoted(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `\`${name.replaceAll("`", "``")}\``;
}

/** What is left of `X or null`, since each parameter may be null. */
function withoutNull(schema: JsonObject): JsonObject {
  for (const keyword of ["anyOf", "oneOf"]) {
    const choices = schema[keyword];
    if (!Array.isArray(choices)) continue;
    const [only, ...others] = choices.filter((each) => !isSchema(each) || each["type"] !== "null");
    return isSchema(only) && others.length === 0 ? only : {};
  }
  return schema;
}

function singleType({ type }: JsonObject): string | undefined {
  const types = (Array.isArray(type) ? type : [type]).filter((each) => each !== "null");
  const [only, ...others] = types;
  return typeof only === "string" && others.length === 0 ? only : undefined;
}

function isSchema(value: Json | undefined): value is JsonObject {
  return isObject(value);
}
