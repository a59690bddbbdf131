/** What can be learned of a schema of some library: its JSON Schema, and which fields its metadata marks as sensitive. */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import type { Json, JsonObject } from "./json.ts";
import { sealJson } from "./json.ts";
import type { Tokens } from "./json-pointer.ts";
import { isSchema, resolveRef, sensitivePaths } from "./sensitive.ts";

/** The keyword that lists a contract's rules by name. */
export const RULES_KEYWORD = "x-baton-rules";

/** The keyword that marks a place where the schema checks more than JSON Schema can say. */
export const REFINED_KEYWORD = "x-baton-refined";

export interface Derived {
  /** JSON Schema of what the schema gives out; undefined if it can't be said. */
  readonly output: JsonObject | undefined;
  /** JSON Schema of what it takes in. */
  readonly accepts: JsonObject | undefined;
  /** The paths that the metadata marks; `[""]` (everything) where there may be marks that can't be read. */
  readonly sensitive: readonly string[];
}

export const NOTHING_DERIVED: Derived = { output: undefined, accepts: undefined, sensitive: [] };

/** Asks a schema for its JSON Schema, draft 2020-12, by way of Standard JSON Schema. */
export function deriveJsonSchema(schema: StandardSchemaV1): Derived {
  const converter = converterOf(schema);
  if (converter === undefined) return NOTHING_DERIVED;
  const marking = schema["~standard"].vendor === "zod" ? { override: markRefined } : {};
  const output = converted(converter.output, marking);
  const accepts = converted(converter.input, marking);
  // A mark must be seen even where another field can't be converted; so a second look lets such fields through.
  const lenient = { unrepresentable: "any", errorMode: "ignore" };
  const seen = [
    output ?? converted(converter.output, lenient),
    accepts ?? converted(converter.input, lenient),
  ];
  const documents = seen.filter((each) => each !== undefined);
  const sensitive =
    documents.length === 0 ? [""] : documents.flatMap((each) => sensitivePaths(each));
  return { output, accepts, sensitive: [...new Set(sensitive)] };
}

function converterOf(schema: StandardSchemaV1): StandardJSONSchemaV1.Converter | undefined {
  const standard = schema["~standard"];
  if (!("jsonSchema" in standard)) return undefined;
  const converter = standard.jsonSchema;
  if (typeof converter !== "object" || converter === null) return undefined;
  // The property is defined by Standard JSON Schema alone; a wrong one throws below and counts as not convertible.
  return converter as StandardJSONSchemaV1.Converter;
}

function converted(
  convert: StandardJSONSchemaV1.Converter["input"],
  libraryOptions: Readonly<Record<string, unknown>>,
): JsonObject | undefined {
  try {
    const sealed = sealJson(convert({ target: "draft-2020-12", libraryOptions }), "JSON Schema");
    return isSchema(sealed) ? sealed : undefined;
  } catch {
    return undefined; // Libraries throw at what JSON Schema can't say (a Date, a transformation).
  }
}

/** The checks of zod that its JSON Schema states in full; `overwrite` (trim, lower-case) refuses nothing. */
const STATED_CHECKS: ReadonlySet<string> = new Set([
  "less_than",
  "greater_than",
  "multiple_of",
  "number_format",
  "max_length",
  "min_length",
  "length_equals",
  "string_format",
  "overwrite",
]);

/** The settings of a zod string format that its JSON Schema leaves out. */
const UNSTATED_SETTINGS = ["hostname", "protocol", "alg"];

interface ZodDefinition {
  readonly check?: string;
  readonly checks?: readonly { readonly _zod: { readonly def: ZodDefinition } }[];
  readonly pattern?: RegExp;
}

/** Marks where a zod schema refines beyond what its JSON Schema says: compatibility can't be decided from that alone. */
function markRefined(context: {
  readonly zodSchema: { readonly _zod: { readonly def: ZodDefinition } };
  readonly jsonSchema: Record<string, unknown>;
}): void {
  const definition = context.zodSchema._zod.def;
  const checks = [definition, ...(definition.checks ?? []).map((each) => each._zod.def)];
  if (checks.some(isUnstated)) context.jsonSchema[REFINED_KEYWORD] = true;
}

function isUnstated(definition: ZodDefinition): boolean {
  const { check, pattern } = definition;
  if (check !== undefined && !STATED_CHECKS.has(check)) return true;
  if (
    check === "string_format" &&
    UNSTATED_SETTINGS.some((each) => each in definition && Reflect.get(definition, each))
  ) {
    return true;
  }
  return pattern instanceof RegExp && /[^uv]/.test(pattern.flags);
}

/** Whether a path can lead to no value at all: some object on the way has other fields only. Not sure means no. */
export function leadsNowhere(schema: JsonObject, path: Tokens): boolean {
  let node: Json | undefined = schema;
  for (const token of path) {
    for (let hops = 0; isSchema(node) && typeof node["$ref"] === "string" && hops < 20; hops += 1) {
      node = Object.keys(node).length === 1 ? resolveRef(schema, node["$ref"]) : undefined;
    }
    if (
      !isSchema(node) ||
      ["allOf", "anyOf", "oneOf", "patternProperties"].some((each) => each in (node as object))
    ) {
      return false;
    }
    const { properties, additionalProperties, items, prefixItems } = node as JsonObject;
    if (items !== undefined || prefixItems !== undefined) {
      node = prefixItems === undefined ? items : undefined;
    } else if (isSchema(properties) && Object.hasOwn(properties, token)) {
      node = properties[token];
    } else {
      if (token !== "*" && isSchema(properties) && additionalProperties === false) return true;
      node = additionalProperties;
    }
  }
  return false;
}
