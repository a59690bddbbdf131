import fc from "fast-check";
import { expect, test } from "vitest";
import { instalment } from "./loan.ts";

test("a known loan costs what the tables say", () => {
  // 10,000.00 over 12 months at 12% a year: 888.49 a month.
  expect(instalment({ amount: 1_000_000, termMonths: 12, ratePoints: 1_200 })).toBe(88_849);
  expect(instalment({ amount: 1_200, termMonths: 12, ratePoints: 0 })).toBe(100);
});

test("the instalments pay back at least the amount, and more for a higher rate", () => {
  const amount = fc.integer({ min: 1, max: 1_000_000_000 });
  const termMonths = fc.integer({ min: 6, max: 120 });
  fc.assert(
    fc.property(amount, termMonths, fc.nat(3_000), fc.nat(3_000), (sum, term, one, other) => {
      const at = (ratePoints: number): number =>
        instalment({ amount: sum, termMonths: term, ratePoints });
      expect(at(one) * term).toBeGreaterThanOrEqual(sum);
      expect(at(Math.max(one, other))).toBeGreaterThanOrEqual(at(Math.min(one, other)));
    }),
  );
});
