import fc from "fast-check";
import { expect, test } from "vitest";
import { hash32, median, rounded } from "./figures.ts";

test("rounding never gives -0, which JSON cannot carry", () => {
  expect(Object.is(rounded(-0.001, 2), 0)).toBe(true);
  fc.assert(
    fc.property(
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.integer({ min: 0, max: 6 }),
      (value, decimals) => {
        const result = rounded(value, decimals);
        expect(Object.is(result, -0)).toBe(false);
        expect(Math.abs(result - value)).toBeLessThanOrEqual(0.5000001 / 10 ** decimals);
      },
    ),
  );
});

test("the median does not depend on the order and lies between the extremes", () => {
  expect(median([])).toBe(0);
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1])).toBe(2);
  fc.assert(
    fc.property(fc.array(fc.nat(1_000_000), { minLength: 1 }), (values) => {
      expect(median(values)).toBe(median([...values].reverse()));
      expect(median(values)).toBeGreaterThanOrEqual(Math.min(...values));
      expect(median(values)).toBeLessThanOrEqual(Math.max(...values));
    }),
  );
});

test("the hash is a fixed 32-bit number of its text", () => {
  expect(hash32("")).toBe(hash32(""));
  expect(hash32("DE0000000198")).not.toBe(hash32("DE0000000295"));
  fc.assert(
    fc.property(
      fc.string(),
      (text) => Number.isInteger(hash32(text)) && hash32(text) >= 0 && hash32(text) < 2 ** 32,
    ),
  );
});
