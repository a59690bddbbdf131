import { expect, test } from "vitest";
import { treeOf } from "../tree.ts";
import { promisesAreTested } from "./promises.ts";

const PAGE = "1. **Chained.** So it is.\n2. **Kept.** So it is.\n3. **Signed** (not here yet).\n";

test("a promise without a test of its name is refused; one that is not kept yet needs none", () => {
  const tree = treeOf({
    "docs/explanation/guarantees.md": PAGE,
    "src/journal/verify.test.ts": 'test("promise 1: a changed byte is found", () => {});',
  });
  expect(promisesAreTested(tree).map(({ line }) => line)).toEqual([2]);
});

test("another promise's number is not taken for it", () => {
  const tree = treeOf({
    "docs/explanation/guarantees.md": "1. **Chained.** So it is.\n",
    "src/a.test.ts": 'test("promise 11: nothing waits unseen", () => {});',
  });
  expect(promisesAreTested(tree)).toHaveLength(1);
});
