import { expect, test } from "vitest";
import { treeOf } from "../tree.ts";
import { clockAndChance } from "./clock-and-chance.ts";

test("the clock and dice are found in src, and dice in the examples and labs", () => {
  const found = clockAndChance(
    treeOf({
      "src/engine/embedded/a.ts": "const now = Date.now();\nconst then = new Date();",
      "src/decide/b.ts": "const id = randomUUID();",
      "examples/c.ts": "const x = Math.random();",
      "labs/d.ts": "const x = Math.random();",
    }),
  );
  expect(found.map(({ path, line }) => `${path}:${line}`)).toEqual([
    "src/engine/embedded/a.ts:1",
    "src/engine/embedded/a.ts:2",
    "src/decide/b.ts:1",
    "examples/c.ts:1",
    "labs/d.ts:1",
  ]);
});

test("implementations of the ports, comments and pure dates pass", () => {
  const tree = treeOf({
    "src/engine/embedded/system-clock.ts": "export const now = () => Date.now();",
    "src/engine/embedded/ids.ts": "export const id = () => uuidv7();",
    "src/model/a.ts":
      "// never Date.now()\nexport const iso = (ms: number) => new Date(ms).toISOString();",
  });
  expect(clockAndChance(tree)).toEqual([]);
});
