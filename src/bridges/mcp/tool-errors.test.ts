import * as sdk from "@modelcontextprotocol/client";
import { expect, test } from "vitest";
import { causedBy, isNothingDone } from "./tool-errors.ts";

const CALLING = { what: "The tool", phase: "calling", hasSession: false } as const;

test.each([
  ["EAI_AGAIN", undefined, true],
  ["EHOSTUNREACH", "connect", true],
  ["ENETUNREACH", "connect", true],
  ["UND_ERR_CONNECT_TIMEOUT", undefined, true],
  ["ENOENT", "spawn", true],
  ["EHOSTUNREACH", "read", false],
  ["ECONNRESET", "read", false],
])("of a call that ended with %s (%s) it is known whether it was sent", (code, syscall, known) => {
  const cause = Object.assign(new Error(code), { code, syscall });
  const error = causedBy(sdk, new TypeError("fetch failed", { cause }), CALLING);
  expect(isNothingDone(error)).toBe(known);
});
