/** What whoever watches sees of an answer while it comes. */
import { contract } from "baton";
import { promptAgent } from "baton/ai-sdk";
import { expect, test } from "vitest";
import { z } from "zod";
import { modelProvider } from "../support/model-provider.ts";
import { BUG, GOOD, play, QUICKLY, Ticket, triage, UNSURE } from "../support/prompts.ts";

test("an object is shown as far as it has come, and its usage is counted at the end of the stream", async () => {
  const provider = await modelProvider({ ...GOOD, tokens: [30, 12], model: "acme-1-mini" });
  const { outcome, chunks, usage } = await play(triage(provider, { stream: true }));
  expect(outcome).toMatchObject({ kind: "completed", output: BUG });
  expect(provider.requests[0]?.body.stream).toBe(true);
  expect(chunks.at(0)).toEqual([1, { kind: "partial", call: 1, value: {} }]);
  expect(chunks.at(-1)).toEqual([1, { kind: "partial", call: 1, value: BUG }]);
  // Nothing is told twice.
  const told = chunks.map((chunk) => JSON.stringify(chunk));
  expect(told.length).toBeGreaterThan(2);
  expect(new Set(told).size).toBe(told.length);
  expect(usage).toEqual([[{ model: "acme-1-mini", inputTokens: 30, outputTokens: 12 }]]);
});

test("a text is shown piece by piece", async () => {
  const provider = await modelProvider({ text: "It is a bug." });
  const says = promptAgent({
    name: "says",
    version: "1.0.0",
    input: Ticket,
    output: contract("words", "1.0.0", z.string()),
    model: provider.model,
    prompt: ({ text }) => text,
    stream: true,
  });
  const { outcome, chunks } = await play(says);
  expect(outcome).toMatchObject({ output: "It is a bug." });
  expect(chunks).toEqual(
    ["It ", "is ", "a b", "ug."].map((text) => [1, { kind: "text", call: 1, text }]),
  );
});

test("a new attempt and a repair begin anew, and say so by their numbers", async () => {
  const provider = await modelProvider({ part: '{"label":"b', then: "ends" }, UNSURE, GOOD);
  const { outcome, chunks } = await play(
    triage(provider, { stream: true, repairs: 1, retry: QUICKLY }),
  );
  expect(outcome.kind).toBe("completed");
  const calls = chunks.map(([attempt, chunk]) =>
    [attempt, (chunk as { call: number }).call].join(),
  );
  expect([...new Set(calls)]).toEqual(["1,1", "2,1", "2,2"]);
});

test("without `stream` nothing is shown, and the answer comes as a whole", async () => {
  const provider = await modelProvider(GOOD);
  const { chunks } = await play(triage(provider));
  expect(chunks).toEqual([]);
  expect(provider.requests[0]?.body.stream).toBeUndefined();
});
