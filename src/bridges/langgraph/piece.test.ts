import fc from "fast-check";
import { expect, it } from "vitest";
import { baseFor, bytesOf, differenceOf, type Piece, serialized, withDifference } from "./piece.ts";

const TEXT = fc.string({ unit: "binary", maxLength: 40 });

it("makes the later text again out of the earlier one and the difference", () => {
  fc.assert(
    fc.property(TEXT, TEXT, TEXT, TEXT, (start, end, before, after) => {
      const [earlier, later] = [start + before + end, start + after + end];
      const difference = differenceOf(earlier, later);
      expect(withDifference(earlier, difference)).toBe(later);
    }),
  );
});

it("cuts no character in two", () => {
  fc.assert(
    fc.property(TEXT, TEXT, (before, after) => {
      expect(differenceOf(before, after).text.isWellFormed()).toBe(true);
    }),
  );
  // These two share their first code unit, and the two below their second.
  expect(differenceOf("\u{1F600}", "\u{1F601}")).toEqual({ start: 0, end: 0, text: "\u{1F601}" });
  expect(differenceOf("\u{1F600}", "\u{1FA00}")).toEqual({ start: 0, end: 0, text: "\u{1FA00}" });
});

it("takes only what was added of a list that has grown", () => {
  const difference = differenceOf('["a","b"]', '["a","b","c"]');
  expect(difference).toEqual({ start: 8, end: 1, text: ',"c"' });
});

it("is never more than 28 differences away from a whole text in a thousand versions", () => {
  const whole: Piece = {
    place: [0, 0],
    type: "json",
    base64: false,
    age: 0,
    body: { kind: "whole", text: "" },
  };
  let newest = whole;
  let most = 0;
  for (let age = 1; age <= 1_000; age += 1) {
    const body = { kind: "difference", of: baseFor(newest), start: 0, end: 0, text: "" } as const;
    newest = { ...whole, place: [age, 0], age, body };
    let count = 0;
    for (let at = newest; at.body.kind === "difference"; at = at.body.of) count += 1;
    most = Math.max(most, count);
  }
  expect(most).toBeGreaterThan(8);
  expect(most).toBeLessThanOrEqual(28);
});

it("gives back the bytes of any serializer", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(bytesOf(serialized("mine", bytes))).toEqual(bytes);
    }),
  );
  const mark = new TextEncoder().encode("\uFEFFtext");
  expect(bytesOf(serialized("mine", mark))).toEqual(mark);
});
