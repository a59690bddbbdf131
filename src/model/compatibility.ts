/** Whether two versions of a contract can live side by side: who can read what whom has written. */
import type { AnyContract } from "./contract.ts";
import type { JsonObject } from "./json.ts";
import type { Obstacle } from "./obstacle.ts";
import { RULES_KEYWORD } from "./schema-derivation.ts";
import { inclusionObstacles } from "./schema-inclusion.ts";

/**
 * `backward`: who reads with the newer version accepts all that was valid under the older.
 * `forward`: who reads with the older version accepts all that is valid under the newer. `full`: both. `none`: no promise.
 */
export type CompatibilityMode = "backward" | "forward" | "full" | "none";

/** One thing that keeps two versions from being compatible, or from being known to be. */
export interface CompatibilityProblem extends Obstacle {
  readonly direction: "backward" | "forward";
}

export interface Compatibility {
  /** `ok` is a proof; `unknown` means that nothing was found to be broken, but not all could be decided. */
  readonly verdict: "ok" | "broken" | "unknown";
  readonly problems: readonly CompatibilityProblem[];
}

/**
 * Compares two versions of a contract (or their JSON Schemas, where rules stand as `x-baton-rules`).
 * A rule is known by its name: one that is added refuses values that were valid before, one of the same name is the same.
 *
 * @returns what broke and where: the path is a JSON pointer into a value, in which `*` is any index or key.
 */
export function compatibility(
  older: AnyContract | JsonObject,
  newer: AnyContract | JsonObject,
  mode: CompatibilityMode,
): Compatibility {
  const [before, after] = [sideOf(older), sideOf(newer)];
  const problems: CompatibilityProblem[] = [];
  if (mode === "backward" || mode === "full") {
    const names = { writer: "older version", reader: "newer version" };
    problems.push(
      ...obstacles(before, after, names).map((each) => ({
        direction: "backward" as const,
        ...each,
      })),
    );
  }
  if (mode === "forward" || mode === "full") {
    const names = { writer: "newer version", reader: "older version" };
    problems.push(
      ...obstacles(after, before, names).map((each) => ({
        direction: "forward" as const,
        ...each,
      })),
    );
  }
  const worst = problems.some((each) => each.verdict === "broken") ? "broken" : "unknown";
  return { verdict: problems.length === 0 ? "ok" : worst, problems };
}

interface Side {
  /** The schema itself, where it is known: the same object refuses the same values, whatever JSON Schema can say of it. */
  readonly schema?: object;
  readonly gives: JsonObject | undefined;
  readonly accepts: JsonObject | undefined;
  readonly rules: readonly string[];
}

function sideOf(given: AnyContract | JsonObject): Side {
  if (isContract(given)) {
    const { schema, jsonSchema, accepts, rules } = given;
    return { schema, gives: jsonSchema, accepts, rules: rules.map((each) => each.name) };
  }
  const named = given[RULES_KEYWORD];
  const rules = Array.isArray(named) ? named.filter((each) => typeof each === "string") : [];
  return { gives: given, accepts: given, rules };
}

function isContract(given: AnyContract | JsonObject): given is AnyContract {
  return "describe" in given && typeof given["describe"] === "function";
}

interface Names {
  readonly writer: string;
  readonly reader: string;
}

function obstacles(writer: Side, reader: Side, names: Names): readonly Obstacle[] {
  return [...schemaObstacles(writer, reader, names), ...ruleObstacles(writer, reader, names)];
}

function schemaObstacles(writer: Side, reader: Side, names: Names): readonly Obstacle[] {
  if (writer.schema !== undefined && writer.schema === reader.schema) return [];
  const missing = writer.gives === undefined ? names.writer : names.reader;
  if (writer.gives === undefined || reader.accepts === undefined) {
    const message = `The ${missing} has no JSON Schema to compare; pass \`jsonSchema\` to contract().`;
    return [{ verdict: "unknown", path: "", change: "jsonSchema", message }];
  }
  return inclusionObstacles(writer.gives, reader.accepts, names);
}

function ruleObstacles(writer: Side, reader: Side, names: Names): readonly Obstacle[] {
  return reader.rules
    .filter((name) => !writer.rules.includes(name))
    .map((name) => ({
      verdict: "broken",
      path: "",
      change: "rule",
      message: `The ${names.reader} has the rule "${name}", which the ${names.writer} does not keep.`,
    }));
}
