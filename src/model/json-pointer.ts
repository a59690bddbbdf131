/** JSON pointers (RFC 6901) and the structural comparison of JSON values. */
import type { Json } from "./json.ts";
import { pointerToken } from "./json.ts";

/** The steps of a path: keys, and indexes as text. */
export type Tokens = readonly string[];

/** The pointer of a path: `["lines", "0"]` gives `/lines/0`, no tokens give `""` (the whole value). */
export function pointer(tokens: Tokens): string {
  let text = "";
  for (const token of tokens) text += `/${pointerToken(token)}`;
  return text;
}

/** The steps of a pointer, or undefined where it is not one (it must be empty or begin with a slash). */
export function pointerTokens(text: string): Tokens | undefined {
  if (text === "") return [];
  if (!text.startsWith("/") || /~(?![01])/.test(text)) return undefined;
  return text
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** What lies at a path of `root`, looking at own properties only; undefined where there is nothing. */
export function valueAt(root: unknown, tokens: Tokens): unknown {
  let value = root;
  for (const token of tokens) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, token)) {
      return undefined;
    }
    // An object read by its own key gives unknown data.
    value = (value as Record<string, unknown>)[token];
  }
  return value;
}

/**
 * Whether `other` is the same JSON value as `sealed`, whatever the order of its keys.
 * `sealed` is JSON already (a sealed value), so its depth is bounded; `other` may be anything.
 */
export function sameJson(sealed: Json, other: unknown): boolean {
  if (sealed === other) return true;
  if (typeof sealed !== "object" || sealed === null) return false;
  if (typeof other !== "object" || other === null) return false;
  if (Array.isArray(sealed)) return sameArray(sealed, other);
  const prototype: unknown = Object.getPrototypeOf(other);
  if (prototype !== Object.prototype && prototype !== null) return false;
  const keys = Object.keys(sealed);
  // Both are plain objects here; reading them by key gives JSON on one side and unknown data on the other.
  const mine = sealed as Record<string, Json>;
  const theirs = other as Record<string, unknown>;
  for (const key of keys) {
    const value = mine[key];
    if (value !== theirs[key] && !sameJson(value as Json, theirs[key])) return false;
  }
  return Object.keys(other).length === keys.length;
}

function sameArray(sealed: readonly Json[], other: object): boolean {
  if (!Array.isArray(other) || other.length !== sealed.length) return false;
  // The index is within the length of both, which TypeScript does not follow.
  for (let i = 0; i < sealed.length; i += 1)
    if (!sameJson(sealed[i] as Json, other[i])) return false;
  return true;
}

/** The pointer of the first place where two JSON values differ; undefined if they are the same. */
export function firstDifference(a: Json, b: Json, path = ""): string | undefined {
  if (sameJson(a, b)) return undefined;
  const comparable =
    typeof a === "object" &&
    a !== null &&
    typeof b === "object" &&
    b !== null &&
    Array.isArray(a) === Array.isArray(b);
  if (!comparable) return path;
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const [left, right] = [valueAt(a, [key]), valueAt(b, [key])];
    const at = `${path}/${pointerToken(key)}`;
    if (left === undefined || right === undefined) return at;
    // Both are parts of JSON values.
    const found = firstDifference(left as Json, right as Json, at);
    if (found !== undefined) return found;
  }
  return path;
}
