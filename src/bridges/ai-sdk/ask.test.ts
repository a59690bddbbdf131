import * as ai from "ai";
import { MockLanguageModelV3, simulateReadableStream } from "ai/test";
import { expect, test } from "vitest";
import { askStreaming, type Part } from "./ask.ts";

/** An answer of so many pieces, as it is told; and how many letters were looked at for it. */
async function told(pieces: readonly string[]) {
  let looked = 0;
  const counting = {
    ...ai,
    parsePartialJson: (text: string | undefined) => {
      looked += text?.length ?? 0;
      return ai.parsePartialJson(text);
    },
  };
  const parts: Part[] = [];
  const chunks = [
    { type: "stream-start" as const, warnings: [] },
    { type: "text-start" as const, id: "1" },
    ...pieces.map((delta) => ({ type: "text-delta" as const, id: "1", delta })),
    { type: "text-end" as const, id: "1" },
    {
      type: "finish" as const,
      finishReason: { unified: "stop" as const, raw: "stop" },
      usage: {
        inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
        outputTokens: { total: 1, text: 1, reasoning: 0 },
      },
    },
  ];
  const model = new MockLanguageModelV3({
    doStream: async () => ({
      stream: simulateReadableStream({ chunks, initialDelayInMs: null, chunkDelayInMs: null }),
    }),
  });
  const output = ai.Output.object({ schema: ai.jsonSchema<unknown>({ type: "object" }) });
  await askStreaming(
    counting,
    {
      model,
      messages: [{ role: "user", content: "x" }],
      abortSignal: new AbortController().signal,
      maxRetries: 0,
      output: { ...output, parseCompleteOutput: ({ text }) => Promise.resolve(text) },
    },
    (part) => parts.push(part),
  );
  return { parts, looked, letters: pieces.join("").length };
}

test("a short answer is shown with every piece", async () => {
  const { parts } = await told(['{"a"', ":1", ',"b"', ":2", "}"]);
  expect(parts.map((part) => part.kind === "partial" && part.value)).toEqual([
    {},
    { a: 1 },
    { a: 1, b: 2 },
  ]);
});

test("a long one is not read anew with every piece, and is shown to its end", async () => {
  const words = Array.from({ length: 2_000 }, () => "lorem ");
  const { parts, looked, letters } = await told(['{"text":"', ...words, "end", '"}']);
  expect(looked).toBeLessThan(40 * letters);
  expect(parts.length).toBeGreaterThan(50);
  expect(parts.at(-1)).toEqual({ kind: "partial", value: { text: `${words.join("")}end` } });
});
