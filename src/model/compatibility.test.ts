import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { CompatibilityMode } from "./compatibility.ts";
import { compatibility } from "./compatibility.ts";
import { contract, rule } from "./contract.ts";
import type { JsonObject } from "./json.ts";

function backward(older: JsonObject, newer: JsonObject) {
  return compatibility(older, newer, "backward");
}

function object(properties: JsonObject, more: JsonObject = {}): JsonObject {
  return {
    type: "object",
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
    ...more,
  };
}

const PERSON = {
  $defs: {
    person: object({
      name: { type: "string" },
      children: { type: "array", items: { $ref: "#/$defs/person" } },
    }),
  },
  $ref: "#/$defs/person",
};

describe("what is not broken", () => {
  const cases: readonly (readonly [string, JsonObject, JsonObject])[] = [
    [
      "the same schema",
      object({ a: { type: "string", pattern: "^a" } }),
      object({ a: { type: "string", pattern: "^a" } }),
    ],
    ["a whole number read as a number", { type: "integer" }, { type: "number" }],
    [
      "a wider range",
      { type: "number", minimum: 3, maximum: 5 },
      { type: "number", exclusiveMinimum: 2 },
    ],
    [
      "the same whole numbers, said otherwise",
      { type: "integer", exclusiveMinimum: 0 },
      { type: "integer", minimum: 1 },
    ],
    ["one more value in an enum", { enum: ["a", "b"] }, { enum: ["a", "b", "c"] }],
    ["a constant read as a string", { const: "a" }, { type: "string", maxLength: 1 }],
    ["null allowed", { type: "string" }, { type: ["string", "null"] }],
    [
      "null allowed by a union",
      { type: ["string", "null"] },
      { anyOf: [{ type: "string" }, { type: "null" }] },
    ],
    ["a new optional field", object({ a: {} }), object({ a: {}, b: {} }, { required: ["a"] })],
    [
      "a field no longer required",
      object({ a: {}, b: {} }),
      object({ a: {}, b: {} }, { required: ["a"] }),
    ],
    [
      "a longer list",
      { type: "array", maxItems: 3, items: { type: "null" } },
      { type: "array", maxItems: 4 },
    ],
    [
      "a tuple read as a list",
      { type: "array", prefixItems: [{ const: 1 }, { const: 2 }], items: false },
      { type: "array", items: { type: "integer" }, maxItems: 2 },
    ],
    [
      "multiples of a multiple",
      { type: "integer", multipleOf: 6 },
      { type: "integer", multipleOf: 3 },
    ],
    [
      "an alternative more",
      { oneOf: [object({ t: { const: "a" } })] },
      { oneOf: [object({ t: { const: "a" } }), object({ t: { const: "b" } })] },
    ],
    ["a recursive schema", PERSON, PERSON],
    [
      "allOf taken apart",
      { allOf: [{ type: "integer" }, { minimum: 2 }] },
      { type: "integer", minimum: 1 },
    ],
    [
      "the same keyword that can't be compared",
      { type: "string", not: { const: "x" } },
      { type: "string", not: { const: "x" } },
    ],
  ];
  test.each(cases)("%s", (_, older, newer) => {
    expect(backward(older, newer)).toEqual({ verdict: "ok", problems: [] });
  });
});

