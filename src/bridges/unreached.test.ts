import { expect, test } from "vitest";
import { isUnreached } from "./unreached.ts";

function failed(code: string, syscall?: string): Error {
  return Object.assign(new Error(code), { code, ...(syscall === undefined ? {} : { syscall }) });
}

test("where no connection was made, nothing can have arrived", () => {
  for (const code of ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"])
    expect([code, isUnreached(failed(code))]).toEqual([code, true]);
  for (const code of ["EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT"]) {
    expect([code, isUnreached(failed(code, "connect"))]).toEqual([code, true]);
    // Of a connection that was there.
    expect([code, isUnreached(failed(code, "read"))]).toEqual([code, false]);
  }
  const fetching = new TypeError("fetch failed", { cause: failed("EAI_AGAIN") });
  expect(isUnreached(fetching)).toBe(true);
});

test("of several addresses none was reached, or nobody knows", () => {
  const all = [failed("ECONNREFUSED"), failed("ENETUNREACH", "connect")];
  expect(isUnreached(new AggregateError(all))).toBe(true);
  expect(isUnreached(new AggregateError([...all, failed("ECONNRESET")]))).toBe(false);
  expect(isUnreached(failed("ECONNRESET"))).toBe(false);
  const round: { cause?: unknown } = new Error("round");
  round.cause = round;
  expect(isUnreached(round)).toBe(false);
  expect(isUnreached("no")).toBe(false);
});
