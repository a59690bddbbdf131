import { expect, test } from "vitest";
import { clip, compact, count, moment, pretty, printable, took } from "./text.ts";

test("control characters are shown, not sent to the terminal", () => {
  expect(printable("a\u001b[31mb\u0007\u009b\u202e\u061cc\n")).toBe(
    "a\\u001b[31mb\\u0007\\u009b\\u202e\\u061cc\\u000a",
  );
  expect(printable("Zoë 東京 👍")).toBe("Zoë 東京 👍");
});

test("values keep no raw control character, on one line or several", () => {
  const nasty = { "\u001b]0;title\u0007": "\u009b2J" };
  // oxlint-disable-next-line no-control-regex
  expect(compact(nasty)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  // oxlint-disable-next-line no-control-regex
  expect(pretty(nasty)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

test("what is cut ends with an ellipsis within the width", () => {
  expect(clip("abcdef", 4)).toBe("abc…");
  expect(clip("abcd", 4)).toBe("abcd");
  expect(compact({ a: [1, 2, 3] }, 8)).toHaveLength(8);
});

test("times and lengths of time are read at a glance", () => {
  expect(moment(0)).toBe("1970-01-01 00:00:00Z");
  expect(moment(Number.MAX_SAFE_INTEGER)).toBe("9007199254740991");
  expect([0, 999, 1_500, 90_000, 7_200_000, 129_600_000].map(took)).toEqual([
    "0 ms",
    "999 ms",
    "1.5 s",
    "2 min",
    "2.0 h",
    "1.5 d",
  ]);
});

test("nouns agree with their number", () => {
  expect([count(1, "entry"), count(1_200, "entry"), count(0, "run")]).toEqual([
    "1 entry",
    "1,200 entries",
    "0 runs",
  ]);
});
