import { describe, expect, test } from "vitest";
import { jsonSchemaContract } from "../../model/json-schema.ts";
import { outputOf } from "./answer-output.ts";

const Grade = jsonSchemaContract<unknown>("grade", "1.0.0", { type: "object" });
const Either = jsonSchemaContract<unknown>("either", "1.0.0", { type: ["object", "string"] });

function output(text: string, contract = Grade): unknown {
  return outputOf("endpoint x", contract, { text, items: [], customOutputs: {} });
}

describe("the last message, as JSON", () => {
  test.each([
    '{"a":1}',
    ' \n{"a":1}\n ',
    '```json\n{"a":1}\n```',
    '```\n{"a":1}```',
    ' \r\n```JSON \r\n\r\n{\r\n"a":1}\r\n \r\n``` \n',
  ])("%j", (text) => {
    expect(output(text)).toEqual({ a: 1 });
  });

  test("a fence within it is part of it", () => {
    expect(output(JSON.stringify({ a: "```\n1\n```" }))).toEqual({ a: "```\n1\n```" });
    expect(output('```\n{"a":"```"}\n```')).toEqual({ a: "```" });
  });

  test.each(["```", "``````", "```json```", "```json\n```", '```json\n{"a":1}', "Grade A"])(
    "%j is none",
    (text) => {
      expect(() => output(text)).toThrow("is no JSON");
      expect(output(text, Either)).toBe(text);
    },
  );

  test.each([
    ["line breaks", `\`\`\`json\n${"\n".repeat(100_000)}`],
    ["spaces", `\`\`\`json\n{}${" ".repeat(100_000)}`],
    ["letters", `\`\`\`${"j".repeat(100_000)}`],
  ])("%s without end are read once", (_, text) => {
    expect(() => output(text)).toThrow("is no JSON");
  });
});
