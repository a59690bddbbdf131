import canonicalize from "canonicalize";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isBatonError } from "../model/errors.ts";
import { type Json, sealJson } from "../model/json.ts";
import { canonicalJson } from "./canonical.ts";

const key = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: "binary" }),
  fc.nat().map(String),
  fc.constantFrom(
    "",
    "-",
    "1",
    "10",
    "9",
    "é",
    "\u{1F600}",
    "\uFB33",
    "\\ud800",
    "toJSON",
    "__proto__",
    "constructor",
  ),
);
const scalar = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(
    1e21,
    1e-7,
    5e-324,
    -0,
    333333333.33333329,
    4.5,
    2e-3,
    1e30,
    Number.MAX_SAFE_INTEGER,
  ),
  fc.integer(),
  fc.string({ unit: "binary" }),
  fc.boolean(),
  fc.constant(null),
);
const json = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    scalar,
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(key, tie("value"), { maxKeys: 8 }),
  ),
})).value;

describe("canonicalJson", () => {
  test("gives the library's text for any JSON", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(value)).toBe(canonicalize(value));
      }),
      { numRuns: 2_000 },
    );
  });

  test("gives the library's text for sealed values, which take the fast way", () => {
    const sealable = json.filter((value) => !hasOddity(value));
    fc.assert(
      fc.property(sealable, (value) => {
        const sealed = sealJson(value, "value");
        expect(canonicalJson(sealed)).toBe(canonicalize(sealed));
      }),
      { numRuns: 1_000 },
    );
  });

  test("sorts integer-like keys by code units, not by size", () => {
    expect(canonicalJson({ 9: 1, 10: 2, "-": 3, a: 4 })).toBe('{"-":3,"10":2,"9":1,"a":4}');
  });

  test("sorts keys by UTF-16 code units (the example of RFC 8785)", () => {
    const value = {
      "\u20ac": 1,
      "\r": 2,
      "\ufb33": 3,
      "1": 4,
      "\u{1f600}": 5,
      "\u0080": 6,
      "\u00f6": 7,
    };
    expect(canonicalJson(value)).toBe(
      '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\u{1f600}":5,"\ufb33":3}',
    );
  });

  test.each([
    ["NaN", Number.NaN],
    ["Infinity in a list", [1, Number.POSITIVE_INFINITY]],
    ["a lone surrogate", { a: "\ud800" }],
    ["undefined", undefined],
  ])("refuses %s", (_name, value) => {
    // The cast lets the test pass what the types forbid.
    expect(codeOf(() => canonicalJson(value as Json))).toBe("VALUE_NOT_JSON");
  });

  test("refuses a cycle", () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    // The cast lets the test pass what the types forbid.
    expect(codeOf(() => canonicalJson(cycle as Json))).toBe("VALUE_NOT_JSON");
  });
});

function hasOddity(value: Json): boolean {
  const text = JSON.stringify(value);
  return (
    text.includes("__proto__") ||
    text.includes("\\ud") ||
    JSON.stringify(value, (_key, x) => (Object.is(x, -0) ? "-0" : x)).includes('"-0"')
  );
}

function codeOf(act: () => unknown): string {
  try {
    act();
    return "nothing thrown";
  } catch (error) {
    return isBatonError(error) ? error.code : String(error);
  }
}
