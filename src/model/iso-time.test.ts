import { expect, test } from "vitest";
import { isoTime, parseIsoTime } from "./iso-time.ts";

test.for([
  ["2026-11-23T09:00Z", "2026-11-23T09:00:00.000Z"],
  ["2028-02-29T00:00:00Z", "2028-02-29T00:00:00.000Z"],
  ["2026-03-01T00:30:00+02:00", "2026-02-28T22:30:00.000Z"],
  ["2026-12-31T24:00:00Z", "2027-01-01T00:00:00.000Z"],
])("%s is %s", ([text = "", moment]) => {
  expect(isoTime(parseIsoTime(text))).toBe(moment);
});

test.for([
  "2026-02-30T00:00:00Z",
  "2026-04-31T00:00:00Z",
  "2026-02-29T10:00Z",
  "2026-13-01T00:00:00Z",
  "2026-00-10T00:00:00Z",
  "2026-01-01T25:00:00Z",
  "2026-01-01T00:00:00",
  "2026-01-01",
  "11/12/13",
  "foo 1",
  "2026",
  "",
])("%j is no moment", (text) => {
  expect(() => parseIsoTime(text)).toThrow("is not an ISO 8601 moment");
});
