import { expect, it } from "vitest";
import { statusFailed } from "./remote-errors.ts";

it("leaves to the protocol what the protocol says, and shows no query", () => {
  const status = (code: number, headers = {}) =>
    statusFailed("http://x/a?token=1", new Response(null, { status: code, headers }));
  for (const code of [200, 400, 404, 409]) expect(status(code)).toBeUndefined();
  expect(status(401)?.code).toBe("CREDENTIALS_REFUSED");
  expect(status(403)).toMatchObject({
    code: "REMOTE_REFUSED",
    details: { status: 403, url: "http://x/a" },
  });
  expect(status(307)?.code).toBe("REMOTE_REFUSED");
  expect(status(429, { "retry-after": "1" })).toMatchObject({
    code: "REMOTE_UNAVAILABLE",
    details: { status: 429, url: "http://x/a", retryAfterMs: 1_000 },
  });
  expect(status(502)?.code).toBe("REMOTE_UNAVAILABLE");
});
