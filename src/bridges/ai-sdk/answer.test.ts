import { expect, test } from "vitest";
import type { FinishReason } from "ai";
import { assertComplete } from "./answer.ts";

function codeOf(finishReason: FinishReason, streamed: boolean, rawFinishReason?: string): unknown {
  const answer = { text: "", messages: [], finishReason, rawFinishReason };
  try {
    assertComplete(answer, { model: "acme-1", streamed });
    return undefined;
  } catch (error) {
    return (error as { readonly code: unknown }).code;
  }
}

test("an answer counts once the model has come to its end, as far as the provider says", () => {
  expect(codeOf("stop", true)).toBeUndefined();
  expect(codeOf("length", false)).toBe("MODEL_CUT_SHORT");
  expect(codeOf("tool-calls", false)).toBe("MODEL_CUT_SHORT");
  expect(codeOf("content-filter", false)).toBe("MODEL_BLOCKED");
  expect(codeOf("error", false, "error")).toBe("MODEL_FAILED");
  // A reason that nobody knows is one; none at all is one where the answer came as a whole.
  expect(codeOf("other", true, "eos")).toBeUndefined();
  expect(codeOf("other", false)).toBeUndefined();
  expect(codeOf("other", true)).toBe("MODEL_FAILED");
});
