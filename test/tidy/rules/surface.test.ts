import { expect, test } from "vitest";
import { treeOf } from "../tree.ts";
import { deadFiles, entryFiles, namedExportsOnly } from "./surface.ts";

const MANIFEST =
  '{ "bin": { "baton": "dist/cli/main.js" }, "exports": { ".": "./dist/index.js" } }';

test("`export *` is refused, with and without a name or `type`", () => {
  const text = 'export * from "./a.ts";\nexport type * from "./b.ts";\nexport { c } from "./c.ts";';
  expect(namedExportsOnly(treeOf({ "src/index.ts": text })).map(({ line }) => line)).toEqual([
    1, 2,
  ]);
});

test("the entries are what package.json exports and runs", () => {
  const entries = entryFiles(treeOf({ "package.json": MANIFEST }));
  expect([...entries].sort()).toEqual(["src/cli/main.ts", "src/index.ts"]);
});

test("a file that no entry reaches is dead, also if its test imports it", () => {
  const tree = treeOf({
    "package.json": MANIFEST,
    "src/index.ts": 'export { a } from "./model/a.ts";',
    "src/cli/main.ts": 'await import("./run.ts");',
    "src/cli/run.ts": "",
    "src/model/a.ts": "",
    "src/model/dead.ts": 'import "./a.ts";',
    "src/model/dead.test.ts": 'import "./dead.ts";',
  });
  expect(deadFiles(tree, {}).map(({ path }) => path)).toEqual(["src/model/dead.ts"]);
  expect(deadFiles(tree, { "src/model/dead.ts": "loaded by name" })).toEqual([]);
});

test("an entry that does not exist is refused", () => {
  const tree = treeOf({ "package.json": MANIFEST, "src/index.ts": "" });
  expect(deadFiles(tree, {})).toEqual([
    { path: "src/cli/main.ts", message: "package.json names it, but it does not exist." },
  ]);
});
