import { describe, expect, test } from "vitest";
import { blocksOf, fits, folderOf, moduleOf } from "./blocks.ts";

const PAGE = [
  "# A page",
  "<!-- folder: empty -->",
  "```sh",
  "baton runs",
  "```",
  "",
  "```text",
  "No runs.",
  "```",
  "<!-- not run: it needs a printer -->",
  "```sh",
  "lpr page",
  "```",
  "<!-- file: a.ts -->",
  "```ts",
  "export const a = 1;",
  "```",
  "```ts",
  "const b = 2;",
  "```",
].join("\n");

test("blocks have their lines, their marks, and the output that follows them", () => {
  expect(blocksOf(PAGE)).toEqual([
    { language: "sh", text: "baton runs\n", line: 4, exitCode: 0, expected: "No runs.\n" },
    { language: "sh", text: "lpr page\n", line: 12, exitCode: 0, notRun: "it needs a printer" },
    { language: "ts", text: "export const a = 1;\n", line: 16, exitCode: 0, file: "a.ts" },
    { language: "ts", text: "const b = 2;\n", line: 19, exitCode: 0 },
  ]);
  expect(folderOf(PAGE)).toBe("empty");
});

test("a page's own TypeScript keeps its lines; files are not part of it", () => {
  const lines = moduleOf(PAGE)?.split("\n") ?? [];
  expect(lines[18]).toBe("const b = 2;");
  expect(lines.filter((line) => line !== "")).toEqual(["const b = 2;", "export {};"]);
});

test("a block without an end is refused", () => {
  expect(() => blocksOf("```sh\nls")).toThrow("line 1");
});

describe("an output fits", () => {
  test.each([
    ["a\nb\n", "a\nb\n", true],
    ["took 12 ms", "took ... ms", true],
    ["a\nx\ny\nb", "a\n...\nb", true],
    ["a\nb", "a\n...\nb", true],
    ["a\nb", "a", false],
    ["ab", "a", false],
    ["(a)", "(a)", true],
    ["a", "b", false],
  ])("%j to %j: %s", (output, expected, fitting) => {
    expect(fits(output, expected)).toBe(fitting);
  });
});
