import { expect, test } from "vitest";
import { treeOf } from "../tree.ts";
import { fileNames, glossary, machines, unfinishedMarks } from "./words.ts";

test("a synonym in a name is refused, with the word that is meant", () => {
  const tree = treeOf({
    "src/model/a.ts": "const ok = 1;\nfunction startTask() {}",
    "src/model/job.ts": 'const word = "task"; // a task\nqueueMicrotask(f);',
    // The protocol's own word, where it is spoken.
    "src/bridges/a2a/a.ts": "const task = 1;\nconst job = 2;",
  });
  expect(glossary(tree)).toEqual([
    { path: "src/bridges/a2a/a.ts", line: 2, message: "job: the word is run." },
    { path: "src/model/a.ts", line: 2, message: "startTask: the word is step (or agent)." },
    { path: "src/model/job.ts", line: 0, message: "job: the word is run." },
  ]);
});

test("marks of unfinished work are refused in code", () => {
  const mark = "TO" + "DO";
  expect(unfinishedMarks(treeOf({ "src/a.ts": `f();\n// ${mark}: later` }))).toHaveLength(1);
  expect(unfinishedMarks(treeOf({ "src/a.ts": "const todos = 1;" }))).toEqual([]);
});

test("machine paths and registry hosts are refused in any text", () => {
  const folder = "/ro" + "ot/x";
  const host = "https://registry." + "npmjs.org/";
  expect(machines(treeOf({ "docs/a.md": `see ${folder}` }))).toHaveLength(1);
  expect(machines(treeOf({ "package-lock.json": host }))).toHaveLength(1);
  expect(machines(treeOf({ "docs/a.md": "https://example.com" + folder }))).toEqual([]);
});

test.for([
  "src/model/someThing.ts",
  "src/model/utils.ts",
  "src/helpers/a.ts",
  "src/model/index.ts",
])("the file name %s is refused", (path) => {
  expect(fileNames(treeOf({ [path]: "" }))).toHaveLength(1);
});

test("kebab-case names and the one index file pass", () => {
  const paths = ["src/index.ts", "src/model/json-schema.test.ts", "src/model/types-of.test-d.ts"];
  expect(paths.flatMap((path) => fileNames(treeOf({ [path]: "" })))).toEqual([]);
});
