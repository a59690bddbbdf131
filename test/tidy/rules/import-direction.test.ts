import { expect, test } from "vitest";
import { treeOf } from "../tree.ts";
import { importDirection, publicSurfaceOnly } from "./import-direction.ts";

test.for([
  ["src/model/a.ts", 'import { b } from "../ports/b.ts";'],
  ["src/model/a.ts", 'import { readFileSync } from "node:fs";'],
  ["src/decide/a.ts", 'import { b } from "../journal/b.ts";'],
  ["src/decide/a.ts", 'const b = await import("../engine/b.ts");'],
  ["src/journal/a.ts", 'import { readFileSync } from "node:fs";'],
  ["src/ports/a.ts", 'import type { B } from "../decide/b.ts";'],
  ["src/stores/sqlite/a.ts", 'import { b } from "../memory/b.ts";'],
  ["src/stores/sqlite/a.ts", 'import { b } from "../../decide/b.ts";'],
  ["src/stores/a.ts", 'import { b } from "./memory/b.ts";'],
  ["src/ports/a.ts", 'import type { B } from "../journal/b.ts";'],
  ["src/stores/memory/a.ts", 'import { b } from "../../engine/b.ts";'],
  ["src/bridges/otel/a.ts", 'import { b } from "../../engine/embedded/b.ts";'],
  ["src/engine/embedded/a.ts", 'import { b } from "../simulated/b.ts";'],
  ["src/engine/embedded/a.ts", 'import { b } from "../../stores/sqlite/b.ts";'],
  ["src/engine/a.ts", 'import { b } from "./embedded/b.ts";'],
  ["src/history/a.ts", 'import { b } from "../engine/baton.ts";'],
  ["src/cli/a.ts", 'import { b } from "../stores/sqlite/b.ts";'],
  ["src/cli/a.ts", 'import { b } from "../engine/embedded/b.ts";'],
  ["src/engine/embedded/a.ts", 'import Database from "better-sqlite3";'],
  ["src/model/a.ts", 'import { b } from "../index.ts";'],
  ["src/other/a.ts", ""],
])("%s may not: %s", ([path = "", text = ""]) => {
  expect(importDirection(treeOf({ [path]: text }))).toHaveLength(1);
});

test.for([
  ["src/decide/a.ts", 'import { b } from "../model/b.ts";\nimport { c } from "./c.ts";'],
  ["src/journal/a.ts", 'import { createHash } from "node:crypto";'],
  ["src/stores/sqlite/a.ts", 'import Database from "better-sqlite3";\nimport "../../ports/b.ts";'],
  ["src/engine/embedded/a.ts", 'import { b } from "../baton.ts";'],
  ["src/stores/memory/a.ts", 'import { b } from "../group-commit.ts";'],
  ["src/compose.ts", 'import { b } from "./stores/sqlite/b.ts";'],
  ["src/cli/a.ts", 'import { b } from "../index.ts";'],
  ["src/decide/a.test.ts", 'import { b } from "../testing/testing.ts";'],
])("%s may: %s", ([path = "", text = ""]) => {
  expect(importDirection(treeOf({ [path]: text }))).toEqual([]);
});

test("outside src only the public surface is imported, but for listed exceptions", () => {
  const tree = treeOf({
    "examples/a.ts": 'import { b } from "../src/engine/embedded/b.ts";',
    "examples/c.ts": 'import { d } from "../src/index.ts";\nimport { e } from "baton/sqlite";',
    "bench/f.ts": 'import { g } from "../src/model/json.ts";',
  });
  const paths = publicSurfaceOnly(tree, { "bench/": "measures parts" }).map(({ path }) => path);
  expect(paths).toEqual(["examples/a.ts"]);
});
