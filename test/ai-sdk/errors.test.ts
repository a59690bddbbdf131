/** What goes wrong between an agent and its model, and what becomes of the attempt. */
import { memory, open, workflow } from "baton";
import { promptAgent } from "baton/ai-sdk";
import { expect, test } from "vitest";
import { type ModelAnswer, modelProvider } from "../support/model-provider.ts";
import { entriesOf, gate } from "../support/opened.ts";
import { GOOD, play, QUICKLY, Ticket, triage, Verdict } from "../support/prompts.ts";

test.each<[string, ModelAnswer, string]>([
  ["401", { status: 401, message: "no such key" }, "acme-1 answered 401: no such key"],
  ["400", { status: 400, message: "too long" }, "acme-1 answered 400: too long"],
  ["404", { status: 404, message: "no such model" }, "acme-1 answered 404: no such model"],
])("%s is not asked again", async (_, answer, message) => {
  const provider = await modelProvider(answer, GOOD);
  const { outcome } = await play(triage(provider));
  expect(outcome).toMatchObject({ kind: "failed", error: { code: "MODEL_FAILED", message } });
  expect(provider.requests).toHaveLength(1);
});

test.each<[string, boolean, ModelAnswer, string | RegExp]>([
  ["an error of the server", false, { status: 503 }, "acme-1 answered 503: it broke"],
  ["an error before a stream", true, { status: 500 }, "acme-1 answered 500: it broke"],
  [
    "a body that is no answer",
    false,
    { body: "<html>" },
    "acme-1 answered 200: Invalid JSON response",
  ],
  [
    "an answer that is not ended",
    true,
    { part: '{"la', then: "ends" },
    "acme-1 could not be asked: Response stream ended without a finish reason.",
  ],
  [
    "a connection that breaks",
    true,
    { part: '{"la', then: "breaks" },
    /terminated|Failed to process successful response/,
  ],
])("%s is asked again, by Baton and once for each attempt", async (_, stream, answer, message) => {
  const provider = await modelProvider(answer, GOOD);
  const { outcome, failures } = await play(triage(provider, { stream }));
  expect(outcome).toMatchObject({ kind: "completed" });
  expect(failures).toEqual([{ code: "MODEL_FAILED", message: expect.anything() as string }]);
  expect(failures[0]?.message).toMatch(message);
  expect(provider.requests).toHaveLength(2);
});

test("what asks to be left alone is, by either header, and by a date of its own clock", async () => {
  const date = "Mon, 23 Nov 2026 22:00:00 GMT";
  const provider = await modelProvider(
    { status: 429, headers: { "retry-after": "7" } },
    { status: 429, headers: { "retry-after": "Mon, 23 Nov 2026 22:00:09 GMT", date } },
    { status: 503, headers: { "retry-after-ms": "1500", "retry-after": "7" } },
    { status: 429, headers: { "retry-after": "soon" } },
    GOOD,
  );
  const { outcome, failures } = await play(
    triage(provider, { retry: { ...QUICKLY, attempts: 5 } }),
  );
  expect(outcome.kind).toBe("completed");
  expect(failures.map(({ retryAfterMs }) => retryAfterMs)).toEqual([
    7_000,
    9_000,
    1_500,
    undefined,
  ]);
});

test.each<[string, ModelAnswer, string, string]>([
  [
    "for its length",
    { text: '{"label":', finish: "length" },
    "MODEL_CUT_SHORT",
    "The answer of acme-1 was cut off for its length.",
  ],
  [
    "by a filter",
    { text: "", finish: "content_filter" },
    "MODEL_BLOCKED",
    "acme-1 refused to answer, or its filter did.",
  ],
  [
    "by the model itself",
    { refusal: "I can't help with that." },
    "MODEL_BLOCKED",
    "acme-1 refused to answer, or its filter did.",
  ],
])(
  "an answer that is cut off %s is not asked for again, and what it used is counted",
  async (_, answer, code, message) => {
    for (const stream of [false, true]) {
      const provider = await modelProvider(answer, GOOD);
      const { outcome, usage } = await play(triage(provider, { stream }));
      expect(outcome).toMatchObject({ kind: "failed", error: { code, message } });
      expect(usage).toEqual([[{ model: "acme-1-2026-11", inputTokens: 10, outputTokens: 5 }]]);
      expect(provider.requests).toHaveLength(1);
    }
  },
);

