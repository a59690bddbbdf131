/** Arrays and objects: how many parts a reader takes, which it wants, and what each of them may be. */
import type { Json, JsonObject } from "./json.ts";
import type { Comparison, Obstacle } from "./obstacle.ts";
import { below, broken, unknown } from "./obstacle.ts";
import { countProblems } from "./inclusion-counts.ts";
import type { Conjuncts } from "./schema-facts.ts";
import {
  itemSchemas,
  namedKeys,
  numbersOf,
  prefixLength,
  propertySchemas,
  requiredOf,
} from "./schema-facts.ts";
import { verdictOf } from "./schema-verdict.ts";
import { isSchema } from "./sensitive.ts";

/** What of the writer's arrays or objects the reader's conjunct may refuse. */
export function containerProblems(
  comparison: Comparison,
  given: Conjuncts,
  kind: "array" | "object",
  taken: JsonObject,
  path: string,
): readonly Obstacle[] {
  if (kind === "array") return arrayProblems(comparison, given, taken, path);
  return [
    ...sizeProblems(comparison, given, taken, path),
    ...requiredProblems(comparison, given, taken, path),
    ...nameProblems(comparison, given, taken, path),
    ...namedProblems(comparison, given, taken, path),
    ...otherProblems(comparison, given, taken, path),
  ];
}

function arrayProblems(
  comparison: Comparison,
  given: Conjuncts,
  taken: JsonObject,
  path: string,
): readonly Obstacle[] {
  const least = Math.max(0, ...numbersOf(given, "minItems"));
  const closed = given.filter(({ items }) => items === false).map((each) => prefixLength([each]));
  const most = Math.min(Infinity, ...numbersOf(given, "maxItems"), ...closed);
  const problems: Obstacle[] = countProblems(comparison, taken, path, {
    least: ["minItems", least],
    most: ["maxItems", most],
  });
  const unique = given.some((each) => each["uniqueItems"] === true) || most <= 1;
  if (taken["uniqueItems"] === true && !unique) {
    problems.push(
      broken(
        path,
        "uniqueItems",
        `The ${comparison.reader} refuses repeated items; the ${comparison.writer} may repeat them.`,
      ),
    );
  }
  const positions = prefixLength([...given, taken]);
  const at = (index: number, name: string) => {
    const writer = given.flatMap((each) => itemSchemas(each, index));
    for (const schema of itemSchemas(taken, index))
      problems.push(...comparison.compare(writer, schema, below(path, name)));
  };
  for (let i = 0; i < Math.min(positions, most); i += 1) at(i, String(i));
  if (most > positions) at(positions, "*");
  return problems;
}

function sizeProblems(
  comparison: Comparison,
  given: Conjuncts,
  taken: JsonObject,
  path: string,
): readonly Obstacle[] {
  const least = Math.max(requiredOf(given).size, ...numbersOf(given, "minProperties"));
  const closed = given.filter(isClosed).map((each) => namedKeys([each]).length);
  const most = Math.min(Infinity, ...numbersOf(given, "maxProperties"), ...closed);
  return countProblems(comparison, taken, path, {
    least: ["minProperties", least],
    most: ["maxProperties", most],
  });
}

/** Whether a conjunct allows the keys of its `properties` only. */
function isClosed({ additionalProperties, patternProperties }: JsonObject): boolean {
  return additionalProperties === false && patternProperties === undefined;
}

function requiredProblems(
  comparison: Comparison,
  given: Conjuncts,
  taken: JsonObject,
  path: string,
): Obstacle[] {
  const promised = requiredOf(given);
  const known = namedKeys(given);
  return [...requiredOf([taken])]
    .filter((key) => !promised.has(key))
    .map((key) => {
      const gap = known.includes(key) ? "may leave it out" : "does not have it";
      return broken(
        below(path, key),
        "required",
        `The ${comparison.reader} requires this; the ${comparison.writer} ${gap}.`,
      );
    });
}

