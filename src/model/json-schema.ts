/** JSON Schema in: contracts for agents that are not written in TypeScript. */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import type { ErrorObject, ValidateFunction } from "ajv/dist/2020.js";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { Contract, ContractOptions } from "./contract.ts";
import { defineContract, refuseAnswer, sealedSchema } from "./contract.ts";
import type { Json, JsonObject } from "./json.ts";
import { pointerTokens } from "./json-pointer.ts";
import { NOTHING_DERIVED } from "./schema-derivation.ts";
import { sensitivePaths } from "./sensitive.ts";

/** The options of a contract whose schema is JSON Schema already. */
export type JsonSchemaContractOptions<X> = Omit<ContractOptions<X>, "jsonSchema">;

/**
 * A contract from a JSON Schema (draft 2020-12). Unknown keywords and formats are refused, as are references to other
 * documents; `default` is an annotation and fills nothing in. Keywords that begin with `x-` are left alone.
 *
 * @typeParam X the type that the caller knows the values to have; nothing but the schema checks it.
 * @throws BatonError `DEFINITION_INVALID` with all problems in `details.problems`.
 */
export function jsonSchemaContract<X = Json>(
  name: string,
  version: string,
  jsonSchema: JsonObject,
  options: NoInfer<JsonSchemaContractOptions<X>> = {},
): Contract<X> {
  const problems: string[] = [];
  const document = sealedSchema(jsonSchema, problems);
  const validate = document === undefined ? undefined : compiled(document, problems);
  const derived =
    document === undefined
      ? NOTHING_DERIVED
      : { output: document, accepts: document, sensitive: sensitivePaths(document) };
  const schema = standardSchema<X>(`${name}@${version}`, validate, document ?? {});
  return defineContract({ name, version, schema, options, derived }, problems);
}

/** Keywords that other tools write (OpenAPI, pydantic) and that say nothing about which values are valid. */
const ANNOTATIONS = ["sensitive", "discriminator", "example", "externalDocs", "xml"];

let shared: Ajv2020 | undefined;

/** One validator factory for all contracts: it takes tens of milliseconds to set up, and keeps nothing of what it compiles. */
function factory(): Ajv2020 {
  if (shared !== undefined) return shared;
  const ajv = new Ajv2020({
    strict: true,
    // Unlike unknown keywords, these refuse schemas that are quite right (a union of types, a bound without a type).
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    allowUnionTypes: true,
    // All that is wrong is listed at once. Also, without it ajv 8.20 skips `contains` for arrays that
    // are shorter than `prefixItems`.
    allErrors: true,
    // `{}` must not satisfy `required: ["toString"]`.
    ownProperties: true,
    // Two contracts may carry the same `$id`, and neither may refer to the other.
    addUsedSchema: false,
    logger: false,
  });
  addFormats.default(ajv);
  for (const keyword of ANNOTATIONS) ajv.addKeyword(keyword);
  shared = ajv;
  return ajv;
}

function compiled(document: JsonObject, problems: string[]): ValidateFunction | undefined {
  const ajv = factory();
  const draft = document["$schema"];
  if (draft !== undefined && draft !== DRAFT && draft !== `${DRAFT}#`) {
    problems.push(
      `The JSON Schema is of another draft (${JSON.stringify(draft)}); only ${DRAFT} is taken.`,
    );
    return undefined;
  }
  for (const keyword of extensionKeywords(document))
    if (!ajv.getKeyword(keyword)) ajv.addKeyword(keyword);
  // Only these keywords need ajv to keep track of what was evaluated, and where it does, ajv 8.20 fails with a TypeError at
  // some values that are right (patternProperties beside an anyOf with additionalProperties).
  ajv.opts.unevaluated = /"unevaluated(Items|Properties)"/.test(JSON.stringify(document));
  try {
    return ajv.compile(document);
  } catch (error) {
    problems.push(
      `The JSON Schema can't be used: ${error instanceof Error ? error.message : String(error)}.`,
    );
    return undefined;
  }
}

const DRAFT = "https://json-schema.org/draft/2020-12/schema";

function extensionKeywords(node: Json): readonly string[] {
  if (typeof node !== "object" || node === null) return [];
  const inner = Object.values(node).flatMap(extensionKeywords);
  if (Array.isArray(node)) return inner;
  return [...Object.keys(node).filter((key) => /^x-[a-z0-9-]+$/.test(key)), ...inner];
}

type JsonSchemaStandard<X> = StandardSchemaV1<unknown, X> & StandardJSONSchemaV1<unknown, X>;

function standardSchema<X>(
  id: string,
  validate: ValidateFunction | undefined,
  document: JsonObject,
): JsonSchemaStandard<X> {
  const run = (value: unknown): StandardSchemaV1.Result<X> => {
    const valid: unknown = validate?.(value);
    if (valid instanceof Promise) refuseAnswer(id, valid);
    // The caller says that what the schema accepts is an X.
    if (valid === true) return { value: value as X };
    return { issues: (validate?.errors ?? []).map(issue) };
  };
  const converter = { input: () => ({ ...document }), output: () => ({ ...document }) };
  return Object.freeze({
    "~standard": Object.freeze({
      version: 1,
      vendor: "json-schema",
      validate: run,
      jsonSchema: converter,
    }),
  });
}

/** The parameters in which ajv names a key that is not in the path: the value speaks of it, so the path leads to it. */
const NAMED_KEYS = ["missingProperty", "additionalProperty", "unevaluatedProperty", "propertyName"];

function issue(error: ErrorObject): StandardSchemaV1.Issue & { readonly code: string } {
  const { keyword, instancePath, message = `breaks "${keyword}"` } = error;
  // ajv types the parameters as a record of anything.
  const params: Readonly<Record<string, unknown>> = error.params;
  const key = NAMED_KEYS.map((each) => params[each]).find((each) => typeof each === "string");
  const path = [...(pointerTokens(instancePath) ?? []), ...(typeof key === "string" ? [key] : [])];
  return { message, path, code: keyword };
}
