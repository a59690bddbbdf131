import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { journalOf, sealed, started } from "../../test/support/journal-builder.ts";
import { type Json, sealJson } from "../model/json.ts";
import { pointerTokens } from "../model/json-pointer.ts";
import { type Change, diffValues, diffVersions } from "./diff.ts";

/** Applies changes as the docstring of Change says. */
function apply(value: Json, changes: readonly Change[]): Json {
  const removed = changes.filter(({ kind }) => kind === "removed").reverse();
  const root = { "": structuredClone(value) };
  for (const change of [...changes.filter(({ kind }) => kind !== "removed"), ...removed]) {
    const tokens = ["", ...(pointerTokens(change.path) ?? [])];
    const last = tokens.pop() ?? "";
    // A walk through JSON by paths that were found in it.
    const parent = tokens.reduce<Record<string, never>>(
      (at, token) => at[token] as never,
      root as never,
    );
    if (change.kind !== "removed") Object.assign(parent, { [last]: change.after });
    else if (Array.isArray(parent)) parent.splice(Number(last), 1);
    else delete parent[last];
  }
  return root[""];
}

const key = fc.constantFrom(
  "a",
  "b",
  "a/b",
  "~",
  "constructor",
  "toString",
  "hasOwnProperty",
  "1",
  "",
);
const json = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, 0, 1, "x", true),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

describe("diffValues", () => {
  it("names each place by a JSON pointer", () => {
    const before = { kept: 1, "a/b": { "~": 1 }, list: [1, 2, 3] };
    const after = { kept: 1, "a/b": { "~": 2 }, list: [1, 5], added: null };
    expect(diffValues(before, after)).toEqual([
      { kind: "changed", path: "/a~1b/~0", before: 1, after: 2 },
      { kind: "changed", path: "/list/1", before: 2, after: 5 },
      { kind: "removed", path: "/list/2", before: 3 },
      { kind: "added", path: "/added", after: null },
    ]);
  });

  it("compares values that are no objects", () => {
    expect(diffValues(1, [1])).toEqual([{ kind: "changed", path: "", before: 1, after: [1] }]);
  });

  it("finds nothing exactly where nothing differs, and all that is needed to get from one to the other", () => {
    fc.assert(
      fc.property(json, json, (one, other) => {
        const [before, after] = [sealJson(one, "before"), sealJson(other, "after")];
        expect(diffValues(before, before)).toEqual([]);
        expect(apply(before, diffValues(before, after))).toEqual(after);
      }),
      { numRuns: 500 },
    );
  });
});

describe("diffVersions", () => {
  it("compares versions of one run, and of two", () => {
    const one = journalOf([started({ a: 1 }), sealed("score", 1)]);
    const other = journalOf([started({ a: 2 }), sealed("score", 1)], "r2");
    expect(diffVersions({ entries: one.entries, version: 0 }, { entries: one.entries })).toEqual([
      { kind: "added", path: "/score", after: 1 },
    ]);
    expect(diffVersions({ entries: one.entries }, { entries: other.entries })).toEqual([
      { kind: "changed", path: "/input/a", before: 1, after: 2 },
    ]);
  });
});