describe("what is broken, and where", () => {
  const closed = (properties: JsonObject) => object(properties);
  const cases: readonly (readonly [string, JsonObject, JsonObject, string, string])[] = [
    [
      "another type",
      closed({ score: { type: "integer" } }),
      closed({ score: { type: "string" } }),
      "/score",
      "type",
    ],
    [
      "a number read as a whole one",
      closed({ score: { type: "number" } }),
      closed({ score: { type: "integer" } }),
      "/score",
      "type",
    ],
    [
      "a higher minimum",
      closed({ score: { type: "integer", minimum: 300 } }),
      closed({ score: { type: "integer", minimum: 400 } }),
      "/score",
      "minimum",
    ],
    [
      "an exclusive maximum",
      { type: "number", maximum: 1 },
      { type: "number", exclusiveMaximum: 1 },
      "",
      "exclusiveMaximum",
    ],
    [
      "a value gone from an enum",
      closed({ g: { enum: ["A", "B"] } }),
      closed({ g: { enum: ["A"] } }),
      "/g",
      "enum",
    ],
    ["a string limited to a list", { type: "string" }, { enum: ["a"] }, "", "enum"],
    ["null no longer taken", { type: ["string", "null"] }, { type: "string" }, "", "type"],
    ["a new required field", closed({ a: {} }), closed({ a: {}, b: {} }), "/b", "required"],
    [
      "a field required now",
      object({ a: {}, b: {} }, { required: ["a"] }),
      closed({ a: {}, b: {} }),
      "/b",
      "required",
    ],
    ["a field removed", closed({ a: {}, b: {} }), closed({ a: {} }), "/b", "additionalProperties"],
    [
      "an open object closed",
      { type: "object" },
      { type: "object", additionalProperties: false },
      "/*",
      "forbidden",
    ],
    [
      "items of another type",
      { type: "array", items: { type: "string" } },
      { type: "array", items: { type: "null" } },
      "/*",
      "type",
    ],
    ["a shorter list", { type: "array" }, { type: "array", maxItems: 2 }, "", "maxItems"],
    [
      "a shorter text",
      { type: "string", maxLength: 9 },
      { type: "string", maxLength: 8 },
      "",
      "maxLength",
    ],
    ["a pattern", { type: "string" }, { type: "string", pattern: "^a" }, "", "pattern"],
    ["a format", { type: "string" }, { type: "string", format: "date" }, "", "format"],
    ["multiples", { type: "integer" }, { type: "integer", multipleOf: 2 }, "", "multipleOf"],
    ["repeats", { type: "array" }, { type: "array", uniqueItems: true }, "", "uniqueItems"],
    [
      "an alternative gone",
      { anyOf: [{ type: "string" }, { type: "object" }] },
      { anyOf: [{ type: "string" }, { type: "null" }] },
      "",
      "anyOf",
    ],
    [
      "a change within a tagged alternative",
      {
        oneOf: [
          object({ t: { const: "a" }, n: { type: "number" } }),
          object({ t: { const: "b" } }),
        ],
      },
      {
        oneOf: [
          object({ t: { const: "a" }, n: { type: "string" } }),
          object({ t: { const: "b" } }),
        ],
      },
      "/n",
      "type",
    ],
    [
      "a change within a recursive schema",
      PERSON,
      {
        $defs: {
          person: object({
            name: { type: "string", maxLength: 5 },
            children: { type: "array", items: { $ref: "#/$defs/person" } },
          }),
        },
        $ref: "#/$defs/person",
      },
      "/name",
      "maxLength",
    ],
    [
      "a key with a slash",
      closed({ "a/b": { type: "string" } }),
      closed({ "a/b": { type: "null" } }),
      "/a~1b",
      "type",
    ],
  ];
  test.each(cases)("%s", (_, older, newer, path, change) => {
    const { verdict, problems } = backward(older, newer);
    expect(verdict).toBe("broken");
    expect(problems).toContainEqual(
      expect.objectContaining({ direction: "backward", verdict: "broken", path, change }),
    );
  });
});

describe("what can't be decided is unknown", () => {
  const cases: readonly (readonly [string, JsonObject, JsonObject])[] = [
    ["another pattern", { type: "string", pattern: "^a" }, { type: "string", pattern: "^[a-c]" }],
    ["not", { type: "string" }, { type: "string", not: { const: "x" } }],
    ["a condition", {}, { if: { type: "string" }, else: { maxLength: 2 } }],
    ["contains", { type: "array" }, { type: "array", contains: { type: "null" } }],
    ["an unknown keyword", {}, { shinyNew: true }],
    [
      "a union covered only by several alternatives",
      { type: "integer", minimum: 1, maximum: 9 },
      { anyOf: [{ maximum: 5 }, { minimum: 5 }] },
    ],
    [
      "overlapping oneOf",
      { type: "integer" },
      { oneOf: [{ type: "integer" }, { type: "number" }] },
    ],
    ["a remote reference", {}, { $ref: "https://example.com/schema" }],
    [
      "a reference that leads back to itself",
      { type: "number" },
      { anyOf: [{ $ref: "#" }, { type: "string" }] },
    ],
    ["references under an inner $id", {}, { $defs: { a: { $id: "urn:a" } } }],
  ];
  test.each(cases)("%s", (_, older, newer) => {
    expect(backward(older, newer)).toMatchObject({ verdict: "unknown" });
  });
});

