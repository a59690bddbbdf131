/** Budgets: what is set aside before a call, settled after it, waited for, refused, raised, and never overshot. */
import { agent, budget, memory, workflow } from "baton";
import { type VirtualClock, virtualClock } from "baton/testing";
import { describe, expect, test } from "vitest";
import { budgetOf, limited, PRICES, startAll, USES_100 } from "../support/limited.ts";
import {
  ADA,
  anything,
  expectRefused,
  gate,
  journalOf,
  of,
  opened,
  payloadsOf,
  single,
} from "../support/opened.ts";

describe("a budget of calls", () => {
  test("is not overshot by concurrent runs; those that come too late fail for good, and say what was spent", async () => {
    const calls: number[] = [];
    const asks = limited((input) => calls.push(input), {
      budgets: [budget("spend", { calls: 3 })],
      attempts: 3,
    });
    const flow = single(asks);
    const { baton, clock } = await opened({ workflows: [flow] });
    const runs = await startAll(baton, flow, 10);
    const outcomes = await clock.until(Promise.all(runs.map((run) => run.outcome())));
    expect(calls).toHaveLength(3);
    const failed = outcomes.filter(({ kind }) => kind === "failed");
    expect(failed).toHaveLength(7);
    expect(failed[0]).toMatchObject({ error: { code: "BUDGET_SPENT" } });
    const [last] = await payloadsOf(baton, "run-9", "attempt.failed");
    expect(last).toMatchObject({
      error: {
        message:
          "The budget spend is spent: of 3 calls, 3 calls are spent and 0 calls set aside; this attempt may need 1 call.",
      },
      budget: { name: "spend", measure: "calls", limit: { calls: 3 }, spent: { calls: 3 } },
    });
    expect(await budgetOf(baton)).toMatchObject({
      limit: { calls: 3 },
      spent: { calls: 3 },
      reserved: { calls: 0 },
      left: { calls: 0 },
      users: ["asks@1.0.0"],
    });
    expect((await baton.verify()).problems).toEqual([]);
  });

  test("is set aside in the journal before the call, and settled with what it came to", async () => {
    const held = gate();
    const asks = limited(
      async (_, context) => {
        await held.promise;
        context.usage({ model: "fable", inputTokens: 30, outputTokens: 12 });
        return 1;
      },
      {
        budgets: [budget("spend", { tokens: 1_000, money: "5 EUR" })],
        maximum: { tokens: 100, money: "0.01 EUR" },
      },
    );
    const flow = single(asks);
    const { baton, clock } = await opened({ workflows: [flow], prices: PRICES });
    const run = await baton.start(flow, 1, { id: "a" });
    await clock.settle();
    expect(await budgetOf(baton)).toMatchObject({ reserved: { tokens: 100, money: "0.01" } });
    expect(await payloadsOf(baton, "a", "attempt.begun")).toEqual([
      { reserved: { tokens: 100, money: "0.01", currency: "EUR", calls: 1 }, budgets: ["spend"] },
    ]);
    held.open();
    await clock.until(run.outcome());
    await clock.settle();
    const spent = { tokens: 42, money: "0.00054", currency: "EUR" };
    expect(await budgetOf(baton)).toMatchObject({ spent, reserved: { tokens: 0, money: "0" } });
    expect(await payloadsOf(baton, "a", "step.sealed")).toMatchObject([
      { spent: { ...spent, calls: 1 } },
    ]);
    expect(await journalOf(baton, "a")).toEqual([
      "run.started",
      "attempt.begun a",
      "step.sealed a",
      "run.completed",
    ]);
    expect((await baton.replay("a")).differences).toEqual([]);
  });

  test("what others have set aside is waited for in order of arrival, and comes back", async () => {
    const order: number[] = [];
    const gates = Array.from({ length: 5 }, () => gate());
    const asks = limited(
      async (input, context) => {
        order.push(input);
        await gates[input]?.promise;
        context.usage({ model: "fable", inputTokens: 10, outputTokens: 0 });
      },
      { budgets: [budget("spend", { tokens: 230 })], maximum: { tokens: 100 } },
    );
    const flow = single(asks);
    const { baton, clock } = await opened({ workflows: [flow] });
    await startAll(baton, flow, 5);
    await clock.settle();
    expect(order).toEqual([0, 1]);
    gates[0]?.open();
    await clock.settle();
    expect(order).toEqual([0, 1, 2]);
    for (const each of gates) each.open();
    await clock.settle();
    expect(order).toEqual([0, 1, 2, 3, 4]);
    expect(await budgetOf(baton)).toMatchObject({ spent: { tokens: 50 }, reserved: { tokens: 0 } });
  });

  test("a run that is cancelled while it waits, and one whose call is aborted, leave nothing set aside", async () => {
    const asks = limited(
      (_, context) =>
        new Promise((_resolve, reject) =>
          context.signal.addEventListener("abort", () => reject(new Error("aborted"))),
        ),
      { budgets: [budget("spend", { calls: 2, tokens: 100 })], maximum: { tokens: 100 } },
    );
    const flow = single(asks);
    const { baton, clock } = await opened({ workflows: [flow] });
    const [first, second] = await startAll(baton, flow, 2);
    await clock.settle();
    await baton.cancel("run-1", { by: ADA, reason: "no more" });
    await clock.until(Promise.resolve(second?.outcome()));
    await baton.cancel("run-0", { by: ADA, reason: "no more" });
    await clock.until(Promise.resolve(first?.outcome()));
    expect(await budgetOf(baton)).toMatchObject({
      spent: { calls: 1, tokens: 0 },
      reserved: { calls: 0, tokens: 0 },
    });
  });
});

