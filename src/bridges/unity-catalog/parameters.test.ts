import { describe, expect, test } from "vitest";
import type { Json } from "../../model/json.ts";
import { cut, parametersOf, returnType } from "./parameters.ts";

describe("types", () => {
  test.each<[Json, string]>([
    [{ type: "string", format: "date-time" }, "string"],
    [{ type: "integer" }, "bigint"],
    [{ type: "number" }, "double"],
    [{ type: "boolean" }, "boolean"],
    [{ type: ["string", "null"] }, "string"],
    [{ anyOf: [{ type: "integer" }, { type: "null" }] }, "bigint"],
    [{ enum: ["A", "B"] }, "string"],
    [{ type: "array", items: { type: "number" } }, "array<double>"],
    [{ type: "object", additionalProperties: { type: "integer" } }, "map<string,bigint>"],
    [
      { type: "object", properties: { id: { type: "string" }, "a b": { type: "boolean" } } },
      "struct<id:string,`a b`:boolean>",
    ],
    // What is one of several things, or anything, has no type of its own.
    [{ anyOf: [{ type: "integer" }, { type: "string" }] }, "variant"],
    [{ type: ["integer", "string"] }, "variant"],
    [{ enum: ["A", 1] }, "variant"],
    [{ type: "array" }, "variant"],
    [{ type: "object" }, "variant"],
    [{}, "variant"],
    [true, "variant"],
    [null, "variant"],
  ])("%j is %s", (schema, text) => {
    expect(returnType(schema).text).toBe(text);
  });

  test("a reference into the document is followed, and one that never ends is not", () => {
    const schema = {
      type: "object",
      properties: { one: { $ref: "#/$defs/money" }, other: { $ref: "#/$defs/none" } },
      $defs: { money: { type: "integer" } },
    };
    expect(returnType(schema).text).toBe("struct<one:bigint,other:variant>");
    const tree = { type: "array", items: { $ref: "#" } };
    expect(returnType(tree).text).toMatch(/^(array<){7}variant>{7}$/);
  });

  test("a type whose text is too long for the catalogue is a variant", () => {
    const fields = Array.from({ length: 40 }, (_, i) => [`field_${i}`, { type: "string" }]);
    const wide = { type: "object", properties: Object.fromEntries(fields) as Json };
    expect(returnType(wide).text).toBe("variant");
    expect(parametersOf({ type: "object", properties: { wide } })).toMatchObject([
      { name: "wide", type_name: "VARIANT", type_text: "variant" },
    ]);
  });
});

describe("parameters", () => {
  test("are the properties, those that must be there first; the others default to null", () => {
    const properties = { a: { type: "string" }, b: { type: "integer", description: "How many." } };
    expect(parametersOf({ type: "object", properties, required: ["b"] })).toEqual([
      {
        name: "b",
        type_text: "bigint",
        type_name: "LONG",
        type_json: '{"name":"b","type":"long","nullable":true,"metadata":{}}',
        position: 0,
        comment: "How many.",
      },
      {
        name: "a",
        type_text: "string",
        type_name: "STRING",
        type_json: '{"name":"a","type":"string","nullable":true,"metadata":{}}',
        position: 1,
        parameter_default: "NULL",
      },
    ]);
  });

  test("a value that is no object is one", () => {
    expect(parametersOf({ type: "integer" })).toMatchObject([
      { name: "input", type_text: "bigint", position: 0 },
    ]);
    expect(parametersOf(undefined)).toMatchObject([{ name: "input", type_text: "variant" }]);
  });

  test("no column of the catalogue is exceeded, whatever the schema is", () => {
    const text = "\u{1F600}".repeat(200);
    const properties = {
      [text]: { type: "string" },
      short: { type: "string", description: text },
      deep: {
        type: "array",
        items: {
          type: "object",
          properties: {
            one: { type: "string" },
            two: { type: "string" },
            three: { type: "array" },
          },
        },
      },
    };
    const parameters = parametersOf({ type: "object", properties });
    expect(parameters.map(({ name }) => name)).toEqual(["short", "deep"]);
    for (const each of parameters)
      for (const value of Object.values(each))
        if (typeof value === "string") expect(value.length).toBeLessThanOrEqual(255);
    // The SQL type is whole where the JSON of it would not fit.
    expect(parameters[1]?.type_text).toBe("array<struct<one:string,two:string,three:variant>>");
  });
});

test("no text is cut through a character", () => {
  expect(cut("abc", 3)).toBe("abc");
  expect(cut("abcd", 3)).toBe("ab…");
  expect(cut("a\u{1F600}bc", 3)).toBe("a…");
});
