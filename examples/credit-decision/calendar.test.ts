import fc from "fast-check";
import { expect, test } from "vitest";
import { ageInYears, daysBefore, monthsBefore, monthsBetween } from "./calendar.ts";

test("months are counted back across a new year", () => {
  expect(monthsBefore("2026-02-23T15:43:19Z", 1)).toBe("2026-01");
  expect(monthsBefore("2026-02", 3)).toBe("2025-11");
  expect(monthsBefore("2026-12", -1)).toBe("2027-01");
});

test("going back n months and counting them are inverse", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 600 }),
      fc.integer({ min: 1, max: 12 }),
      (count, month) => {
        const later = `2026-${String(month).padStart(2, "0")}`;
        expect(monthsBetween(monthsBefore(later, count), later)).toBe(count);
      },
    ),
  );
});

test("days are counted back across a leap day", () => {
  expect(daysBefore("2024-03-01", 1)).toBe("2024-02-29");
  expect(daysBefore("2026-03-01T23:59:59Z", 1)).toBe("2026-02-28");
});

test("a year of age is full on the birthday, not the day before", () => {
  expect(ageInYears("2008-05-10", "2026-05-09T00:00:00Z")).toBe(17);
  expect(ageInYears("2008-05-10", "2026-05-10T00:00:00Z")).toBe(18);
});
