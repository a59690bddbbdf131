/** What models use: recorded for each call, bounded by budgets, and seen in traces. */
import { budget, workflow } from "baton";
import { otel } from "baton/otel";
import { describe, expect, onTestFinished, test } from "vitest";
import { modelProvider } from "../support/model-provider.ts";
import { budgetOf } from "../support/limited.ts";
import { entriesOf, opened } from "../support/opened.ts";
import { otlpCollector } from "../support/otlp-collector.ts";
import { BUG, GOOD, play, Ticket, triage, UNSURE } from "../support/prompts.ts";

const PRICES = {
  "acme-1-2026-11": { inputPerMillion: "1000", outputPerMillion: "2000", currency: "EUR" },
};
const spend = budget("spend", { tokens: 100_000 });

describe("usage", () => {
  test("is recorded with its cost for each attempt, also for one whose answer was refused", async () => {
    const provider = await modelProvider(
      { ...UNSURE, tokens: [100, 7] },
      { ...GOOD, tokens: [120, 8] },
    );
    const { usage } = await play(triage(provider), { prices: PRICES });
    const model = "acme-1-2026-11";
    expect(usage).toEqual([
      [{ model, inputTokens: 100, outputTokens: 7, cost: "0.114", currency: "EUR" }],
      [{ model, inputTokens: 120, outputTokens: 8, cost: "0.136", currency: "EUR" }],
    ]);
  });

  test("of a call of which nothing is told is not recorded, and that is said once", async () => {
    const silent = { ...UNSURE, tokens: null };
    for (const stream of [false, true]) {
      const provider = await modelProvider(silent, { ...GOOD, tokens: null });
      const { outcome, usage, log } = await play(triage(provider, { stream }));
      expect(outcome.kind).toBe("completed");
      expect(usage).toEqual([[], []]);
      const warnings = log.filter(({ level }) => level === "warn").map(({ message }) => message);
      expect(warnings).toEqual([
        "The provider of acme-1-2026-11 does not tell what a call uses: it is not recorded.",
      ]);
    }
  });

  test("is in the traces, for each attempt that asked the model", async () => {
    const collector = await otlpCollector();
    onTestFinished(() => collector.close());
    const provider = await modelProvider(UNSURE, GOOD);
    const tracing = otel({ url: `${collector.url}/v1/traces` });
    const { baton, clock, outcome } = await play(triage(provider), { tracing, prices: PRICES });
    expect(outcome.kind).toBe("completed");
    await clock.until(baton.close());
    const attempts = collector.spans.filter(({ name }) => name === "invoke_agent triage");
    expect(
      attempts.map(({ attributes }) => [
        attributes["gen_ai.request.model"],
        attributes["gen_ai.usage.input_tokens"],
        attributes["gen_ai.usage.output_tokens"],
        attributes["baton.costs"],
        attributes["error.type"],
      ]),
    ).toEqual([
      ["acme-1-2026-11", 10, 5, ["0.02 EUR"], "CONTRACT_VIOLATED"],
      ["acme-1-2026-11", 10, 5, ["0.02 EUR"], undefined],
    ]);
    // What the provider was asked within is the attempt's span.
    expect(provider.requests.map(({ headers }) => headers["traceparent"])).toEqual(
      attempts.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`),
    );
  });
});

describe("a budget", () => {
  test("is spent by what was really used, and ends a run that would go over it", async () => {
    const provider = await modelProvider(
      { ...UNSURE, tokens: [600, 40] },
      { ...UNSURE, tokens: [600, 50] },
      GOOD,
    );
    const { outcome, baton } = await play(
      triage(provider, {
        budgets: [budget("spend", { tokens: 2_000 })],
        maximum: { tokens: 1_000 },
      }),
    );
    expect(outcome).toMatchObject({ kind: "failed", error: { code: "BUDGET_SPENT" } });
    expect(provider.requests).toHaveLength(2);
    expect((await budgetOf(baton)).spent).toEqual({ tokens: 1_290 });
  });

  test("is not overshot by runs side by side", async () => {
    const provider = await modelProvider(
      ...Array.from({ length: 10 }, () => ({ ...GOOD, tokens: [300, 50] as const })),
    );
    const asks = triage(provider, {
      budgets: [budget("spend", { tokens: 1_000 })],
      maximum: { tokens: 400 },
    });
    const flow = workflow("flow", "1.0.0", { input: Ticket })
      .step("a", asks, { input: ({ input }) => input })
      .output(({ a }) => a);
    const { baton, clock } = await opened({ workflows: [flow] });
    const runs = await Promise.all(
      Array.from({ length: 10 }, () => baton.start(flow, { text: "x" })),
    );
    const outcomes = await clock.until(Promise.all(runs.map((run) => run.outcome())));
    expect(outcomes.filter(({ kind }) => kind === "completed")).toHaveLength(2);
    expect((await budgetOf(baton)).spent).toEqual({ tokens: 700 });
  });

  test("takes no call of which it does not hear: the attempt ends for good, and all that was set aside is spent", async () => {
    for (const stream of [false, true]) {
      const provider = await modelProvider({ ...GOOD, tokens: null }, GOOD);
      const { outcome, baton } = await play(
        triage(provider, { stream, budgets: [spend], maximum: { tokens: 500 } }),
      );
      expect(outcome).toMatchObject({ kind: "failed", error: { code: "MODEL_USAGE_MISSING" } });
      expect((await budgetOf(baton)).spent).toEqual({ tokens: 500 });
      expect(provider.requests).toHaveLength(1);
    }
  });

  test("counts all that was set aside for a stream that broke off, and nothing for a refusal", async () => {
    const provider = await modelProvider(
      { part: '{"label"', then: "ends" },
      { status: 429 },
      { ...GOOD, tokens: [20, 4] },
    );
    const { outcome, baton } = await play(
      triage(provider, { stream: true, budgets: [spend], maximum: { tokens: 500 } }),
    );
    expect(outcome).toMatchObject({ kind: "completed", output: BUG });
    expect((await budgetOf(baton)).spent).toEqual({ tokens: 524 });
  });

  test("ends an attempt that uses more than its maximum", async () => {
    for (const stream of [false, true]) {
      const provider = await modelProvider({ ...GOOD, tokens: [600, 50] }, GOOD);
      const { outcome, usage } = await play(triage(provider, { stream, maximum: { tokens: 500 } }));
      expect(outcome).toMatchObject({ kind: "failed", error: { code: "MAXIMUM_EXCEEDED" } });
      expect(usage).toEqual([[{ model: "acme-1-2026-11", inputTokens: 600, outputTokens: 50 }]]);
      expect(provider.requests).toHaveLength(1);
    }
  });
});

describe("repairs within an attempt", () => {
  test("show the model its own answer and what is wrong with it, and each call is counted", async () => {
    const provider = await modelProvider({ text: "" }, UNSURE, GOOD);
    const { outcome, usage, failures, baton, log } = await play(triage(provider, { repairs: 2 }));
    expect(outcome).toMatchObject({ kind: "completed", output: BUG });
    expect(failures).toEqual([]);
    const call = { model: "acme-1-2026-11", inputTokens: 10, outputTokens: 5 };
    expect(usage).toEqual([[call, call, call]]);
    const last = provider.requests[2]?.body.messages ?? [];
    expect(last.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
    expect(last[0]?.content).toContain(
      "- the whole answer (json): The answer is not JSON: it is empty",
    );
    expect(last[1]?.content).toBe(UNSURE.text);
    expect(last[2]?.content).toContain("- /confidence (confidence is at least 0.7)");
    expect(log.filter(({ level }) => level === "warn").map(({ data }) => data)).toEqual([
      { broken: [{ path: "", rule: "json" }] },
      { broken: [{ path: "/confidence", rule: "confidence is at least 0.7" }] },
    ]);
    expect((await entriesOf(baton, "r")).map(({ kind }) => kind)).not.toContain("attempt.failed");
  });

  test("that don't help end the attempt with the last answer's violations", async () => {
    const provider = await modelProvider(UNSURE, UNSURE, GOOD);
    const { outcome, usage, failures } = await play(triage(provider, { repairs: 1 }));
    expect(outcome.kind).toBe("completed");
    expect(usage.map((calls) => calls.length)).toEqual([2, 1]);
    expect(failures[0]?.violations?.map(({ path }) => path)).toEqual(["/confidence"]);
  });

  test("that could go over the maximum are not begun: another attempt sets aside its own", async () => {
    const answer = { ...UNSURE, tokens: [100, 10] as const };
    const provider = await modelProvider(answer, answer, { ...GOOD, tokens: [100, 10] });
    // 110 are used, and as many and an answer of 40 may be used again.
    const { outcome, usage } = await play(
      triage(provider, {
        repairs: 1,
        maxOutputTokens: 40,
        budgets: [spend],
        maximum: { tokens: 259 },
      }),
    );
    expect(outcome.kind).toBe("completed");
    expect(usage.map((calls) => calls.length)).toEqual([1, 1, 1]);
    const again = await modelProvider(answer, answer, { ...GOOD, tokens: [100, 10] });
    const roomy = await play(
      triage(again, {
        repairs: 1,
        maxOutputTokens: 40,
        budgets: [spend],
        maximum: { tokens: 260 },
      }),
    );
    expect(roomy.usage.map((calls) => calls.length)).toEqual([2, 1]);
  });
});
