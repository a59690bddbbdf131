/**
 * Values: I-JSON (RFC 7493), frozen.
 *
 * Everything that enters a journal goes through {@link sealJson}: it refuses what JSON cannot carry (with the path of the
 * bad field) and gives a frozen copy whose keys are in canonical order, so that nobody who kept a reference can change it.
 */
import { BatonError } from "./errors.ts";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** `X`, read-only all the way down; functions are left as they are. */
export type Frozen<X> = X extends (...args: never[]) => unknown
  ? X
  : X extends readonly (infer E)[]
    ? number extends X["length"]
      ? readonly Frozen<E>[]
      : { readonly [K in keyof X]: Frozen<X[K]> }
    : X extends object
      ? { readonly [K in keyof X]: Frozen<X[K]> }
      : X;

/** How deep a value may nest. Deeper ones are refused, so that no recursion here can exhaust the stack. */
export const DEPTH_MAX = 200;

/**
 * A frozen canonical copy of `value`: I-JSON only, object keys sorted by UTF-16 code units as RFC 8785 wants.
 * Keys whose value is undefined are refused, not dropped: a value that silently loses a field is how data goes missing.
 *
 * @param what names the value in errors, e.g. `output of credit-score`.
 * @throws BatonError `VALUE_NOT_JSON` with `details.path` (a JSON pointer).
 */
export function sealJson(value: unknown, what: string): Json {
  return sealAt(value, { what, keys: [] });
}

/** Where the walk is: kept as a list, and only written as a pointer when something is refused. */
interface Trail {
  readonly what: string;
  readonly keys: (string | number)[];
}

function sealAt(value: unknown, trail: Trail): Json {
  switch (typeof value) {
    case "string":
      if (!value.isWellFormed()) refuse(trail, "a string with a lone surrogate");
      return value;
    case "number":
      if (!Number.isFinite(value)) refuse(trail, String(value));
      if (Object.is(value, -0)) refuse(trail, "-0");
      return value;
    case "boolean":
      return value;
    case "object":
      if (value === null) return null;
      if (trail.keys.length >= DEPTH_MAX)
        refuse(trail, `nested more than ${DEPTH_MAX} deep (or a cycle)`);
      return Array.isArray(value) ? sealList(value, trail) : sealObject(value, trail);
    default:
      return refuse(trail, value === undefined ? "undefined" : `a ${typeof value}`);
  }
}

function sealList(list: readonly unknown[], trail: Trail): Json {
  const copy: Json[] = new Array(list.length);
  for (let i = 0; i < list.length; i += 1) {
    trail.keys.push(i);
    copy[i] = sealAt(list[i], trail);
    trail.keys.pop();
  }
  return Object.freeze(copy);
}

function sealObject(object: object, trail: Trail): Json {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) {
    refuse(trail, `an instance of ${object.constructor?.name ?? "a class"}`);
  }
  if (Object.getOwnPropertySymbols(object).length > 0) refuse(trail, "an object with symbol keys");
  const copy: Record<string, Json> = {};
  for (const key of keysInOrder(object)) {
    if (!key.isWellFormed()) refuse(trail, "a key with a lone surrogate");
    if (key === "__proto__") refuse(trail, 'a key named "__proto__"');
    trail.keys.push(key);
    // The value was checked to be a plain object; reading it by its own key gives unknown data.
    copy[key] = sealAt((object as Record<string, unknown>)[key], trail);
    trail.keys.pop();
  }
  return Object.freeze(copy);
}

/** Up to so many keys are put in order where they are: `sort` allocates, which costs more than a few comparisons. */
const FEW_KEYS = 16;

/** The keys of an object by UTF-16 code units, as RFC 8785 wants. Most come in that order already. */
export function keysInOrder(object: object): readonly string[] {
  const keys = Object.keys(object);
  if (keys.length > FEW_KEYS) return keys.sort();
  for (let i = 1; i < keys.length; i += 1) {
    const key = keys[i] ?? "";
    let to = i;
    for (let before = keys[to - 1]; before !== undefined && before > key; before = keys[to - 1]) {
      keys[to] = before;
      to -= 1;
    }
    keys[to] = key;
  }
  return keys;
}

/** One step of a JSON pointer (RFC 6901), escaped. */
export function pointerToken(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

function refuse({ what, keys }: Trail, found: string): never {
  const path = keys.map((key) => `/${pointerToken(String(key))}`).join("");
  throw new BatonError("VALUE_NOT_JSON", `The ${what} is not JSON at "${path}": found ${found}.`, {
    details: { path, found, what },
  });
}
