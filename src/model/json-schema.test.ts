import { describe, expect, test } from "vitest";
import { check } from "./check.ts";
import { rule } from "./contract.ts";
import { isBatonError } from "./errors.ts";
import type { JsonObject } from "./json.ts";
import { jsonSchemaContract } from "./json-schema.ts";

const ORDER: JsonObject = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  $id: "https://example.com/order",
  title: "Order",
  type: "object",
  properties: {
    id: { type: "string", minLength: 1 },
    placedAt: { type: "string", format: "date-time" },
    lines: { type: "array", items: { $ref: "#/$defs/line" } },
    card: { type: ["string", "null"], maxLength: 4, sensitive: true },
  },
  required: ["id", "lines"],
  additionalProperties: false,
  $defs: {
    line: {
      type: "object",
      properties: { amount: { type: "integer", minimum: 1 } },
      required: ["amount"],
    },
  },
};

interface Order {
  id: string;
  lines: { amount: number }[];
}

const Order = jsonSchemaContract<Order>("order", "1.0.0", ORDER, {
  rules: [rule("an order has a line", (order) => order.lines.length > 0, { path: "/lines" })],
});

function found(value: unknown): readonly (readonly [string, string])[] {
  const outcome = check(Order, value, "order", "edge");
  return outcome.kind === "ok"
    ? []
    : outcome.violations.map((each) => [each.path, each.rule] as const);
}

function refusal(schema: JsonObject): string {
  try {
    jsonSchemaContract("order", "1.0.0", schema);
  } catch (error) {
    if (isBatonError(error, "DEFINITION_INVALID")) return error.message;
    throw error;
  }
  return "";
}

describe("a contract from JSON Schema", () => {
  test("takes what the schema takes, and changes nothing", () => {
    const value = {
      id: "o-1",
      lines: [{ amount: 2 }],
      placedAt: "2026-01-01T00:00:00Z",
      card: null,
    };
    expect(check(Order, value, "order", "edge")).toEqual({ kind: "ok", value, changed: false });
  });

  test.each([
    [{ lines: [{ amount: 1 }] }, "/id", "required"],
    [{ id: "", lines: [{ amount: 1 }] }, "/id", "minLength"],
    [{ id: "a", lines: [{ amount: 1 }, { amount: 0 }] }, "/lines/1/amount", "minimum"],
    [{ id: "a", lines: [{ amount: 1 }], "a/b": 1 }, "/a~1b", "additionalProperties"],
    [{ id: "a", lines: [{ amount: 1 }], placedAt: "yesterday" }, "/placedAt", "format"],
    [{ id: "a", lines: [] }, "/lines", "an order has a line"],
  ])("%j breaks %s by %s", (value, path, broken) => {
    expect(found(value)).toEqual([[path, broken]]);
  });

  test("lists all that is wrong", () => {
    expect(found({ id: 1, lines: {} })).toEqual([
      ["/id", "type"],
      ["/lines", "type"],
    ]);
  });

  test("does not show what the schema marks as sensitive", () => {
    const outcome = check(
      Order,
      { id: "a", lines: [{ amount: 1 }], card: "4111-1111" },
      "order",
      "edge",
    );
    expect(outcome).toMatchObject({
      violations: [{ path: "/card", rule: "maxLength", value: "[sensitive]" }],
    });
    expect(Order.sensitive).toEqual(["/card"]);
  });

  test("gives its schema out again, with the rules by name", () => {
    const expected: JsonObject = { ...ORDER, "x-baton-rules": ["an order has a line"] };
    expect(Order.jsonSchema).toEqual(expected);
  });

  test("may carry the `$id` of another, and the two stay apart", () => {
    const closed = jsonSchemaContract("order", "2.0.0", { ...ORDER, required: ["placedAt"] });
    expect(check(closed, { id: "a", lines: [] }, "order", "edge")).toMatchObject({
      violations: [{ path: "/placedAt", rule: "required" }],
    });
    expect(found({ id: "a", lines: [{ amount: 1 }] })).toEqual([]);
  });

  test("does not take inherited properties for fields", () => {
    const inherited = jsonSchemaContract("i", "1.0.0", { type: "object", required: ["toString"] });
    expect(check(inherited, {}, "value", "edge").kind).toBe("violated");
  });

  test("takes keys by pattern beside alternatives that are closed", () => {
    const schema = {
      type: "object",
      patternProperties: { "^x": {} },
      anyOf: [{ type: "object", additionalProperties: false }, { allOf: [{}] }],
    };
    const keyed = jsonSchemaContract("keyed", "1.0.0", schema);
    expect(check(keyed, { xa: [] }, "value", "edge").kind).toBe("ok");
  });

  test("enforces unevaluatedProperties, also after contracts that do without", () => {
    const schema = { allOf: [{ properties: { a: {} } }], unevaluatedProperties: false };
    const closed = jsonSchemaContract("closed", "1.0.0", schema);
    jsonSchemaContract("open", "1.0.0", {});
    expect(check(closed, { a: 1 }, "value", "edge").kind).toBe("ok");
    expect(check(closed, { b: 1 }, "value", "edge")).toMatchObject({
      violations: [{ path: "/b", rule: "unevaluatedProperties" }],
    });
  });

  test("enforces contains on arrays that are shorter than prefixItems", () => {
    const list = jsonSchemaContract("l", "1.0.0", {
      prefixItems: [{ type: "integer" }],
      contains: { const: 1 },
    });
    expect(check(list, [], "value", "edge").kind).toBe("violated");
  });
});

describe("a JSON Schema is refused", () => {
  interface Case {
    readonly because: string;
    readonly schema: JsonObject;
    readonly named: string;
  }
  const cases: readonly Case[] = [
    {
      because: "an unknown keyword",
      schema: { type: "object", propertees: {} },
      named: "propertees",
    },
    {
      because: "an unknown format",
      schema: { type: "string", format: "telephone" },
      named: "telephone",
    },
    {
      because: "a keyword of the wrong form",
      schema: { type: "object", required: "id" },
      named: "required",
    },
    {
      because: "a remote reference",
      schema: { $ref: "https://example.com/other" },
      named: "https://example.com/other",
    },
    {
      because: "a reference to another contract",
      schema: { $ref: "https://example.com/order#/$defs/line" },
      named: "order",
    },
    {
      because: "another draft",
      schema: { $schema: "http://json-schema.org/draft-07/schema#" },
      named: "draft",
    },
  ];
  test.each(cases)("for $because", ({ schema, named }) => {
    expect(refusal(schema)).toContain(named);
  });

  test("together with every other problem", () => {
    const define = () => jsonSchemaContract("Order", "1", { propertees: {} });
    expect(define).toThrow(expect.objectContaining({ code: "DEFINITION_INVALID" }));
    expect(define).toThrow(/3 problem/);
  });

  test("but extensions and the annotations of other tools are left alone", () => {
    const schema = {
      "x-owner": "risk",
      discriminator: { propertyName: "kind" },
      example: 1,
      deprecated: true,
    };
    expect(refusal(schema)).toBe("");
  });
});