describe("a maximum", () => {
  test("ends an attempt that reports more, for good; what it used is spent in full", async () => {
    let after = false;
    const asks = limited(
      (_, context) => {
        context.usage({ model: "fable", inputTokens: 60, outputTokens: 60 });
        after = true;
      },
      { budgets: [budget("spend", { tokens: 1_000 })], maximum: { tokens: 100 }, attempts: 3 },
    );
    const flow = single(asks);
    const { baton, clock, log } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, 1, { id: "a" });
    expect(await clock.until(run.outcome())).toMatchObject({
      kind: "failed",
      error: { code: "MAXIMUM_EXCEEDED" },
    });
    expect(after).toBe(false);
    expect(log).toContainEqual(expect.objectContaining({ level: "error", run: "a" }));
    expect(await payloadsOf(baton, "a", "attempt.failed")).toMatchObject([
      { spent: { tokens: 120 } },
    ]);
    expect(await budgetOf(baton)).toMatchObject({ spent: { tokens: 120 } });
  });

  test("is what an attempt without an answer is charged; one that threw is charged what it reported", async () => {
    const asks = limited(
      (input, context) => {
        context.usage({ model: "fable", inputTokens: 7, outputTokens: 0 });
        if (input === 0) throw new Error("no");
        return new Promise(() => {});
      },
      {
        budgets: [budget("spend", { tokens: 1_000, time: "1h" })],
        maximum: { tokens: 100 },
        timeout: "1s",
      },
    );
    const flow = single(asks);
    const { baton, clock } = await opened({ workflows: [flow] });
    const [threw, hangs] = await startAll(baton, flow, 2);
    await clock.until(Promise.all([threw?.outcome(), hangs?.outcome()]));
    expect(await budgetOf(baton)).toMatchObject({ spent: { tokens: 107, timeMs: 1_000 } });
  });

  test("is needed for what is measured; and of the currency of the prices", async () => {
    const tokens = budget("spend", { tokens: 10, money: "1 EUR" });
    expect(() => limited(USES_100, { budgets: [tokens] })).toThrow(
      /maximum\.tokens.*maximum\.money/,
    );
    expect(() => limited(USES_100, { budgets: [budget("t", { time: "1s" })] })).toThrow(/timeout/);
    expect(() =>
      limited(USES_100, { budgets: [tokens], maximum: { tokens: 11, money: "1 EUR" } }),
    ).toThrow(/never be called/);
    expect(() =>
      workflow("w", "1.0.0", { input: of<number>(), budgets: [tokens] })
        .step("a", limited(USES_100, { maximum: { tokens: 1 } }), { input: ({ input }) => input })
        .output(() => null),
    ).toThrow(/maximum\.money/);
    const flow = single(
      limited(USES_100, { budgets: [tokens], maximum: { tokens: 1, money: "1 EUR" } }),
    );
    const prices = { fable: { inputPerMillion: "1", outputPerMillion: "1", currency: "USD" } };
    await expectRefused(opened({ workflows: [flow], prices }), "DEFINITION_INVALID");
    const other = single(
      limited(USES_100, { budgets: [budget("spend", { calls: 1 })] }, "other"),
      "other",
    );
    await expectRefused(opened({ workflows: [flow, other] }), "DEFINITION_INVALID");
  });
});

