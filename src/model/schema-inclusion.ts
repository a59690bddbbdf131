/**
 * Whether every value that one JSON Schema (the writer's) accepts is accepted by another (the reader's).
 *
 * The question can't be decided for all schemas, so the answer is a list of problems, each broken or unknown. An empty list
 * is a proof: whatever is not understood on the reader's side is a problem, and on the writer's side only ever ignored,
 * which makes the set of values larger. Recursive schemas are compared by induction on the value: a pair of schemas that
 * is already being compared further up, for a value that contains this one, may be assumed to hold.
 */
import type { Json, JsonObject } from "./json.ts";
import { keywordProblems } from "./inclusion-keywords.ts";
import type { Comparison, Obstacle } from "./obstacle.ts";
import { broken, unknown } from "./obstacle.ts";
import type { Conjuncts, JsonType } from "./schema-facts.ts";
import {
  conjunctsOf,
  finiteValues,
  propertySchemas,
  requiredOf,
  typesOf,
  without,
} from "./schema-facts.ts";
import { verdictOf } from "./schema-verdict.ts";
import { isSchema } from "./sensitive.ts";

/** A comparison takes at most this many steps; unions within unions multiply. */
const STEPS_MAX = 20_000;

const TOO_INTRICATE = "The schemas are too intricate to be compared in full.";

/** What a reader does not accept of what a writer gives; nothing if it provably accepts all. */
export function inclusionObstacles(
  writerRoot: JsonObject,
  readerRoot: JsonObject,
  names: Pick<Comparison, "writer" | "reader">,
): readonly Obstacle[] {
  if (hasInnerId(writerRoot, true) || hasInnerId(readerRoot, true)) {
    return [
      unknown(
        "",
        "$id",
        "A schema within the schema has its own `$id`; references can't be followed.",
      ),
    ];
  }
  const ids = new Map<JsonObject, number>();
  const idOf = (each: JsonObject): number => {
    const id = ids.get(each) ?? ids.size;
    ids.set(each, id);
    return id;
  };
  const under = new Map<string, string>();
  let steps = 0;

  const compare = (writer: readonly Json[], reader: Json, path: string): readonly Obstacle[] => {
    steps += 1;
    if (steps > STEPS_MAX) return [unknown(path, "size", TOO_INTRICATE)];
    const given = conjunctsOf(writerRoot, writer);
    if (given === undefined || typesOf(given).length === 0) return [];
    const taken = conjunctsOf(readerRoot, [reader]);
    if (taken === undefined)
      return [
        broken(
          path,
          "forbidden",
          `The ${names.reader} allows nothing here; the ${names.writer} does.`,
        ),
      ];
    const key = `${given.map(idOf).join()}|${taken.map(idOf).join()}`;
    const above = under.get(key);
    if (above === path)
      return [unknown(path, "$ref", "The schema refers to itself without going into the value.")];
    if (above !== undefined) return [];
    under.set(key, path);
    const found = compareConjuncts(given, taken, path);
    under.delete(key);
    return found;
  };

  const compareConjuncts = (
    given: Conjuncts,
    taken: Conjuncts,
    path: string,
  ): readonly Obstacle[] => {
    const values = finiteValues(given);
    if (values !== undefined) return finiteObstacles(values, given, taken, path);
    const union = firstUnion(given);
    if (union !== undefined) {
      const rest = given.map((each) =>
        each === union.conjunct ? without(each, [union.keyword]) : each,
      );
      return distinct(union.branches.flatMap((branch) => compareBranch(rest, branch, taken, path)));
    }
    return distinct(
      typesOf(given).flatMap((type) => {
        if (type === "null") return finiteObstacles([null], given, taken, path);
        if (type === "boolean") return finiteObstacles([false, true], given, taken, path);
        return taken.flatMap((each) => conjunctObstacles(given, type, each, path));
      }),
    );
  };

  /** One branch of the writer's union against the whole of the reader, for the same value. */
  const compareBranch = (
    rest: Conjuncts,
    branch: Json,
    taken: Conjuncts,
    path: string,
  ): readonly Obstacle[] => {
    steps += 1;
    if (steps > STEPS_MAX) return [unknown(path, "size", TOO_INTRICATE)];
    const given = conjunctsOf(writerRoot, [...rest, branch]);
    return given === undefined || typesOf(given).length === 0
      ? []
      : compareConjuncts(given, taken, path);
  };

  const finiteObstacles = (
    values: readonly Json[],
    given: Conjuncts,
    taken: Conjuncts,
    path: string,
  ) =>
    values.flatMap((value): Obstacle[] => {
      if (verdictOf(writerRoot, given, value) === false) return [];
      const verdict = verdictOf(readerRoot, taken, value);
      const shown = JSON.stringify(value);
      if (verdict === false)
        return [
          broken(
            path,
            value === null ? "type" : "enum",
            `The ${names.reader} does not take ${shown}; the ${names.writer} may give it.`,
          ),
        ];
      if (verdict === undefined)
        return [
          unknown(path, "enum", `Whether the ${names.reader} takes ${shown} can't be decided.`),
        ];
      return [];
    });

  const conjunctObstacles = (
    given: Conjuncts,
    type: JsonType,
    taken: JsonObject,
    path: string,
  ): readonly Obstacle[] => {
    const typed: Conjuncts = [...given, TYPE_SCHEMAS[type]];
    const unions = (["anyOf", "oneOf"] as const).flatMap((keyword) => {
      const branches = taken[keyword];
      return Array.isArray(branches) ? unionObstacles(typed, branches, keyword, path) : [];
    });
    return [...keywordProblems(comparison, typed, type, taken, path), ...unions];
  };

  /** Where no alternative fits: what is wrong with the nearest one, if it is wrong in its parts only. */
  const nearestObstacles = (
    given: Conjuncts,
    branches: readonly Json[],
    keyword: string,
    path: string,
  ): readonly Obstacle[] => {
    const attempts = branches
      .map((each) => compare(given, each, path))
      .filter((each) => each.every((obstacle) => obstacle.path !== path))
      .sort((one, other) => one.length - other.length);
    const [nearest = [], next] = attempts;
    const clear = next === undefined || next.length > nearest.length;
    if (clear && nearest.some((each) => each.verdict === "broken")) return nearest;
    const message = `No alternative of the ${names.reader} takes what the ${names.writer} gives here.`;
    return [broken(path, keyword, message)];
  };

  const unionObstacles = (
    given: Conjuncts,
    branches: readonly Json[],
    keyword: "anyOf" | "oneOf",
    path: string,
  ) => {
    const possible = branches.filter((each) => !disjoint(comparison, given, each, 0));
    if (possible.length === 0) return nearestObstacles(given, branches, keyword, path);
    const attempts = possible.map((each) => compare(given, each, path));
    if (possible.length === 1) return attempts[0] ?? [];
    const fits = attempts.some((each) => each.length === 0);
    // With oneOf a value that fits two alternatives is refused, and these were not shown to exclude each other.
    if (fits && keyword === "anyOf") return [];
    const why = fits ? "may fit more than one alternative" : "fits no single alternative in full";
    return [
      unknown(path, keyword, `What the ${names.writer} gives here ${why} of the ${names.reader}.`),
    ];
  };

  const comparison: Comparison = { writerRoot, readerRoot, ...names, compare };
  return distinct(compare([writerRoot], readerRoot, ""));
}

