/**
 * Contracts: a named, versioned schema with rules.
 *
 * A contract is a frozen value. It holds no state, and it is only ever used by `check` (see check.ts), at the places where
 * a value crosses from one owner to another.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { BatonError, isBatonError } from "./errors.ts";
import type { Frozen, JsonObject } from "./json.ts";
import { sealJson } from "./json.ts";
import { pointerTokens } from "./json-pointer.ts";
import type { Derived } from "./schema-derivation.ts";
import {
  deriveJsonSchema,
  leadsNowhere,
  NOTHING_DERIVED,
  RULES_KEYWORD,
} from "./schema-derivation.ts";
import { isSchema, sensitivePaths } from "./sensitive.ts";

/** Something that must hold of a value beyond its shape. */
export interface Rule<in X> {
  /** What must hold, as a sentence without a full stop: `confidence is at least 0.7`. It is the rule's identity. */
  readonly name: string;
  /** The field that the rule is about, as a JSON pointer; `""` is the whole value. */
  readonly path: string;
  /** Whether it holds. Synchronous; anything but `true`, and a throw, is a violation. */
  readonly holds: (value: Frozen<X>) => boolean;
}

/** A rule of which nobody needs to know what it is about. */
export interface AnyRule {
  readonly name: string;
  readonly path: string;
  readonly holds: (value: never) => boolean;
}

export interface RuleOptions {
  /** The field that the rule is about, as a JSON pointer; the whole value if left out. */
  readonly path?: string;
}

/**
 * A rule for a contract's `rules`. The type of the value comes from the contract around it.
 *
 * @example rule("confidence is at least 0.7", (report) => report.confidence >= 0.7, { path: "/confidence" })
 */
export function rule<X>(
  name: string,
  holds: (value: Frozen<X>) => boolean,
  options: RuleOptions = {},
): Rule<X> {
  return Object.freeze({ name, path: options.path ?? "", holds });
}

/** A contract of which nobody needs to know the type of its values. */
export interface AnyContract {
  readonly name: string;
  /** Semantic version, `1.2.0`. */
  readonly version: string;
  /** `name@version`. */
  readonly id: string;
  readonly description: string | undefined;
  readonly schema: StandardSchemaV1;
  readonly rules: readonly AnyRule[];
  /** Paths that are never shown: those given, and those that the schema's metadata marks. */
  readonly sensitive: readonly string[];
  /** JSON Schema (draft 2020-12) of the values that the contract gives out; undefined if the schema can't say. */
  readonly jsonSchema: JsonObject | undefined;
  /** JSON Schema of what the contract takes in: where there are defaults, more than it gives out. */
  readonly accepts: JsonObject | undefined;
  /** The contract as plain data: for the registry, and for fingerprints. */
  readonly describe: () => JsonObject;
}

declare const VALUE: unique symbol;

/** A contract for values of type `X`. Invariant: a contract for a wider or a narrower type is another contract. */
export interface Contract<in out X> extends AnyContract {
  readonly schema: StandardSchemaV1<unknown, X>;
  readonly rules: readonly Rule<X>[];
  readonly [VALUE]?: (value: X) => X;
}

export interface ContractOptions<X> {
  /** What must hold beyond the schema. */
  readonly rules?: readonly Rule<X>[];
  /** Paths that are never shown: JSON pointers in which `*` is any key or index, as in `/ssn` or `/accounts/*`. */
  readonly sensitive?: readonly string[];
  /** JSON Schema (draft 2020-12), when the schema library gives none. */
  readonly jsonSchema?: JsonObject;
  readonly description?: string;
}

/**
 * A contract: any Standard Schema (zod, valibot, arktype, ...) under a name and a version.
 * Schemas whose library gives JSON Schema (`~standard.jsonSchema`) may mark fields with the metadata `sensitive: true`.
 *
 * @param name lower case, with dashes, and dots between catalog, schema and name: `credit-report`, `risk.eu.credit-report`.
 * @param version semantic version: `1.0.0`.
 * @throws BatonError `DEFINITION_INVALID` with all problems in `details.problems`; `CONTRACT_ASYNC` for a schema that is
 * seen to be asynchronous (one that shows it later is refused when it checks a value).
 */
export function contract<X>(
  name: string,
  version: string,
  schema: StandardSchemaV1<unknown, X>,
  options: NoInfer<ContractOptions<X>> = {},
): Contract<X> {
  const problems: string[] = [];
  if (!isStandardSchema(schema)) {
    problems.push("The schema is not a Standard Schema (it has no `~standard.validate`).");
    return defineContract({ name, version, schema, options, derived: NOTHING_DERIVED }, problems);
  }
  refuseAsync(`${name}@${version}`, schema);
  return defineContract(
    { name, version, schema, options, derived: deriveJsonSchema(schema) },
    problems,
  );
}

/** What a contract is made of, once the JSON Schema of its schema is known. */
export interface ContractParts<X> {
  readonly name: string;
  readonly version: string;
  readonly schema: StandardSchemaV1<unknown, X>;
  readonly options: ContractOptions<X>;
  readonly derived: Derived;
}

/**
 * Puts a contract together, or refuses it with the problems found before and those found here.
 * @throws BatonError `DEFINITION_INVALID`.
 */
