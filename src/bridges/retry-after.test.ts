import { expect, test } from "vitest";
import { retryAfterMs } from "./retry-after.ts";

const NOON = "Mon, 23 Nov 2026 12:00:00 GMT";

test.each([
  [{ "retry-after": "7" }, 7_000],
  [{ "Retry-After": " 0.25 " }, 250],
  [{ "retry-after": "0" }, 0],
  [{ "retry-after-ms": "120", "retry-after": "7" }, 120],
  [{ "retry-after": "Mon, 23 Nov 2026 12:00:30 GMT", date: NOON }, 30_000],
  [{ "retry-after": "Mon, 23 Nov 2026 11:00:00 GMT", date: NOON }, 0],
  // Whose clock the date is of, nobody says.
  [{ "retry-after": NOON }, undefined],
  [{ "retry-after": "soon", date: NOON }, undefined],
  [{ "retry-after": "-3", date: NOON }, undefined],
  [{}, undefined],
])("%j is %s ms", (headers, ms) => {
  expect(retryAfterMs(new Headers(headers as Record<string, string>))).toBe(ms);
});
