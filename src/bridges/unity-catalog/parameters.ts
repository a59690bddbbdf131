/** The parameters of a function: the fields that a contract's values have. */
import type { Json, JsonObject } from "../../model/json.ts";
import { isObject } from "./fields.ts";
import { propertiesOf, resolved, typeOf, type UnityType, VARIANT } from "./parameter-types.ts";

/** As the API takes it. */
export interface FunctionParameter {
  readonly name: string;
  readonly type_text: string;
  readonly type_name: string;
  readonly type_json: string;
  /** From 0. */
  readonly position: number;
  readonly parameter_default?: string;
  readonly comment?: string;
}

/** The columns in which the open-source server keeps parameters hold so many UTF-16 units; more is an error 500. */
const COLUMN_CHARS_MAX = 255;

/**
 * One parameter for each property of an object, those that must be there first; one named `input` for any other value. A
 * type whose text does not fit into the catalogue's columns is a VARIANT there: the whole schema stands in the contract's function.
 */
export function parametersOf(schema: Json | undefined): readonly FunctionParameter[] {
  if (!isSchema(schema)) return [parameter("input", undefined, VARIANT, 0)];
  const whole = resolved(schema, schema);
  const properties = propertiesOf(whole);
  if (properties.length === 0) return [parameter("input", whole, typeOf(whole, schema), 0)];
  return properties
    .filter(({ name }) => name !== "" && name.length <= COLUMN_CHARS_MAX)
    .map(({ name, schema: property, required }, position) => ({
      ...parameter(name, property, typeOf(property, schema), position),
      ...(required ? {} : { parameter_default: "NULL" }),
    }));
}

/** The type of what comes out, where its text fits. */
export function returnType(schema: Json | undefined): UnityType {
  if (!isSchema(schema)) return VARIANT;
  const type = typeOf(schema, schema);
  return type.text.length <= COLUMN_CHARS_MAX ? type : VARIANT;
}

function parameter(
  name: string,
  schema: Json | undefined,
  type: UnityType,
  position: number,
): FunctionParameter {
  const { text, name: typeName, json } = type.text.length <= COLUMN_CHARS_MAX ? type : VARIANT;
  const field = JSON.stringify({ name, type: json, nullable: true, metadata: {} });
  const description = isSchema(schema) ? schema["description"] : undefined;
  return {
    name,
    type_text: text,
    type_name: typeName,
    // The type's text alone, where the whole is too long: as JSON it has more than ten times the characters.
    type_json: field.length <= COLUMN_CHARS_MAX ? field : JSON.stringify(text),
    position,
    ...(typeof description === "string" ? { comment: cut(description, COLUMN_CHARS_MAX) } : {}),
  };
}

/** At most so many UTF-16 units, without half of a character at its end. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

function isSchema(value: Json | undefined): value is JsonObject {
  return isObject(value);
}
