import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { CompatibilityMode } from "./compatibility.ts";
import { compatibility } from "./compatibility.ts";
import { contract, rule } from "./contract.ts";
import type { Json, JsonObject } from "./json.ts";

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

const KEYS = ["a", "b", "xa"];
const small = fc.integer({ min: -2, max: 4 });
const size = fc.integer({ min: 0, max: 3 });

const scalars: fc.Arbitrary<Json> = fc.oneof(
  small,
  fc.constantFrom<Json>(0.5, 1.5, null, true, false, "", "a", "ab", "bb", "abc"),
);

const values: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthIdentifier: "value" },
    scalars,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...KEYS, "other"), tie("value"), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
  ),
})).value;

function optional(parts: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<JsonObject> {
  // Every part generates JSON, so the record of some of them is a JSON object.
  return fc.record(parts, {
    requiredKeys: [],
    noNullPrototype: true,
  }) as unknown as fc.Arbitrary<JsonObject>;
}

const typed = (type: string, parts: Record<string, fc.Arbitrary<unknown>>) =>
  optional(parts).map((schema): JsonObject => ({ type, ...schema }));

const schemas: fc.Arbitrary<JsonObject> = fc.letrec<{ schema: JsonObject }>((tie) => {
  const inner = tie("schema");
  const some = (each: fc.Arbitrary<unknown>) => fc.array(each, { minLength: 1, maxLength: 2 });
  const keyed = fc.dictionary(fc.constantFrom(...KEYS), inner, {
    maxKeys: 2,
    noNullPrototype: true,
  });
  const flagOr = fc.oneof(fc.boolean(), inner);
  const bounds = {
    minimum: small,
    maximum: small,
    exclusiveMinimum: small,
    exclusiveMaximum: small,
    multipleOf: fc.constantFrom(1, 2, 3, 0.5),
  };
  return {
    schema: fc.oneof(
      { maxDepth: 3, depthIdentifier: "schema" },
      fc.constantFrom<JsonObject>(
        {},
        { type: "null" },
        { type: "boolean" },
        { type: ["string", "null"] },
        { type: ["integer", "array"] },
        { $ref: "#/$defs/one" },
      ),
      typed("integer", bounds),
      typed("number", bounds),
      typed("string", { minLength: size, maxLength: size, pattern: fc.constantFrom("^a", "b$") }),
      fc
        .uniqueArray(scalars, { minLength: 1, maxLength: 3 })
        .map((each): JsonObject => ({ enum: each })),
      scalars.map((each): JsonObject => ({ const: each })),
      typed("array", {
        items: flagOr,
        prefixItems: some(inner),
        minItems: size,
        maxItems: size,
        uniqueItems: fc.boolean(),
        contains: inner,
      }),
      typed("object", {
        properties: keyed,
        required: fc.uniqueArray(fc.constantFrom(...KEYS), { maxLength: 2 }),
        additionalProperties: flagOr,
        patternProperties: fc.dictionary(fc.constantFrom("^x", "a$"), inner, {
          maxKeys: 1,
          noNullPrototype: true,
        }),
        minProperties: size,
        maxProperties: size,
        propertyNames: fc.constantFrom({ maxLength: 1 }, { enum: ["a", "b"] }, { type: "string" }),
      }),
      some(inner).map((each) => ({ anyOf: each }) as JsonObject),
      some(inner).map((each) => ({ oneOf: each }) as JsonObject),
      some(inner).map((each) => ({ allOf: each }) as JsonObject),
      fc.tuple(inner, inner).map(([one, other]): JsonObject => ({ ...one, ...other })),
      inner.map((each): JsonObject => ({ not: each })),
      fc.record({ if: inner, else: inner }, { noNullPrototype: true }),
    ),
  };
}).schema;

/** A document whose `#/$defs/one` refers to nothing but itself through an array, so that recursion consumes the value. */
function documentOf(schema: fc.Arbitrary<JsonObject>): fc.Arbitrary<JsonObject> {
  return fc.record({ body: schema, maxItems: size }).map(({ body, maxItems }) => ({
    $defs: { one: { type: ["array", "null"], items: { $ref: "#/$defs/one" }, maxItems } },
    allOf: [body],
  }));
}

/** Objects so flat that all of their values can be tried. */
const flatSchemas: fc.Arbitrary<JsonObject> = (() => {
  const leaf = fc.constantFrom<Json>(
    true,
    false,
    { const: 1 },
    { enum: [1, "a"] },
    { type: "string" },
    { type: "integer" },
    { not: { const: 1 } },
  );
  const keyed = (keys: readonly string[], maxKeys: number) =>
    fc.dictionary(fc.constantFrom(...keys), leaf, { maxKeys, noNullPrototype: true });
  const flat = typed("object", {
    properties: keyed(KEYS, 3),
    required: fc.uniqueArray(fc.constantFrom(...KEYS), { maxLength: 2 }),
    additionalProperties: leaf,
    patternProperties: keyed(["^x", "a$"], 1),
    minProperties: size,
    maxProperties: size,
    propertyNames: fc.constantFrom({ maxLength: 1 }, { enum: ["a", "b"] }, { type: "string" }),
  });
  const several = fc.array(flat, { minLength: 1, maxLength: 2 });
  return fc.oneof(
    flat,
    several.map((each): JsonObject => ({ anyOf: each })),
    several.map((each): JsonObject => ({ oneOf: each })),
  );
})();

const flatValues: readonly JsonObject[] = KEYS.reduce<readonly JsonObject[]>(
  (values, key) =>
    values.flatMap((value) => [
      value,
      ...[1, 2, "a", null].map((field) => ({ ...value, [key]: field })),
    ]),
  [{}],
);

/** A pair in which one is often a small change of the other, so that not all pairs are plainly broken. */
function pairsOf(
  schema: fc.Arbitrary<JsonObject>,
): fc.Arbitrary<readonly [older: JsonObject, newer: JsonObject]> {
  const document = documentOf(schema);
  return fc.oneof(
    fc.tuple(document, document),
    fc
      .tuple(document, schema)
      .map(
        ([older, extra]) =>
          [older, { ...older, allOf: [{ anyOf: [...conjuncts(older), extra] }] }] as const,
      ),
    fc
      .tuple(document, schema)
      .map(([newer, extra]) => [{ ...newer, allOf: [...conjuncts(newer), extra] }, newer] as const),
    document.chain((older) => fc.tuple(fc.constant(older), changed(older))),
    document.chain((newer) => fc.tuple(changed(newer), fc.constant(newer))),
  );
}

function conjuncts({ allOf }: JsonObject): readonly Json[] {
  return Array.isArray(allOf) ? allOf : [];
}

/** The document with one keyword dropped somewhere, or a number in it moved by one. */
function changed(document: JsonObject): fc.Arbitrary<JsonObject> {
  return fc.nat({ max: 30 }).map((index) => {
    let left = index;
    const visit = (node: Json): Json => {
      if (typeof node === "number") return left-- === 0 && node > 0 ? node + 1 : node;
      if (Array.isArray(node)) return node.map(visit);
      if (typeof node !== "object" || node === null) return node;
      const kept = Object.entries(node).filter(
        ([key]) => ["$defs", "one", "allOf"].includes(key) || left-- !== 0,
      );
      return Object.fromEntries(kept.map(([key, part]) => [key, visit(part)]));
    };
    return visit(document) as JsonObject;
  });
}

/** How many pairs were found to be ok, and how many values could have shown that they are not. */
function soundness(
  pairs: fc.Arbitrary<readonly [older: JsonObject, newer: JsonObject]>,
  samplesOf: fc.Arbitrary<readonly Json[]>,
) {
  // Without allErrors, ajv skips "contains" for arrays shorter than "prefixItems", and is no oracle.
  const ajv = new Ajv2020({
    allErrors: true,
    strict: false,
    addUsedSchema: false,
    logger: false,
    validateSchema: false,
  });
  // No schema here needs it, and where ajv tracks what was evaluated, it fails at some right values.
  ajv.opts.unevaluated = false;
  const tried = { pairs: 0, values: 0 };
  fc.assert(
    fc.property(pairs, samplesOf, ([older, newer], samples) => {
      if (backward(older, newer).verdict !== "ok") return;
      tried.pairs += 1;
      const [before, after] = [ajv.compile(older), ajv.compile(newer)];
      for (const sample of samples) {
        if (!before(sample)) continue;
        tried.values += 1;
        expect(
          after(sample),
          `${JSON.stringify(sample)} under ${JSON.stringify([older, newer])}`,
        ).toBe(true);
      }
    }),
    { numRuns: 1_500 },
  );
  return tried;
}

describe("when the verdict is ok, whatever is valid under the older is valid under the newer", () => {
  // The property would hold of a function that never says ok; it must have had something to say.
  test("for schemas of all kinds and some of their values", () => {
    const tried = soundness(pairsOf(schemas), fc.array(values, { minLength: 30, maxLength: 60 }));
    expect(tried.pairs).toBeGreaterThan(100);
    expect(tried.values).toBeGreaterThan(100);
  });

  test("for flat objects and all of their values", () => {
    const tried = soundness(pairsOf(flatSchemas), fc.constant(flatValues));
    expect(tried.pairs).toBeGreaterThan(100);
    expect(tried.values).toBeGreaterThan(1_000);
  });
});