test("an attempt that takes too long hangs up, and so does one whose run is cancelled", async () => {
  const asked = gate();
  const silent = { silent: () => asked.open() };
  const provider = await modelProvider({ silent: () => {} }, silent);
  const slow = triage(provider, { timeout: "50ms", retry: { attempts: 1 } });
  const flow = workflow("slow", "1.0.0", { input: Ticket })
    .step("a", slow, { input: ({ input }) => input })
    .output(({ a }) => a);
  const endless = workflow("endless", "1.0.0", { input: Ticket })
    .step("a", triage(provider, { version: "2.0.0", stream: true }), {
      input: ({ input }) => input,
    })
    .output(({ a }) => a);
  const baton = await open({ store: memory(), workflows: [flow, endless], log: () => {} });
  const late = await baton.start(flow, { text: "x" });
  expect(await late.outcome()).toMatchObject({ kind: "failed", error: { code: "TIMEOUT" } });
  const run = await baton.start(endless, { text: "x" });
  await asked.promise;
  await baton.cancel(run.id, { by: { kind: "person", id: "ada" }, reason: "enough" });
  expect((await run.outcome()).kind).toBe("cancelled");
  // Both connections are gone: nothing would end this otherwise.
  await Promise.all(provider.hungUp);
  await baton.close();
});

test("a model that says nothing has five minutes, if nothing else is said", async () => {
  const provider = await modelProvider({ silent: () => {} });
  const sorting = promptAgent({
    name: "sorting",
    version: "1.0.0",
    input: Ticket,
    output: Verdict,
    model: provider.model,
    stream: true,
    retry: { attempts: 1 },
    prompt: ({ text }) => text,
  });
  const { outcome, baton } = await play(sorting);
  expect(outcome).toMatchObject({ kind: "failed", error: { code: "TIMEOUT" } });
  const [begun, failed] = (await entriesOf(baton, "r")).map(({ at }) => at);
  expect((failed ?? 0) - (begun ?? 0)).toBe(300_000);
});

test("a breaker hears of a model that is down, and not of a request that it does not take", async () => {
  const played = async (answer: ModelAnswer) => {
    const provider = await modelProvider(answer, answer);
    const breaking = triage(provider, {
      retry: { ...QUICKLY, attempts: 2 },
      breaker: { failures: 1, cooldown: "1h" },
    });
    const { baton } = await play(breaking);
    return (await baton.breakers()).map(({ state }) => state);
  };
  expect(await played({ status: 503 })).toEqual(["open"]);
  expect(await played({ status: 400 })).toEqual(["closed"]);
  expect(await played({ text: "", finish: "length" })).toEqual(["closed"]);
  expect(await played({ text: "{}" })).toEqual(["closed"]);
});

test("a prompt that throws, and a wrong setting, say so", async () => {
  const provider = await modelProvider(GOOD, GOOD);
  const thrown = await play(
    triage(provider, {
      prompt: () => {
        throw new RangeError("no such page");
      },
      retry: { attempts: 1 },
    }),
  );
  expect(thrown.outcome).toMatchObject({ error: { code: "RangeError", message: "no such page" } });
  const wrong = await play(triage(provider, { temperature: "hot" as unknown as number }));
  expect(wrong.outcome).toMatchObject({ kind: "failed", error: { code: "MODEL_FAILED" } });
  expect(wrong.failures).toHaveLength(1);
  expect(provider.requests).toHaveLength(0);
});
