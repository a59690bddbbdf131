/**
 * The JSON Schemas of a workflow's tool. MCP wants an object for what goes in and what comes out: a value that is none travels
 * as the field `value` of one.
 */
import type { AnyContract } from "../../model/contract.ts";
import { BatonError } from "../../model/errors.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import { RULES_KEYWORD } from "../../model/schema-derivation.ts";

/** What a tool takes or gives, and how a value is put into it and taken out of it. */
export interface ToolShape {
  readonly schema: JsonObject;
  readonly isWrapped: boolean;
}

const FIELD = "value";

/** The shape of a contract's values; undefined where its schema library gives no JSON Schema. */
export function shapeOf(
  contract: AnyContract,
  side: "accepts" | "jsonSchema",
): ToolShape | undefined {
  const document = contract[side];
  if (document === undefined) return undefined;
  const schema = withoutRules(document);
  if (schema["type"] === "object") return { schema, isWrapped: false };
  const wrapped = {
    type: "object",
    properties: { [FIELD]: { $ref: "#/$defs/value" } },
    required: [FIELD],
    additionalProperties: false,
    $defs: { value: below(schema) },
  };
  // Made of JSON.
  return { schema: wrapped as JsonObject, isWrapped: true };
}

export function wrap({ isWrapped }: ToolShape, value: Json): Json {
  return isWrapped ? { [FIELD]: value } : value;
}

/** What the arguments of a call stand for. @throws BatonError ARGUMENT_INVALID */
export function unwrap(
  { isWrapped }: ToolShape,
  given: Readonly<Record<string, unknown>>,
): unknown {
  if (!isWrapped) return given;
  if (FIELD in given) return given[FIELD];
  throw new BatonError("ARGUMENT_INVALID", `The argument \`${FIELD}\` is missing.`);
}

/** A rule is a function, which no JSON Schema has: it is told in words, for whoever makes the arguments. */
function withoutRules(document: JsonObject): JsonObject {
  const { [RULES_KEYWORD]: rules, description, ...schema } = document;
  const sentences = [
    ...(typeof description === "string" ? [description] : []),
    ...(Array.isArray(rules) ? [`It must hold: ${rules.join("; ")}.`] : []),
  ];
  return sentences.length === 0 ? schema : { ...schema, description: sentences.join(" ") };
}

/** The document as a part of another: what it refers to within itself has moved with it. */
function below(node: Json): Json {
  if (typeof node !== "object" || node === null) return node;
  if (Array.isArray(node)) return node.map(below);
  return Object.fromEntries(
    Object.entries(node)
      .filter(([key]) => key !== "$schema")
      .map(([key, value]) => [
        key,
        key === "$ref" && typeof value === "string" && value.startsWith("#")
          ? `#/$defs/value${value.slice(1)}`
          : below(value),
      ]),
  );
}
