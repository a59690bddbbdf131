import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FUNCTION_LINES_MAX } from "../exceptions.ts";
import { treeOf } from "../tree.ts";
import { fileLength, functionLength } from "./length.ts";

const LONG = treeOf({ "src/model/long.ts": "x\n".repeat(501) });

test("a file over 500 lines is refused, and one of 500 is not", () => {
  expect(fileLength(LONG, {})).toHaveLength(1);
  expect(fileLength(treeOf({ "src/model/long.ts": "x\n".repeat(500) }), {})).toEqual([]);
});

test("an exception passes, may not grow, and is refused when it is no longer needed", () => {
  const listed = (lines: number) => ({ "src/model/long.ts": { lines, reason: "a table" } });
  expect(fileLength(LONG, listed(501))).toEqual([]);
  expect(fileLength(LONG, listed(500))[0]?.message).toContain("grew from 500 to 501");
  expect(fileLength(treeOf({}), listed(501))[0]?.message).toContain("unlist it");
});

test("a function over 70 lines is refused, blank lines and comments not counted", () => {
  const root = mkdtempSync(join(tmpdir(), "baton-length-"));
  try {
    const body = (lines: number) =>
      `export function f() {\n${"  g();\n\n  // why\n".repeat(lines)}}\n`;
    writeFileSync(join(root, "short.ts"), body(FUNCTION_LINES_MAX - 2));
    writeFileSync(join(root, "long.ts"), body(FUNCTION_LINES_MAX - 1));
    expect(functionLength(root, {}).map(({ path }) => path)).toEqual(["long.ts#f"]);
    const exceptions = { "long.ts#f": { lines: FUNCTION_LINES_MAX + 1, reason: "a table" } };
    expect(functionLength(root, exceptions)).toEqual([]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
