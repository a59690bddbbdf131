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
  return sealAt(value, what, "", 0);
}

function sealAt(value: unknown, what: string, path: string, depth: number): Json {
  switch (typeof value) {
    case "string":
      if (!value.isWellFormed()) refuse(what, path, "a string with a lone surrogate");
      return value;
    case "number":
      if (!Number.isFinite(value)) refuse(what, path, String(value));
      if (Object.is(value, -0)) refuse(what, path, "-0");
      return value;
    case "boolean":
      return value;
    case "object":
      return value === null ? null : sealObject(value, what, path, depth + 1);
    default:
      return refuse(what, path, value === undefined ? "undefined" : `a ${typeof value}`);
  }
}

function sealObject(value: object, what: string, path: string, depth: number): Json {
  if (depth > DEPTH_MAX) refuse(what, path, `nested more than ${DEPTH_MAX} deep (or a cycle)`);
  if (Array.isArray(value)) {
    const copy: Json[] = new Array(value.length);
    for (let i = 0; i < value.length; i += 1)
      copy[i] = sealAt(value[i], what, `${path}/${i}`, depth);
    return Object.freeze(copy);
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    refuse(what, path, `an instance of ${value.constructor?.name ?? "a class"}`);
  }
  if (Object.getOwnPropertySymbols(value).length > 0)
    refuse(what, path, "an object with symbol keys");
  const copy: Record<string, Json> = {};
  for (const key of Object.keys(value).sort()) {
    if (!key.isWellFormed()) refuse(what, path, "a key with a lone surrogate");
    if (key === "__proto__") refuse(what, path, 'a key named "__proto__"');
    // The value was checked to be a plain object; reading it by its own key gives unknown data.
    const field = (value as Record<string, unknown>)[key];
    copy[key] = sealAt(field, what, `${path}/${pointerToken(key)}`, depth);
  }
  return Object.freeze(copy);
}

/** One step of a JSON pointer (RFC 6901), escaped. */
export function pointerToken(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

function refuse(what: string, path: string, found: string): never {
  throw new BatonError("VALUE_NOT_JSON", `The ${what} is not JSON at "${path}": found ${found}.`, {
    details: { path, found, what },
  });
}
