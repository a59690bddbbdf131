import { expect, test } from "vitest";
import { fieldOf, placeOrTime, versionRef, wholeNumber } from "./arguments.ts";

test("a version is what follows the last @, if it is a number", () => {
  expect(versionRef("app-1@2")).toEqual({ run: "app-1", version: 2 });
  expect(versionRef("app-1")).toEqual({ run: "app-1" });
  expect(versionRef("ada@example.org")).toEqual({ run: "ada@example.org" });
  expect(versionRef("ada@example.org@0")).toEqual({ run: "ada@example.org", version: 0 });
  expect(versionRef("@3")).toEqual({ run: "@3" });
});

test.for(["", "-1", "1.5", "x", "1e3", "0x10", "99999999999999999999"])(
  "%j is no whole number",
  (text) => {
    expect(() => wholeNumber(0)(text)).toThrow("Expected a whole number");
  },
);

test("whole numbers keep their least", () => {
  expect(wholeNumber(1)("256")).toBe(256);
  expect(() => wholeNumber(1)("0")).toThrow("at least 1");
});

test("a place is a position, a moment, or the beginning of a day in UTC", () => {
  expect(placeOrTime("1200")).toEqual({ kind: "position", position: 1200 });
  const atMs = Date.UTC(2026, 4, 1);
  expect(placeOrTime("2026-05-01")).toEqual({ kind: "time", atMs });
  expect(placeOrTime("2026-05-01T02:00+02:00")).toEqual({ kind: "time", atMs });
});

test.for([
  "foo 1",
  "11/12/13",
  "2026-02-30",
  "2026-02-30T00:00:00Z",
  "2026-05-01T00:00",
  "-1",
  "",
  "99999999999999999999",
])("%j is no place", (text) => {
  expect(() => placeOrTime(text)).toThrow("neither a position nor an ISO time");
});

test("a field is found by its dotted path or pointer, and only among own fields", () => {
  const value = { applicant: { id: 7 }, list: ["a"] };
  expect(fieldOf(value, "applicant.id")).toBe(7);
  expect(fieldOf(value, "/applicant/id")).toBe(7);
  expect(fieldOf(value, "list.0")).toBe("a");
  expect(fieldOf(value, "constructor")).toBeUndefined();
  expect(fieldOf(null, "id")).toBeUndefined();
});
