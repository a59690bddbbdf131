import { APICallError, LoadAPIKeyError } from "@ai-sdk/provider";
import { expect, test } from "vitest";
import { BatonError } from "../../model/errors.ts";
import { hasUsedNothing, isFinalError, isOfTheRequest, modelError } from "./model-errors.ts";

function answered(statusCode: number | undefined, cause?: unknown): APICallError {
  const status = statusCode === undefined ? {} : { statusCode };
  return new APICallError({ message: "no", url: "u", requestBodyValues: {}, ...status, cause });
}

test("a refusal, and what was never sent, have used nothing; of what broke off nobody knows", () => {
  const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
  expect(hasUsedNothing(answered(429))).toBe(true);
  // A gateway that gave up has not stopped the model.
  expect([408, 504].map((status) => hasUsedNothing(answered(status)))).toEqual([false, false]);
  expect(
    hasUsedNothing(answered(undefined, new TypeError("fetch failed", { cause: refused }))),
  ).toBe(true);
  expect(hasUsedNothing(new LoadAPIKeyError({ message: "no key" }))).toBe(true);
  expect(hasUsedNothing(answered(200))).toBe(false);
  const reset = Object.assign(new Error("reset"), { code: "ECONNRESET" });
  expect(hasUsedNothing(answered(undefined, reset))).toBe(false);
  const round: { cause?: unknown } = new Error("round");
  round.cause = round;
  expect(hasUsedNothing(round)).toBe(false);
  expect(hasUsedNothing("no")).toBe(false);
});

test("what another attempt would only meet again is final, and what is the request's own fault no sign of a sick model", () => {
  const judged = (error: unknown) => {
    const made = modelError(error, "acme-1", false);
    return [isFinalError(made), isOfTheRequest(made)];
  };
  expect(judged(answered(400))).toEqual([true, true]);
  expect(judged(answered(403))).toEqual([true, false]);
  expect(judged(answered(429))).toEqual([false, false]);
  expect(judged(answered(undefined))).toEqual([false, false]);
  expect(judged(new LoadAPIKeyError({ message: "no key" }))).toEqual([true, false]);
  expect(judged("odd")).toEqual([false, false]);
  expect(judged(new BatonError("MODEL_BLOCKED", "no"))).toEqual([true, true]);
  expect([isFinalError("odd"), isOfTheRequest("odd")]).toEqual([false, false]);
});

test("a call of which nobody knows what it used says so, and keeps what was thrown as its cause", () => {
  const cause = { message: "overloaded" };
  const error = modelError(cause, "acme-1", true);
  expect(error.message).toBe("acme-1 could not be asked: overloaded");
  expect(error.details).toEqual({ model: "acme-1", usageUnknown: true });
  expect(error.cause).toBe(cause);
});
