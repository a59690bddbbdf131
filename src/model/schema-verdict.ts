/** Whether one value is valid under a JSON Schema, in three values: what can't be decided here is undefined, never a guess. */
import type { Json, JsonObject } from "./json.ts";
import { sameJson } from "./json-pointer.ts";
import type { Conjuncts } from "./schema-facts.ts";
import {
  conjunctsOf,
  isAnnotation,
  itemSchemas,
  lowerBound,
  numbersOf,
  propertySchemas,
  requiredOf,
  testPattern,
  typesOf,
  upperBound,
} from "./schema-facts.ts";
import { isSchema } from "./sensitive.ts";

/** True, false, or not decided. */
export type Verdict = boolean | undefined;

/** Deeper than this a schema refers to itself without end; the value was not decided. */
const DEPTH_MAX = 60;

/** Keywords that the checks below decide together with another one, or that don't apply on their own. */
const DECIDED: ReadonlySet<string> = new Set([
  "type",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "minProperties",
  "maxProperties",
  "required",
  "properties",
  "patternProperties",
  "additionalProperties",
  "items",
  "prefixItems",
]);

/** Whether `value` satisfies all the schemas, which are parts of `root`. */
export function verdictOf(
  root: JsonObject,
  schemas: readonly Json[],
  value: Json,
  depth = 0,
): Verdict {
  if (depth > DEPTH_MAX) return undefined;
  const conjuncts = conjunctsOf(root, schemas);
  if (conjuncts === undefined) return false;
  const within = (inner: readonly Json[], part: Json) => verdictOf(root, inner, part, depth + 1);
  return both([
    typeVerdict(conjuncts, value),
    sizeVerdict(conjuncts, value),
    ...conjuncts.flatMap((each) => partVerdicts(each, value, within)),
    ...conjuncts.flatMap((each) =>
      Object.entries(each).map(([keyword, operand]) =>
        keywordVerdict(keyword, operand, value, within),
      ),
    ),
  ]);
}

/** False as soon as one is, true if all are. */
function both(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes(false)) return false;
  return verdicts.includes(undefined) ? undefined : true;
}

function typeVerdict(conjuncts: Conjuncts, value: Json): Verdict {
  const types = typesOf(conjuncts);
  if (value === null) return types.includes("null");
  if (Array.isArray(value)) return types.includes("array");
  if (typeof value === "number")
    return types.includes("number") || (types.includes("integer") && Number.isInteger(value));
  return types.some((each) => each === typeof value);
}

function sizeVerdict(conjuncts: Conjuncts, value: Json): Verdict {
  const between = (size: number, least: string, most: string) =>
    numbersOf(conjuncts, least).every((each) => size >= each) &&
    numbersOf(conjuncts, most).every((each) => size <= each);
  if (typeof value === "string") return between(Array.from(value).length, "minLength", "maxLength");
  if (Array.isArray(value)) return between(value.length, "minItems", "maxItems");
  if (isSchema(value)) return between(Object.keys(value).length, "minProperties", "maxProperties");
  if (typeof value !== "number") return true;
  const [low, high] = [lowerBound(conjuncts, false), upperBound(conjuncts, false)];
  const above = low.exclusive ? value > low.value : value >= low.value;
  return above && (high.exclusive ? value < high.value : value <= high.value);
}

type Within = (schemas: readonly Json[], part: Json) => Verdict;

function partVerdicts(conjunct: JsonObject, value: Json, within: Within): Verdict[] {
  if (Array.isArray(value)) return value.map((item, i) => within(itemSchemas(conjunct, i), item));
  if (!isSchema(value)) return [];
  const missing = [...requiredOf([conjunct])].some((key) => !Object.hasOwn(value, key));
  const parts = Object.entries(value).map(([key, part]) => {
    const schemas = propertySchemas(conjunct, key);
    return schemas === undefined ? undefined : within(schemas, part);
  });
  return missing ? [false] : parts;
}

function keywordVerdict(keyword: string, operand: Json, value: Json, within: Within): Verdict {
  if (DECIDED.has(keyword) || isAnnotation(keyword)) return true;
  const branches = () =>
    Array.isArray(operand) ? operand.map((each: Json) => within([each], value)) : [];
  switch (keyword) {
    case "const":
      return sameJson(operand, value);
    case "enum":
      return Array.isArray(operand) && operand.some((each: Json) => sameJson(each, value));
    case "pattern":
      return (
        typeof value !== "string" ||
        (typeof operand === "string" ? testPattern(operand, value) : undefined)
      );
    case "format":
      return typeof value === "string" || typeof value === "number" ? undefined : true;
    case "multipleOf":
      return (
        typeof value !== "number" ||
        (typeof operand === "number" && Number.isInteger(value / operand))
      );
    case "anyOf":
      return branches().includes(true) ? true : branches().includes(undefined) ? undefined : false;
    case "oneOf":
      return branches().includes(undefined)
        ? undefined
        : branches().filter((each) => each === true).length === 1;
    case "not": {
      const inner = within([operand], value);
      return inner === undefined ? undefined : !inner;
    }
    case "uniqueItems":
      return operand !== true || !Array.isArray(value) || allDifferent(value);
    case "propertyNames":
      return !isSchema(value) || both(Object.keys(value).map((key) => within([operand], key)));
    default:
      return undefined;
  }
}

function allDifferent(items: readonly Json[]): boolean {
  return items.every((item, i) => items.slice(i + 1).every((other) => !sameJson(item, other)));
}
