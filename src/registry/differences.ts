/** In what a definition of the code differs from the one that is registered. */
import { diffValues } from "../history/diff.ts";
import type { DefinitionDifference } from "../model/admission.ts";
import type { JsonObject } from "../model/json.ts";

/** More would not be read, and would be a burden to the entry that has them. */
const DIFFERENCES_MAX = 10;
/** A value that is longer as JSON is left out: its path says where to look. */
const VALUE_CHARS_MAX = 1_000;

/** The first ten, in the order of the keys of what is registered. */
export function definitionDifferences(
  registered: JsonObject,
  code: JsonObject,
): readonly DefinitionDifference[] {
  return diffValues(registered, code)
    .slice(0, DIFFERENCES_MAX)
    .map(({ kind, path, before, after }) => ({
      kind,
      path,
      ...(isShort(before) ? { before } : {}),
      ...(isShort(after) ? { after } : {}),
    }));
}

function isShort<X>(value: X | undefined): value is X {
  return value !== undefined && JSON.stringify(value).length <= VALUE_CHARS_MAX;
}

/** One difference as a sentence without a full stop: `/steps/risk/needs changed from ["score"] to ["income"]`. */
export function differenceText({ kind, path, before, after }: DefinitionDifference): string {
  const where = path === "" ? "the whole" : path;
  switch (kind) {
    case "added":
      return `${where} is new in the code: ${valueText(after)}`;
    case "removed":
      return `${where} is registered, and not in the code: ${valueText(before)}`;
    case "changed":
      return `${where} is registered as ${valueText(before)}, and is ${valueText(after)} in the code`;
  }
}

const TEXT_CHARS_MAX = 80;

function valueText(value: unknown): string {
  if (value === undefined) return "a long value";
  const text = JSON.stringify(value);
  return text.length <= TEXT_CHARS_MAX ? text : `${text.slice(0, TEXT_CHARS_MAX)}...`;
}
