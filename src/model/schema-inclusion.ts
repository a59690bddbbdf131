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
  const walk: Walk = {
    writerRoot,
    readerRoot,
    ...names,
    compare: (writer, reader, path) => compare(walk, writer, reader, path),
    ids: new Map(),
    under: new Map(),
    steps: 0,
  };
  return distinct(compare(walk, [writerRoot], readerRoot, ""));
}

/** One comparison as it goes on. */
interface Walk extends Comparison {
  /** A number for each schema object that was met: pairs that are being compared are recognised by it. */
  readonly ids: Map<JsonObject, number>;
  /** Pairs that are being compared further up, with the path at which they are. */
  readonly under: Map<string, string>;
  steps: number;
}

function idOf({ ids }: Walk, schema: JsonObject): number {
  const id = ids.get(schema) ?? ids.size;
  ids.set(schema, id);
  return id;
}

function compare(
  walk: Walk,
  writer: readonly Json[],
  reader: Json,
  path: string,
): readonly Obstacle[] {
  walk.steps += 1;
  if (walk.steps > STEPS_MAX) return [unknown(path, "size", TOO_INTRICATE)];
  const given = conjunctsOf(walk.writerRoot, writer);
  if (given === undefined || typesOf(given).length === 0) return [];
  const taken = conjunctsOf(walk.readerRoot, [reader]);
  if (taken === undefined)
    return [
      broken(path, "forbidden", `The ${walk.reader} allows nothing here; the ${walk.writer} does.`),
    ];
  const key = `${given.map((each) => idOf(walk, each)).join()}|${taken.map((each) => idOf(walk, each)).join()}`;
  const above = walk.under.get(key);
  if (above === path)
    return [unknown(path, "$ref", "The schema refers to itself without going into the value.")];
  if (above !== undefined) return [];
  walk.under.set(key, path);
  const found = compareConjuncts(walk, given, taken, path);
  walk.under.delete(key);
  return found;
}

function compareConjuncts(
  walk: Walk,
  given: Conjuncts,
  taken: Conjuncts,
  path: string,
): readonly Obstacle[] {
  const values = finiteValues(given);
  if (values !== undefined) return finiteObstacles(walk, values, given, taken, path);
  const union = firstUnion(given);
  if (union !== undefined) {
    const rest = given.map((each) =>
      each === union.conjunct ? without(each, [union.keyword]) : each,
    );
    return distinct(
      union.branches.flatMap((branch) => compareBranch(walk, rest, branch, taken, path)),
    );
  }
  return distinct(
    typesOf(given).flatMap((type) => {
      if (type === "null") return finiteObstacles(walk, [null], given, taken, path);
      if (type === "boolean") return finiteObstacles(walk, [false, true], given, taken, path);
      return taken.flatMap((each) => conjunctObstacles(walk, given, type, each, path));
    }),
  );
}

/** One branch of the writer's union against the whole of the reader, for the same value. */
function compareBranch(
  walk: Walk,
  rest: Conjuncts,
  branch: Json,
  taken: Conjuncts,
  path: string,
): readonly Obstacle[] {
  walk.steps += 1;
  if (walk.steps > STEPS_MAX) return [unknown(path, "size", TOO_INTRICATE)];
  const given = conjunctsOf(walk.writerRoot, [...rest, branch]);
  return given === undefined || typesOf(given).length === 0
    ? []
    : compareConjuncts(walk, given, taken, path);
}

function finiteObstacles(
  walk: Walk,
  values: readonly Json[],
  given: Conjuncts,
  taken: Conjuncts,
  path: string,
): readonly Obstacle[] {
  return values.flatMap((value): Obstacle[] => {
    if (verdictOf(walk.writerRoot, given, value) === false) return [];
    const verdict = verdictOf(walk.readerRoot, taken, value);
    const shown = JSON.stringify(value);
    if (verdict === false)
      return [
        broken(
          path,
          value === null ? "type" : "enum",
          `The ${walk.reader} does not take ${shown}; the ${walk.writer} may give it.`,
        ),
      ];
    if (verdict === undefined)
      return [unknown(path, "enum", `Whether the ${walk.reader} takes ${shown} can't be decided.`)];
    return [];
  });
}

function conjunctObstacles(
  walk: Walk,
  given: Conjuncts,
  type: JsonType,
  taken: JsonObject,
  path: string,
): readonly Obstacle[] {
  const typed: Conjuncts = [...given, TYPE_SCHEMAS[type]];
  const unions = (["anyOf", "oneOf"] as const).flatMap((keyword) => {
    const branches = taken[keyword];
    return Array.isArray(branches) ? unionObstacles(walk, typed, branches, keyword, path) : [];
  });
  return [...keywordProblems(walk, typed, type, taken, path), ...unions];
}

/** Where no alternative fits: what is wrong with the nearest one, if it is wrong in its parts only. */
function nearestObstacles(
  walk: Walk,
  given: Conjuncts,
  branches: readonly Json[],
  keyword: string,
  path: string,
): readonly Obstacle[] {
  const attempts = branches
    .map((each) => compare(walk, given, each, path))
    .filter((each) => each.every((obstacle) => obstacle.path !== path))
    .sort((one, other) => one.length - other.length);
  const [nearest = [], next] = attempts;
  const clear = next === undefined || next.length > nearest.length;
  if (clear && nearest.some((each) => each.verdict === "broken")) return nearest;
  const message = `No alternative of the ${walk.reader} takes what the ${walk.writer} gives here.`;
  return [broken(path, keyword, message)];
}

function unionObstacles(
  walk: Walk,
  given: Conjuncts,
  branches: readonly Json[],
  keyword: "anyOf" | "oneOf",
  path: string,
): readonly Obstacle[] {
  const possible = branches.filter((each) => !disjoint(walk, given, each, 0));
  if (possible.length === 0) return nearestObstacles(walk, given, branches, keyword, path);
  const attempts = possible.map((each) => compare(walk, given, each, path));
  if (possible.length === 1) return attempts[0] ?? [];
  const fits = attempts.some((each) => each.length === 0);
  // With oneOf a value that fits two alternatives is refused, and these were not shown to exclude each other.
  if (fits && keyword === "anyOf") return [];
  const why = fits ? "may fit more than one alternative" : "fits no single alternative in full";
  return [
    unknown(path, keyword, `What the ${walk.writer} gives here ${why} of the ${walk.reader}.`),
  ];
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