function nameProblems(
  comparison: Comparison,
  given: Conjuncts,
  taken: JsonObject,
  path: string,
): readonly Obstacle[] {
  const { propertyNames } = taken;
  if (propertyNames === undefined) return [];
  const names = given.flatMap((each) =>
    each["propertyNames"] === undefined ? [] : [each["propertyNames"]],
  );
  const problems = comparison.compare([{ type: "string" }, ...names], propertyNames, path);
  if (problems.length === 0) return [];
  const closed = given.find(isClosed);
  const fits = (key: string) => verdictOf(comparison.readerRoot, [propertyNames], key) === true;
  if (closed !== undefined && namedKeys([closed]).every(fits)) return [];
  return [
    unknown(
      path,
      "propertyNames",
      `The ${comparison.reader} limits the names of keys; the ${comparison.writer} does not promise that.`,
    ),
  ];
}

/** The fields that either side names. */
function namedProblems(
  comparison: Comparison,
  given: Conjuncts,
  taken: JsonObject,
  path: string,
): Obstacle[] {
  const { compare, writer, reader } = comparison;
  const known = namedKeys(given);
  return [...new Set([...known, ...namedKeys([taken])])].flatMap((key): readonly Obstacle[] => {
    const at = below(path, key);
    const wanted = propertySchemas(taken, key);
    if (wanted === undefined)
      return [unknown(at, "patternProperties", `A pattern of the ${reader} can't be read.`)];
    const promised = given.flatMap((each) => propertySchemas(each, key) ?? []);
    const problems = wanted.flatMap((schema) => compare(promised, schema, at));
    const first = problems.find((each) => each.verdict === "broken") ?? problems[0];
    if (first === undefined) return [];
    if (wanted.includes(false)) {
      return [
        broken(
          at,
          "additionalProperties",
          `The ${reader} does not allow this field; the ${writer} may give it.`,
        ),
      ];
    }
    if (known.includes(key)) return problems;
    return [
      {
        ...first,
        path: at,
        change: "properties",
        message: `The ${reader} says what this field is; the ${writer} leaves it open.`,
      },
    ];
  });
}

/** More ways than this in which patterns apply to one key are not gone through. */
const WAYS_MAX = 50;

/** The keys that neither side names: they fall under patterns or under `additionalProperties`. */
function otherProblems(
  comparison: Comparison,
  given: Conjuncts,
  taken: JsonObject,
  path: string,
): readonly Obstacle[] {
  const at = below(path, "*");
  const patterns = patternsOf(taken);
  if (patterns.size > 0) return patternProblems(comparison, given, taken, at);
  const { additionalProperties } = taken;
  if (additionalProperties === undefined) return [];
  // By each conjunct such a key falls under additionalProperties, or under one of its patterns.
  let ways: readonly (readonly Json[])[] = [[]];
  for (const each of given) {
    const options = [others(each), ...[...patternsOf(each).values()].map((schema) => [schema])];
    ways = ways.flatMap((way) => options.map((option) => [...way, ...option]));
    if (ways.length > WAYS_MAX)
      return [unknown(at, "patternProperties", "There are too many patterns to compare.")];
  }
  return ways.flatMap((way) => comparison.compare(way, additionalProperties, at));
}

function patternProblems(
  comparison: Comparison,
  given: Conjuncts,
  taken: JsonObject,
  at: string,
): readonly Obstacle[] {
  if (given.some(isClosed)) return [];
  const patterns = patternsOf(taken);
  const same = given.find((each) => {
    const mine = patternsOf(each);
    return (
      mine.size === patterns.size && [...patterns.keys()].every((pattern) => mine.has(pattern))
    );
  });
  if (same === undefined) {
    return [
      unknown(
        at,
        "patternProperties",
        `The ${comparison.reader} has other patterns of keys than the ${comparison.writer}.`,
      ),
    ];
  }
  const everywhere = given.filter((each) => patternsOf(each).size === 0).flatMap(others);
  const mine = patternsOf(same);
  const matched = [...patterns].flatMap(([pattern, schema]) =>
    comparison.compare([...everywhere, mine.get(pattern) ?? true], schema, at),
  );
  const rest = taken["additionalProperties"];
  const unmatched =
    rest === undefined ? [] : comparison.compare([...everywhere, ...others(same)], rest, at);
  return [...matched, ...unmatched];
}

function patternsOf({ patternProperties }: JsonObject): ReadonlyMap<string, Json> {
  return new Map(isSchema(patternProperties) ? Object.entries(patternProperties) : []);
}

function others({ additionalProperties }: JsonObject): readonly Json[] {
  return additionalProperties === undefined ? [] : [additionalProperties];
}
