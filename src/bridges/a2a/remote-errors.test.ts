import { expect, it } from "vitest";
import { retryAfterMs, statusFailed } from "./remote-errors.ts";

it("reads how long it is asked to wait, in seconds or as a date", () => {
  const of = (headers: Record<string, string>) => retryAfterMs(new Headers(headers));
  const date = "Mon, 23 Nov 2026 09:00:00 GMT";
  expect(of({})).toBeUndefined();
  expect(of({ "retry-after": "7" })).toBe(7_000);
  expect(of({ "retry-after": "Mon, 23 Nov 2026 09:00:30 GMT", date })).toBe(30_000);
  expect(of({ "retry-after": "Mon, 23 Nov 2026 08:00:00 GMT", date })).toBe(0);
  expect(of({ "retry-after": "Mon, 23 Nov 2026 09:00:30 GMT" })).toBeUndefined();
  expect(of({ "retry-after": "soon", date })).toBeUndefined();
});

it("leaves to the protocol what the protocol says, and shows no query", () => {
  const status = (code: number, headers = {}) =>
    statusFailed("http://x/a?token=1", new Response(null, { status: code, headers }));
  for (const code of [200, 400, 404, 409]) expect(status(code)).toBeUndefined();
  expect(status(403)?.details).toEqual({ status: 403, url: "http://x/a", final: true });
  expect(status(307)?.details).toMatchObject({ final: true });
  expect(status(429, { "retry-after": "1" })?.details).toEqual({
    status: 429,
    url: "http://x/a",
    final: false,
    retryAfterMs: 1_000,
  });
  expect(status(502)?.details).toMatchObject({ final: false });
});
