/** Soundness: an ok between two schemas is a proof, with ajv as the judge. */
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compatibility } from "./compatibility.ts";
import type { Json, JsonObject } from "./json.ts";

function backward(older: JsonObject, newer: JsonObject) {
  return compatibility(older, newer, "backward");
}

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
