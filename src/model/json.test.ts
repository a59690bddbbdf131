import fc from "fast-check";
import { expect, test } from "vitest";
import { keysInOrder } from "./json.ts";

test("keys come by UTF-16 code units, few of them or many, in whatever order they were put in", () => {
  const key = fc.oneof(
    fc.string({ unit: "binary", maxLength: 4 }),
    fc.constantFrom("a", "B", "é", "10", "9"),
  );
  fc.assert(
    fc.property(fc.uniqueArray(key, { maxLength: 40 }), (keys) => {
      const object = Object.fromEntries(keys.map((each) => [each, 1]));
      expect(keysInOrder(object)).toEqual(Object.keys(object).sort());
    }),
    { numRuns: 500 },
  );
});
