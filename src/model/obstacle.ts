/** What the comparison of two schemas finds, and what it carries along. */
import type { Json, JsonObject } from "./json.ts";
import { pointerToken } from "./json.ts";

/** One reason why a reader may not accept what a writer gives. */
export interface Obstacle {
  /** `broken`: there are such values. `unknown`: it can't be decided here. */
  readonly verdict: "broken" | "unknown";
  /** Where in the value, as a JSON pointer; `*` is any index or key. */
  readonly path: string;
  /** The keyword in question. */
  readonly change: string;
  readonly message: string;
}

/** What a comparison carries along. */
export interface Comparison {
  readonly writerRoot: JsonObject;
  readonly readerRoot: JsonObject;
  /** What to call the two in messages: `older version`, `newer version`. */
  readonly writer: string;
  readonly reader: string;
  /** Compares parts: what satisfies all the writer's schemas must satisfy the reader's. */
  readonly compare: (writer: readonly Json[], reader: Json, path: string) => readonly Obstacle[];
}

/** A problem of which there are values, as far as these keywords tell. */
export function broken(path: string, change: string, message: string): Obstacle {
  return { verdict: "broken", path, change, message };
}

/** A problem that could not be decided. */
export function unknown(path: string, change: string, message: string): Obstacle {
  return { verdict: "unknown", path, change, message };
}

/** The path of a part. */
export function below(path: string, key: string): string {
  return `${path}/${pointerToken(key)}`;
}
