import { expect, test } from "vitest";
import { agent, contract } from "../index.ts";
import { retryUnless } from "./bridged-retry.ts";
import { z } from "zod";

const isFinal = (error: unknown) => error === "theirs";
const Text = contract("text", "1.0.0", z.string());
const made = (retry: Parameters<typeof retryUnless>[1]) =>
  agent({
    name: "a",
    version: "1.0.0",
    input: Text,
    output: Text,
    retry: retryUnless(isFinal, retry),
    execute: (text) => text,
  });

test("what the bridge or the user says is final; three attempts unless others are wanted", () => {
  expect(retryUnless(isFinal, undefined).attempts).toBe(3);
  const { attempts, final } = retryUnless(isFinal, { attempts: 5, final: (e) => e === "mine" });
  expect(attempts).toBe(5);
  expect(["theirs", "mine", "other"].map((error) => final?.(error))).toEqual([true, true, false]);
});

test("a `final` that is no function is refused when the agent is made", () => {
  const wrong = { attempts: 2, final: "never" } as unknown as Parameters<typeof retryUnless>[1];
  expect(() => made(wrong)).toThrow("`retry.final` is not a function.");
});
