/** The keywords of one reader's schema object, against all that a writer says of values of one type. */
import type { Json, JsonObject } from "./json.ts";
import { containerProblems } from "./inclusion-containers.ts";
import { countProblems } from "./inclusion-counts.ts";
import type { Comparison, Obstacle } from "./obstacle.ts";
import { broken, unknown } from "./obstacle.ts";
import type { Bound, Conjuncts, JsonType } from "./schema-facts.ts";
import {
  isAnnotation,
  lowerBound,
  numbersOf,
  sameMeaning,
  typesOf,
  upperBound,
} from "./schema-facts.ts";

/** The keywords that apply to one type only, and are silent about all others. */
const KEYWORDS_OF: Readonly<Record<"number" | "string" | "array" | "object", readonly string[]>> = {
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  string: ["minLength", "maxLength", "pattern"],
  array: [
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "unevaluatedItems",
  ],
  object: [
    "properties",
    "patternProperties",
    "additionalProperties",
    "required",
    "minProperties",
    "maxProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
  ],
};

/** Type-specific keywords that are compared as a whole: the same on both sides, or not decided. Each with its company. */
const OPAQUE_OF: Readonly<Record<string, readonly (readonly string[])[]>> = {
  array: [["contains", "minContains", "maxContains"]],
  object: [["dependentRequired"], ["dependentSchemas"]],
};

/** Keywords for values of any type that are compared as a whole. */
const OPAQUE: readonly (readonly string[])[] = [["not"], ["if", "then", "else"]];

/** Keywords for values of any type that are compared elsewhere, or by the functions below. */
const COMPARED: ReadonlySet<string> = new Set([
  "type",
  "enum",
  "const",
  "anyOf",
  "oneOf",
  "format",
  "not",
  "if",
  "then",
  "else",
]);

/** What of the writer's values of `type` the reader's conjunct may refuse. Its unions are compared by the caller. */
export function keywordProblems(
  comparison: Comparison,
  given: Conjuncts,
  type: JsonType,
  taken: JsonObject,
  path: string,
): readonly Obstacle[] {
  const mismatch = typeProblem(comparison, given, type, taken, path);
  if (mismatch !== undefined) return [mismatch];
  const kind = type === "integer" ? "number" : type;
  if (kind === "null" || kind === "boolean") return [];
  return [
    ...enumProblems(comparison, given, taken, path),
    ...formatProblems(comparison, given, kind, taken, path),
    ...(kind === "number"
      ? numberProblems(comparison, given, type === "integer", taken, path)
      : []),
    ...(kind === "string" ? stringProblems(comparison, given, taken, path) : []),
    ...(kind === "array" || kind === "object"
      ? containerProblems(comparison, given, kind, taken, path)
      : []),
    ...opaqueProblems(comparison, given, kind, taken, path),
  ];
}

function typeProblem(
  { writer, reader }: Comparison,
  given: Conjuncts,
  type: JsonType,
  taken: JsonObject,
  path: string,
): Obstacle | undefined {
  const types = typesOf([taken]);
  if (types.includes(type) || (type === "integer" && types.includes("number"))) return undefined;
  const whole = type === "number" && numbersOf(given, "multipleOf").some(Number.isInteger);
  if (whole && types.includes("integer")) return undefined;
  const wanted = types.length === 0 ? "nothing" : types.join(" or ");
  return broken(
    path,
    "type",
    `The ${reader} takes ${wanted} here; the ${writer} may give ${type}.`,
  );
}

function enumProblems(
  { writer, reader }: Comparison,
  given: Conjuncts,
  taken: JsonObject,
  path: string,
): Obstacle[] {
  const keyword = taken["const"] !== undefined ? "const" : "enum";
  if (taken[keyword] === undefined) return [];
  const message = `The ${reader} takes certain values only here; the ${writer} is not limited to a list.`;
  const bare = given.every((each) =>
    Object.keys(each).every((key) => key === "type" || isAnnotation(key)),
  );
  return [bare ? broken(path, keyword, message) : unknown(path, keyword, message)];
}

function formatProblems(
  { writer, reader }: Comparison,
  given: Conjuncts,
  kind: string,
  taken: JsonObject,
  path: string,
): Obstacle[] {
  const format = taken["format"];
  if (format === undefined || (kind !== "string" && kind !== "number")) return [];
  if (given.some((each) => each["format"] === format)) return [];
  const message = `The ${reader} wants the format ${JSON.stringify(format)}; the ${writer} does not promise it.`;
  const plain =
    kind === "string" &&
    given.every((each) => each["format"] === undefined && each["pattern"] === undefined);
  return [plain ? broken(path, "format", message) : unknown(path, "format", message)];
}

