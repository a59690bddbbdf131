import { toStandardJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { contract, rule } from "./contract.ts";
import { isBatonError } from "./errors.ts";

const report = z.object({ score: z.int().min(300), confidence: z.number() });

/** The problems that a definition is refused with. */
function problemsOf(define: () => unknown): readonly unknown[] {
  try {
    define();
  } catch (error) {
    if (isBatonError(error, "DEFINITION_INVALID") && Array.isArray(error.details["problems"])) {
      return error.details["problems"];
    }
    throw error;
  }
  return [];
}

/** A valibot schema that also gives JSON Schema; valibot's converter types only that half of it. */
function withJsonSchema<I, X>(schema: v.GenericSchema<I, X>) {
  const { jsonSchema } = toStandardJsonSchema(schema)["~standard"];
  return { "~standard": { ...schema["~standard"], jsonSchema } };
}

describe("a definition", () => {
  test("is a frozen value with a name, a version and an id", () => {
    const defined = contract("risk.eu.credit-report", "1.2.0", report, {
      description: "From the bureau.",
    });
    expect(defined).toMatchObject({
      name: "risk.eu.credit-report",
      version: "1.2.0",
      id: "risk.eu.credit-report@1.2.0",
      description: "From the bureau.",
    });
    expect(
      Object.isFrozen(defined) &&
        Object.isFrozen(defined.rules) &&
        Object.isFrozen(defined.sensitive),
    ).toBe(true);
  });

  test("is refused with all of its problems at once", () => {
    const twice = rule("is sure", (value: { readonly confidence: number }) => value.confidence > 0);
    const problems = problemsOf(() =>
      contract("Credit Report", "1.0", report, {
        rules: [
          twice,
          twice,
          rule("", () => true),
          rule("misplaced", () => true, { path: "score" }),
        ],
        sensitive: ["/scoer"],
      }),
    );
    expect(problems).toEqual([
      expect.stringContaining('name "Credit Report"'),
      expect.stringContaining('version "1.0"'),
      'There are two rules "is sure".',
      "A rule has no name.",
      expect.stringContaining('"score", is not a JSON pointer'),
      'The sensitive path, "/scoer", leads nowhere in the schema.',
    ]);
  });

  test("without a Standard Schema is refused", () => {
    // JavaScript callers can pass anything.
    const nothing = { type: "object" } as unknown as typeof report;
    expect(problemsOf(() => contract("a", "1.0.0", nothing))).toEqual([
      expect.stringContaining("not a Standard Schema"),
    ]);
  });

  test("with an asynchronous schema is refused", () => {
    const asynchronous = v.objectAsync({
      id: v.pipeAsync(
        v.string(),
        v.checkAsync(() => Promise.resolve(true)),
      ),
    });
    expect(() => contract("a", "1.0.0", asynchronous)).toThrow(
      expect.objectContaining({ code: "CONTRACT_ASYNC" }),
    );
  });
});

describe("JSON Schema out", () => {
  test("comes from zod, of the output side, with the rules by name", () => {
    const schema = report.extend({ bureau: z.string().default("main") });
    const { jsonSchema, accepts } = contract("credit-report", "1.0.0", schema, {
      rules: [rule("is sure", (value) => value.confidence > 0.5)],
      description: "A report.",
    });
    expect(jsonSchema).toEqual({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      description: "A report.",
      properties: {
        score: { type: "integer", minimum: 300, maximum: Number.MAX_SAFE_INTEGER },
        confidence: { type: "number" },
        bureau: { type: "string", default: "main" },
      },
      required: ["score", "confidence", "bureau"],
      additionalProperties: false,
      "x-baton-rules": ["is sure"],
    });
    expect(accepts).toMatchObject({ required: ["score", "confidence"] });
    expect(Object.isFrozen(jsonSchema?.["properties"])).toBe(true);
  });

  test("comes from valibot by its converter", () => {
    const schema = v.object({ amount: v.pipe(v.number(), v.minValue(1)) });
    expect(contract("payment", "1.0.0", withJsonSchema(schema)).jsonSchema).toMatchObject({
      properties: { amount: { type: "number", minimum: 1 } },
    });
  });

  test("is what the options say where the library gives none", () => {
    const plain = v.object({ amount: v.number() });
    expect(contract("payment", "1.0.0", plain).jsonSchema).toBeUndefined();
    const jsonSchema = { type: "object", properties: { amount: { type: "number" } } };
    expect(contract("payment", "1.0.0", plain, { jsonSchema }).jsonSchema).toEqual(jsonSchema);
  });

  test("is undefined where the schema can't be said in it", () => {
    expect(contract("dates", "1.0.0", z.object({ at: z.date() })).jsonSchema).toBeUndefined();
  });

  test("stands in the description, which is plain data", () => {
    const described = contract("credit-report", "1.0.0", report, {
      rules: [rule("is sure", (value) => value.confidence > 0.5, { path: "/confidence" })],
      sensitive: ["/score"],
    }).describe();
    expect(JSON.parse(JSON.stringify(described))).toEqual(described);
    expect(described).toMatchObject({
      name: "credit-report",
      version: "1.0.0",
      rules: [{ name: "is sure", path: "/confidence" }],
      sensitive: ["/score"],
      jsonSchema: { type: "object" },
    });
  });
});

describe("sensitive fields", () => {
  const secret = z.string().meta({ sensitive: true });

  test("are those given and those that the schema's metadata marks", () => {
    const schema = z.object({
      ssn: secret,
      name: z.string(),
      slips: z.array(z.object({ iban: secret.optional() })),
      byKey: z.record(z.string(), secret),
    });
    const { sensitive } = contract("person", "1.0.0", schema, { sensitive: ["/name"] });
    expect(sensitive).toEqual(["/byKey/*", "/name", "/slips/*/iban", "/ssn"]);
  });

  test("are seen where the schema transforms them, or another field has no JSON Schema", () => {
    const schema = z.object({
      pin: secret.transform((text) => text.length),
      at: z.date(),
      ssn: secret,
    });
    expect(contract("person", "1.0.0", schema).sensitive).toEqual(["/pin", "/ssn"]);
  });

  test("are seen in valibot's metadata and in JSON Schema that is given", () => {
    const schema = v.object({ ssn: v.pipe(v.string(), v.metadata({ sensitive: true })) });
    expect(contract("person", "1.0.0", withJsonSchema(schema)).sensitive).toEqual(["/ssn"]);
    const jsonSchema = { type: "object", properties: { ssn: { type: "string", sensitive: true } } };
    expect(contract("person", "1.0.0", schema, { jsonSchema }).sensitive).toEqual(["/ssn"]);
  });

  test("cover the whole of what is recursive", () => {
    const person = z.object({
      ssn: secret,
      get children() {
        return z.array(person);
      },
    });
    expect(contract("person", "1.0.0", person).sensitive).toEqual(["/children/*", "/ssn"]);
  });

  test("are everything where there may be marks that can't be read", () => {
    const { "~standard": standard } = v.object({ ssn: v.string() });
    const failing = () => {
      throw new Error("not convertible");
    };
    const schema = {
      "~standard": { ...standard, jsonSchema: { input: failing, output: failing } },
    };
    expect(contract("person", "1.0.0", schema).sensitive).toEqual([""]);
  });
});
