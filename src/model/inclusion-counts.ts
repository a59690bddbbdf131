/** Bounds on how long a text is, or how many parts an array or object has. */
import type { JsonObject } from "./json.ts";
import type { Comparison, Obstacle } from "./obstacle.ts";
import { broken } from "./obstacle.ts";

/** The least and the most that the writer gives, each with the keyword by which the reader bounds it. */
export interface Counts {
  readonly least: readonly [keyword: string, given: number];
  readonly most: readonly [keyword: string, given: number];
}

/** Where the reader's bounds on a length or a number of parts are tighter than the writer's. */
export function countProblems(
  { writer, reader }: Comparison,
  taken: JsonObject,
  path: string,
  { least, most }: Counts,
): Obstacle[] {
  const problems: Obstacle[] = [];
  const [low, high] = [taken[least[0]], taken[most[0]]];
  if (typeof low === "number" && low > least[1]) {
    problems.push(
      broken(
        path,
        least[0],
        `The ${reader} wants ${least[0]} ${low}; the ${writer} promises ${least[1]}.`,
      ),
    );
  }
  if (typeof high === "number" && high < most[1]) {
    const promise = Number.isFinite(most[1]) ? `promises ${most[1]}` : "sets no limit";
    problems.push(
      broken(path, most[0], `The ${reader} wants ${most[0]} ${high}; the ${writer} ${promise}.`),
    );
  }
  return problems;
}
