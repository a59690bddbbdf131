import { expect, it } from "vitest";
import { statusFailed } from "./remote-errors.ts";

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