export function defineContract<X>(parts: ContractParts<X>, found: readonly string[]): Contract<X> {
  const { name, version, schema, options, derived } = parts;
  const problems = [...found, ...nameProblems(name, version)];
  const given =
    options.jsonSchema === undefined ? undefined : sealedSchema(options.jsonSchema, problems);
  const rules = Object.freeze([...(options.rules ?? [])]);
  const marks = given === undefined ? derived.sensitive : sensitivePaths(given);
  const sensitive = Object.freeze([...new Set([...(options.sensitive ?? []), ...marks])].sort());
  const output = given ?? derived.output;
  problems.push(
    ...ruleProblems(rules, output),
    ...sensitiveProblems(options.sensitive ?? [], output),
  );
  if (problems.length > 0) {
    const label = `contract "${name}@${version}"`;
    throw new BatonError(
      "DEFINITION_INVALID",
      `The ${label} has ${problems.length} problem(s): ${problems.join(" ")}`,
      {
        details: { contract: `${name}@${version}`, problems },
      },
    );
  }
  const annotate = (document: JsonObject | undefined) =>
    annotated(document, rules, options.description);
  const jsonSchema = annotate(output);
  const accepts = annotate(given ?? derived.accepts);
  const id = `${name}@${version}`;
  const description = options.description;
  const describe = () =>
    described({ name, version, description, rules, sensitive, jsonSchema, accepts });
  return Object.freeze({
    name,
    version,
    id,
    description,
    schema,
    rules,
    sensitive,
    jsonSchema,
    accepts,
    describe,
  });
}

/** What a schema answers when asked about nothing at all: enough to see that it is asynchronous throughout. */
function refuseAsync(id: string, schema: StandardSchemaV1): void {
  let answer: unknown;
  try {
    answer = schema["~standard"].validate(undefined);
  } catch {
    return; // A schema may well throw at this; what it does with real values is seen when it gets them.
  }
  if (answer instanceof Promise) refuseAnswer(id, answer);
}

/**
 * Refuses a schema that answered with a promise.
 * @throws BatonError `CONTRACT_ASYNC`, always.
 */
export function refuseAnswer(id: string, answer: Promise<unknown>): never {
  // Nobody waits for the answer any more; without this its rejection would end the process.
  answer.catch(() => undefined);
  const why =
    "it is asynchronous, or one of its refinements threw, which some libraries hide in a promise";
  throw new BatonError(
    "CONTRACT_ASYNC",
    `The schema of contract "${id}" answered with a promise: ${why}.`,
    {
      details: { contract: id },
    },
  );
}

function isStandardSchema(schema: unknown): schema is StandardSchemaV1 {
  const form = typeof schema === "object" || typeof schema === "function";
  if (!form || schema === null || !("~standard" in schema)) return false;
  const standard = schema["~standard"];
  if (typeof standard !== "object" || standard === null) return false;
  return "validate" in standard && typeof standard.validate === "function";
}

function nameProblems(name: string, version: string): string[] {
  const problems: string[] = [];
  if (!/^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*){0,2}$/.test(name)) {
    problems.push(
      `The name "${name}" is not lower-case words with dashes (or catalog.schema.name).`,
    );
  }
  if (!/^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/.test(version)) {
    problems.push(`The version "${version}" is not a semantic version such as "1.0.0".`);
  }
  return problems;
}

function ruleProblems(rules: readonly AnyRule[], schema: JsonObject | undefined): string[] {
  const problems: string[] = [];
  const names = new Set<string>();
  for (const { name, path, holds } of rules) {
    if (name.trim() === "") problems.push("A rule has no name.");
    else if (names.has(name)) problems.push(`There are two rules "${name}".`);
    names.add(name);
    if (typeof holds !== "function") problems.push(`The rule "${name}" has no function to call.`);
    problems.push(...pathProblems(`path of the rule "${name}"`, path, schema));
  }
  return problems;
}

function sensitiveProblems(sensitive: readonly string[], schema: JsonObject | undefined): string[] {
  return sensitive.flatMap((path) => pathProblems("sensitive path", path, schema));
}

function pathProblems(what: string, path: string, schema: JsonObject | undefined): string[] {
  const tokens = pointerTokens(path);
  if (tokens === undefined)
    return [`The ${what}, "${path}", is not a JSON pointer such as "/confidence".`];
  // A misspelt sensitive path would protect nothing, and nobody would notice.
  const lost = schema !== undefined && leadsNowhere(schema, tokens);
  return lost ? [`The ${what}, "${path}", leads nowhere in the schema.`] : [];
}

/** A JSON Schema document, sealed; undefined where it is none, which is then among the problems. */
export function sealedSchema(document: JsonObject, problems: string[]): JsonObject | undefined {
  try {
    const sealed = sealJson(document, "JSON Schema");
    if (isSchema(sealed)) return sealed;
    problems.push("The JSON Schema is not an object.");
  } catch (error) {
    if (!isBatonError(error, "VALUE_NOT_JSON")) throw error;
    problems.push(error.message);
  }
  return undefined;
}

/** The document with what only the contract knows: its rules by name, and its description. */
function annotated(
  document: JsonObject | undefined,
  rules: readonly AnyRule[],
  description: string | undefined,
): JsonObject | undefined {
  if (document === undefined) return undefined;
  const names = rules.map((each) => each.name);
  const extra = {
    ...(description === undefined ? {} : { description }),
    ...(names.length === 0 ? {} : { [RULES_KEYWORD]: names }),
  };
  // An object that is sealed is a JSON object again.
  return sealJson({ ...document, ...extra }, "JSON Schema") as JsonObject;
}

type Described = Omit<AnyContract, "id" | "schema" | "describe">;

function described({ rules, ...parts }: Described): JsonObject {
  const defined = Object.entries(parts).filter(([, value]) => value !== undefined);
  const named = rules.map(({ name, path }) => ({ name, path }));
  // An object that is sealed is a JSON object.
  return sealJson({ ...Object.fromEntries(defined), rules: named }, "contract") as JsonObject;
}