/** A value that provably can't satisfy both: other types, other constants, or a required field for which that is so. */
function disjoint(
  comparison: Comparison,
  given: readonly Json[],
  reader: Json,
  depth: number,
): boolean {
  const { writerRoot, readerRoot } = comparison;
  const left = conjunctsOf(writerRoot, given);
  const right = conjunctsOf(readerRoot, [reader]);
  if (left === undefined || right === undefined) return true;
  const types = typesOf([...left, ...right]);
  if (types.length === 0) return true;
  const [mine, theirs] = [finiteValues(left), finiteValues(right)];
  if (mine?.every((value) => verdictOf(readerRoot, right, value) === false)) return true;
  if (theirs?.every((value) => verdictOf(writerRoot, left, value) === false)) return true;
  if (depth > 8 || types.length > 1 || types[0] !== "object") return false;
  const required = new Set([...requiredOf(left), ...requiredOf(right)]);
  return [...required].some((key) => {
    const childrenLeft = left.flatMap((each) => propertySchemas(each, key) ?? []);
    const childrenRight = right.flatMap((each) => propertySchemas(each, key) ?? []);
    return disjoint(
      comparison,
      childrenLeft,
      childrenRight.length === 1 ? (childrenRight[0] ?? true) : { allOf: childrenRight },
      depth + 1,
    );
  });
}

function firstUnion(conjuncts: Conjuncts) {
  for (const conjunct of conjuncts) {
    for (const keyword of ["anyOf", "oneOf"]) {
      const branches = conjunct[keyword];
      if (Array.isArray(branches))
        return { conjunct, keyword, branches: branches as readonly Json[] };
    }
  }
  return undefined;
}

/** One object for each type, since comparisons are recognised by identity. */
const TYPE_SCHEMAS: Readonly<Record<JsonType, JsonObject>> = {
  null: { type: "null" },
  boolean: { type: "boolean" },
  integer: { type: "integer" },
  number: { type: "number" },
  string: { type: "string" },
  array: { type: "array" },
  object: { type: "object" },
};

function hasInnerId(node: Json, isRoot: boolean): boolean {
  if (typeof node !== "object" || node === null) return false;
  if (!isRoot && isSchema(node) && typeof node["$id"] === "string") return true;
  return Object.values(node).some((each) => hasInnerId(each, false));
}

function distinct(obstacles: readonly Obstacle[]): readonly Obstacle[] {
  return [
    ...new Map(
      obstacles.map((each) => [`${each.path} ${each.change} ${each.message}`, each]),
    ).values(),
  ];
}
