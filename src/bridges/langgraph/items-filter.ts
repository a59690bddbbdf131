/** What a search in a LangGraph store asks of an item's fields: a value, or comparisons such as `{ $gte: 5 }`. */
import { BatonError } from "../../model/errors.ts";
import type { Json, JsonObject } from "../../model/json.ts";

type Comparison = (found: Json | undefined, asked: unknown) => boolean;

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  $eq: isSame,
  $ne: (found, asked) => !isSame(found, asked),
  $gt: (found, asked) => Number(found) > Number(asked),
  $gte: (found, asked) => Number(found) >= Number(asked),
  $lt: (found, asked) => Number(found) < Number(asked),
  $lte: (found, asked) => Number(found) <= Number(asked),
  $in: (found, asked) => Array.isArray(asked) && asked.some((each) => isSame(found, each)),
  $nin: (found, asked) => !Array.isArray(asked) || !asked.some((each) => isSame(found, each)),
};

/** @throws BatonError ARGUMENT_INVALID for a comparison that there is not */
export function matches(value: Json, filter: Readonly<Record<string, unknown>>): boolean {
  const fields: JsonObject =
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? // Neither null nor a list: an object.
        (value as JsonObject)
      : {};
  return Object.entries(filter).every(([key, asked]) => holds(fields[key], asked));
}

function holds(found: Json | undefined, asked: unknown): boolean {
  if (typeof asked !== "object" || asked === null || Array.isArray(asked))
    return isSame(found, asked);
  const comparisons = Object.entries(asked);
  if (!comparisons.some(([name]) => name.startsWith("$"))) return isSame(found, asked);
  return comparisons.every(([name, against]) => {
    const compare = Object.hasOwn(COMPARISONS, name) ? COMPARISONS[name] : undefined;
    if (compare !== undefined) return compare(found, against);
    const known = Object.keys(COMPARISONS).join(", ");
    throw new BatonError("ARGUMENT_INVALID", `A filter compares with ${name}; there are ${known}.`);
  });
}

/** Equal as JSON, whatever the order of keys. */
function isSame(found: unknown, asked: unknown): boolean {
  if (found === asked) return true;
  if (typeof found !== "object" || typeof asked !== "object" || found === null || asked === null)
    return false;
  const [a, b] = [Object.entries(found), Object.entries(asked)];
  const isListAlike = Array.isArray(found) === Array.isArray(asked);
  const others = new Map(b);
  return (
    isListAlike &&
    a.length === b.length &&
    a.every(([k, v]) => others.has(k) && isSame(v, others.get(k)))
  );
}
