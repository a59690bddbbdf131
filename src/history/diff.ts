/** What differs between two values, or between two versions of one run or of two. */
import microdiff from "microdiff";
import type { Json } from "../model/json.ts";
import { pointer, valueAt } from "../model/json-pointer.ts";
import type { RecordedEntry } from "./read.ts";
import { stateAt } from "./state.ts";

/**
 * One place where two values differ. Lists are compared by index. Applied one after another, the changes turn the value
 * before into the value after, if what is removed is taken from the last one to the first.
 */
export interface Change {
  readonly kind: "added" | "removed" | "changed";
  /** JSON pointer. */
  readonly path: string;
  readonly before?: Json;
  readonly after?: Json;
}

/** A place to compare: a run at a version (the newest if left out). */
export interface VersionRef {
  readonly run: string;
  readonly version?: number;
}

/** A version of a run, with the entries that it is read from. */
export interface VersionOf {
  readonly entries: readonly RecordedEntry[];
  /** The newest if left out. */
  readonly version?: number;
}

/** What differs between two JSON values, in the order of the keys of the value before. */
export function diffValues(before: Json, after: Json): readonly Change[] {
  // Both stand under one key, so that values that aren't objects can be compared too; the key is taken off the paths.
  const found = microdiff({ whole: bare(before) }, { whole: bare(after) }, { cyclesFix: false });
  return found.map((difference): Change => {
    const tokens = difference.path.slice(1).map(String);
    const path = pointer(tokens);
    // The library found these paths in (copies of) the two values, so that JSON lies there.
    const [old, now] = [valueAt(before, tokens) as Json, valueAt(after, tokens) as Json];
    if (difference.type === "CREATE") return { kind: "added", path, after: now };
    if (difference.type === "REMOVE") return { kind: "removed", path, before: old };
    return { kind: "changed", path, before: old, after: now };
  });
}

/**
 * What differs between the state at one version and at another, of one run or of two.
 * @throws BatonError VERSION_NOT_FOUND, RUN_NOT_FOUND
 */
export function diffVersions(before: VersionOf, after: VersionOf): readonly Change[] {
  return diffValues(
    stateAt(before.entries, before.version).values,
    stateAt(after.entries, after.version).values,
  );
}

/** A copy whose objects have no prototype: the library asks `key in object`, which finds `constructor` in any other. */
function bare(value: Json): Json {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(bare);
  const copy: Record<string, Json> = Object.create(null);
  for (const [key, child] of Object.entries(value)) copy[key] = bare(child);
  return copy;
}