describe("a window", () => {
  const daily = (whenSpent: "fail" | "wait") => budget("spend", { calls: 2, per: "1h", whenSpent });

  test("gives it anew; a run that waits for it is held in its journal until then", async () => {
    const calls: number[] = [];
    const asks = limited((input) => calls.push(input), { budgets: [daily("wait")] });
    const flow = single(asks);
    const { baton, clock } = await opened({ workflows: [flow] });
    await startAll(baton, flow, 5);
    await clock.settle();
    expect(calls).toHaveLength(2);
    const nextAt = (Math.floor(clock.now() / 3_600_000) + 1) * 3_600_000;
    expect(await payloadsOf(baton, "run-4", "attempt.held")).toEqual([
      { gate: "budget/spend", dueAt: nextAt, until: nextAt },
    ]);
    expect(await budgetOf(baton)).toMatchObject({ waitingRuns: 3, until: nextAt });
    await clock.advance(3_600_000);
    expect(calls).toHaveLength(4);
    await clock.advance(3_600_000);
    expect(calls).toHaveLength(5);
    expect(await baton.runs({ status: "completed" })).toHaveLength(5);
    expect((await baton.replay("run-4")).differences).toEqual([]);
  });

  test("a clock that goes back gives nothing twice, also after a restart", async () => {
    let calls = 0;
    const asks = limited(() => (calls += 1), { budgets: [daily("fail")] });
    const flow = single(asks);
    const clock = virtualClock();
    let backMs = 0;
    const turned: VirtualClock = { ...clock, now: () => clock.now() - backMs };
    const store = memory({ now: () => turned.now() });
    const first = await opened({ workflows: [flow], store }, turned);
    await clock.until(
      Promise.all((await startAll(first.baton, flow, 2)).map((run) => run.outcome())),
    );
    backMs = 7_200_000;
    const late = await first.baton.start(flow, 1, { id: "late" });
    await clock.until(late.outcome());
    await clock.until(first.baton.close({ graceMs: 10 }));
    const second = await opened({ workflows: [flow], store }, turned);
    const later = await second.baton.start(flow, 1, { id: "later" });
    expect(await clock.until(later.outcome())).toMatchObject({ error: { code: "BUDGET_SPENT" } });
    expect(calls).toBe(2);
  });

  test("a person adds to it: runs that wait go on, also those of an earlier process", async () => {
    const calls: number[] = [];
    const asks = limited((input) => calls.push(input), { budgets: [daily("wait")] });
    const flow = single(asks);
    const store = memory();
    const first = await opened({ workflows: [flow], store });
    await startAll(first.baton, flow, 6);
    await first.clock.settle();
    await first.baton.raiseBudget("spend", { calls: 1 }, { by: ADA, reason: "month's end" });
    await first.clock.settle();
    expect(calls).toHaveLength(3);
    await first.clock.until(first.baton.close({ graceMs: 100 }));
    const second = await opened({ workflows: [flow], store }, first.clock);
    await second.clock.settle();
    expect(calls).toHaveLength(3);
    await second.baton.raiseBudget("spend", { calls: 2 }, { by: ADA, reason: "once more" });
    await second.clock.settle();
    expect(calls).toHaveLength(5);
    expect(await budgetOf(second.baton)).toMatchObject({
      limit: { calls: 5 },
      raised: { calls: 3 },
    });
    await expectRefused(
      second.baton.raiseBudget("spend", { tokens: 2 }, { by: ADA, reason: "" }),
      "ARGUMENT_INVALID",
    );
    await expectRefused(
      second.baton.raiseBudget("none", { calls: 2 }, { by: ADA, reason: "" }),
      "BUDGET_NOT_FOUND",
    );
  });
});

test("a call that waited for a budget is not made where its breaker has opened meanwhile", async () => {
  const called: string[] = [];
  const spend = budget("one-at-a-time", { tokens: 2 });
  const failing = gate<number>();
  const caller = agent({
    name: "caller",
    version: "1.0.0",
    input: anything,
    output: anything,
    timeout: "1m",
    budgets: [spend],
    maximum: { tokens: 2 },
    breaker: { failures: 1, cooldown: "1h" },
    retry: { attempts: 1 },
    execute: async (_, { run }) => {
      called.push(run);
      return run === "well" ? 1 : await failing.promise;
    },
  });
  const flow = workflow("waits", "1.0.0", { input: anything })
    .step("a", caller, { input: () => 1 })
    .output(({ a }) => a);
  const { baton, clock } = await opened({ workflows: [flow] });
  await clock.until((await baton.start(flow, 1, { id: "well" })).result());
  await baton.start(flow, 1, { id: "sick" });
  await clock.settle();
  await baton.start(flow, 1, { id: "waits" });
  await clock.settle();
  failing.fail(new Error("down"));
  await clock.settle();
  expect(called).toEqual(["well", "sick"]);
  expect(await journalOf(baton, "waits")).toEqual(["run.started", "attempt.held a"]);
  expect((await baton.report("waits")).steps[0]?.waitsFor?.gate).toBe("breaker/caller");
  const [stands] = await baton.budgets();
  expect(stands?.reserved).toMatchObject({ tokens: 0 });
});