function numberProblems(
  comparison: Comparison,
  given: Conjuncts,
  whole: boolean,
  taken: JsonObject,
  path: string,
): Obstacle[] {
  const { writer, reader } = comparison;
  const problems: Obstacle[] = [];
  const bound = (keyword: string, mine: Bound, theirs: Bound, side: "least" | "most") => {
    const tighter = side === "least" ? theirs.value > mine.value : theirs.value < mine.value;
    if (!tighter && !(theirs.value === mine.value && theirs.exclusive && !mine.exclusive)) return;
    problems.push(
      broken(
        path,
        keyword,
        `The ${reader} takes ${ends(theirs, side)}; the ${writer} gives ${ends(mine, side)}.`,
      ),
    );
  };
  const [low, high] = [lowerBound([taken], whole), upperBound([taken], whole)];
  bound(
    taken["minimum"] === undefined ? "exclusiveMinimum" : "minimum",
    lowerBound(given, whole),
    low,
    "least",
  );
  bound(
    taken["maximum"] === undefined ? "exclusiveMaximum" : "maximum",
    upperBound(given, whole),
    high,
    "most",
  );
  const step = taken["multipleOf"];
  if (typeof step !== "number") return problems;
  const steps = [...numbersOf(given, "multipleOf"), ...(whole ? [1] : [])];
  // Remainders are exact for whole numbers only; other steps must be the very same.
  const exact = (each: number) => Number.isInteger(each) && Number.isInteger(step);
  if (steps.some((each) => each === step || (exact(each) && each % step === 0))) return problems;
  const message = `The ${reader} takes multiples of ${step} only; the ${writer} gives others.`;
  const certain = steps.length === 0 || (steps.length === 1 && steps.every(exact));
  return [
    ...problems,
    certain ? broken(path, "multipleOf", message) : unknown(path, "multipleOf", message),
  ];
}

function ends({ value, exclusive }: Bound, side: "least" | "most"): string {
  if (!Number.isFinite(value)) return "any number";
  return side === "least"
    ? `numbers ${exclusive ? "above" : "from"} ${value}`
    : `numbers ${exclusive ? "below" : "up to"} ${value}`;
}

function stringProblems(
  comparison: Comparison,
  given: Conjuncts,
  taken: JsonObject,
  path: string,
): Obstacle[] {
  const { writer, reader } = comparison;
  const problems = countProblems(comparison, taken, path, {
    least: ["minLength", Math.max(0, ...numbersOf(given, "minLength"))],
    most: ["maxLength", Math.min(Infinity, ...numbersOf(given, "maxLength"))],
  });
  const pattern = taken["pattern"];
  if (pattern === undefined || given.some((each) => each["pattern"] === pattern)) return problems;
  const message = `The ${reader} wants the pattern ${JSON.stringify(pattern)}; the ${writer} does not promise it.`;
  const plain = given.every(
    (each) => each["pattern"] === undefined && each["format"] === undefined,
  );
  return [
    ...problems,
    plain ? broken(path, "pattern", message) : unknown(path, "pattern", message),
  ];
}

function opaqueProblems(
  { reader }: Comparison,
  given: Conjuncts,
  kind: "number" | "string" | "array" | "object",
  taken: JsonObject,
  path: string,
): Obstacle[] {
  const groups = [...OPAQUE, ...(OPAQUE_OF[kind] ?? [])].filter(
    ([lead = ""]) => taken[lead] !== undefined,
  );
  const grouped = groups.filter(
    (group) => !given.some((each) => group.every((key) => sameMeaning(each[key], taken[key]))),
  );
  const leads = grouped.map(([lead = ""]) => lead);
  const silent = new Set(Object.values(KEYWORDS_OF).flat());
  const strange = Object.keys(taken).filter(
    (key) => !COMPARED.has(key) && !silent.has(key) && !isAnnotation(key),
  );
  const unevaluated =
    kind === "array" ? "unevaluatedItems" : kind === "object" ? "unevaluatedProperties" : "";
  if (!isTrivial(taken[unevaluated])) strange.push(unevaluated);
  return [...leads, ...strange].map((key) => unknown(path, key, opaqueMessage(key, reader)));
}

function isTrivial(schema: Json | undefined): boolean {
  return schema === undefined || schema === true;
}

function opaqueMessage(keyword: string, reader: string): string {
  if (keyword === "x-baton-refined") {
    return `The ${reader} refines this beyond what JSON Schema can say; make the refinement a named rule of the contract.`;
  }
  return `What "${keyword}" of the ${reader} refuses can't be compared.`;
}