describe("directions", () => {
  const [narrow, wide] = [{ type: "integer" }, { type: "number" }];
  const cases: readonly (readonly [CompatibilityMode, JsonObject, JsonObject, string, number])[] = [
    ["backward", narrow, wide, "ok", 0],
    ["forward", narrow, wide, "broken", 1],
    ["forward", wide, narrow, "ok", 0],
    ["full", narrow, wide, "broken", 1],
    ["none", { type: "null" }, { type: "string" }, "ok", 0],
  ];
  test.each(cases)("%s of %j and %j", (mode, older, newer, verdict, count) => {
    const found = compatibility(older, newer, mode);
    expect([found.verdict, found.problems.length]).toEqual([verdict, count]);
    for (const problem of found.problems) expect(problem.direction).toBe("forward");
  });
});

describe("contracts", () => {
  const report = z.object({ score: z.int(), confidence: z.number() });
  const sure = rule(
    "confidence is at least 0.7",
    (value: { readonly confidence: number }) => value.confidence >= 0.7,
  );

  test("a rule added is a narrowing, a rule removed a widening", () => {
    const without = contract("credit-report", "1.0.0", report);
    const withRule = contract("credit-report", "1.1.0", report, { rules: [sure] });
    expect(compatibility(without, withRule, "backward")).toMatchObject({
      verdict: "broken",
      problems: [{ change: "rule" }],
    });
    expect(compatibility(without, withRule, "forward").verdict).toBe("ok");
    expect(compatibility(withRule, without, "backward").verdict).toBe("ok");
    expect(
      compatibility({ type: "string" }, { type: "string", "x-baton-rules": ["short"] }, "backward")
        .verdict,
    ).toBe("broken");
  });

  test("a field with a default, or one that is dropped, does not break the reader", () => {
    const older = contract("credit-report", "1.0.0", report);
    const withDefault = contract(
      "credit-report",
      "1.1.0",
      report.extend({ bureau: z.string().default("main") }),
    );
    const dropped = contract("credit-report", "2.0.0", report.omit({ confidence: true }));
    expect(compatibility(older, withDefault, "backward").verdict).toBe("ok");
    expect(compatibility(older, dropped, "backward").verdict).toBe("ok");
    expect(compatibility(older, dropped, "forward")).toMatchObject({
      problems: [{ path: "/confidence", change: "required" }],
    });
  });

  test("a refinement that JSON Schema can't show is unknown", () => {
    const older = contract("credit-report", "1.0.0", report);
    const refined = contract(
      "credit-report",
      "1.1.0",
      report.refine((value) => value.confidence > 0.5),
    );
    const insensitive = contract("name", "1.1.0", z.string().regex(/^a/i));
    expect(compatibility(older, refined, "backward")).toMatchObject({
      verdict: "unknown",
      problems: [{ change: "x-baton-refined" }],
    });
    expect(
      compatibility(contract("name", "1.0.0", z.string().regex(/^a/)), insensitive, "backward")
        .verdict,
    ).toBe("unknown");
    expect(
      compatibility(insensitive, contract("name", "1.2.0", insensitive.schema), "full").verdict,
    ).toBe("ok");
  });

  test("a contract without JSON Schema is unknown", () => {
    const dates = contract("dates", "1.0.0", z.object({ at: z.date() }));
    const other = contract("dates", "1.1.0", z.object({ at: z.string() }));
    expect(compatibility(dates, other, "backward")).toMatchObject({
      verdict: "unknown",
      problems: [{ change: "jsonSchema" }],
    });
  });
});
