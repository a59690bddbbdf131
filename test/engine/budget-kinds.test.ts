/** Budgets of single runs, of several at once, and of calls that are never refused: compensations and probes. */
import { agent, budget, type Json, workflow } from "baton";
import { describe, expect, test } from "vitest";
import { budgetOf, limited, startAll, USES_100 } from "../support/limited.ts";
import { anything, entriesOf, gate, of, opened, payloadsOf, single } from "../support/opened.ts";

describe("a run's own budget", () => {
  test("is for each run alone, and its journal alone says what is spent; at its end the run fails", async () => {
    let calls = 0;
    const asks = limited(() => (calls += 1), {});
    const flow = workflow("repeats", "1.0.0", { input: of<number>(), runBudget: { calls: 3 } })
      .repeat("again", asks, {
        input: () => 1,
        until: () => false,
        limit: 10,
        atLimit: "last",
      })
      .output(() => null);
    const { baton, clock } = await opened({ workflows: [flow] });
    for (const id of ["a", "b"]) {
      const run = await baton.startUntyped(flow, 1, { id });
      expect(await clock.until(run.outcome())).toMatchObject({
        kind: "failed",
        error: { code: "BUDGET_SPENT", message: expect.stringContaining("The run's own budget") },
      });
    }
    expect(calls).toBe(6);
    expect(await baton.budgets()).toEqual([]);
  });

  test("sets aside what nested workflows may use, which must have one", () => {
    const asks = limited(USES_100, { maximum: { tokens: 10 } });
    const nested = (runBudget: { readonly tokens: number } | undefined, name = "inner") =>
      workflow(name, "1.0.0", {
        input: of<number>(),
        ...(runBudget === undefined ? {} : { runBudget }),
      })
        .step("a", asks, { input: ({ input }) => input })
        .output(() => null);
    const outer = (tokens: number, inner: ReturnType<typeof nested>) =>
      workflow("outer", "1.0.0", { input: of<number>(), runBudget: { tokens } })
        .subflow("child", inner, { input: ({ input }) => input })
        .step("b", asks, { input: ({ input }) => input })
        .output(() => null);
    expect(outer(100, nested({ tokens: 60 }))).toMatchObject({ ownBudget: { tokens: 40 } });
    expect(() => outer(100, nested(undefined))).toThrow(/no `runBudget.tokens`/);
    expect(() => outer(100, nested({ tokens: 95 }))).toThrow(/never be called/);
    expect(() => outer(100, nested({ tokens: 101 }))).toThrow(
      /nested workflows may use 101 tokens/,
    );
    const named = budget("spend", { calls: 5 });
    expect(() =>
      workflow("outer", "1.0.0", { input: of<number>(), budgets: [named] })
        .subflow("child", nested(undefined), { input: ({ input }) => input })
        .output(() => null),
    ).toThrow(/not under the budget spend/);
  });
});

test("a fork with an agent that has no maximum is refused at the door, not let through", async () => {
  const asks = limited(USES_100, { maximum: { tokens: 100 } });
  const flow = workflow("forked", "1.0.0", {
    input: of<number>(),
    budgets: [budget("spend", { tokens: 1_000 })],
  })
    .step("a", asks, { input: ({ input }) => input })
    .output(({ a }) => a);
  const { baton, clock } = await opened({ workflows: [flow] });
  await clock.until((await baton.startUntyped(flow, 1, { id: "a" })).outcome());
  const other = agent({
    name: "asks",
    version: "2.0.0",
    input: of<number>(),
    output: anything,
    execute: () => 1,
  });
  const same = await baton.fork("a", { at: 0, id: "same" });
  expect(await clock.until(same.outcome())).toMatchObject({ kind: "completed" });
  const fork = await baton.fork("a", { at: 0, id: "b", agents: { a: other } });
  expect(await clock.until(fork.outcome())).toMatchObject({
    error: { code: "DEFINITION_INVALID", message: expect.stringContaining("no maximum of tokens") },
  });
  await clock.settle();
  expect(await budgetOf(baton)).toMatchObject({ spent: { tokens: 200 } });
});

test("several budgets are set aside together or not at all: one that is full holds nothing of the others", async () => {
  const gates = [gate(), gate(), gate()];
  const one = budget("one", { calls: 10 });
  const both = limited(
    (input) => gates[input]?.promise.then(() => 1),
    { budgets: [one, budget("spend", { calls: 1, per: "1h", whenSpent: "wait" })] },
    "both",
  );
  const single1 = single(both, "both");
  const { baton, clock } = await opened({ workflows: [single1] });
  await startAll(baton, single1, 3);
  await clock.settle();
  expect(await budgetOf(baton, "one")).toMatchObject({ reserved: { calls: 1 } });
  for (const each of gates) each.open();
  await clock.settle();
  expect(await budgetOf(baton, "one")).toMatchObject({
    spent: { calls: 1 },
    reserved: { calls: 0 },
  });
  expect(await budgetOf(baton)).toMatchObject({ waitingRuns: 2 });
});

test("what a compensation uses is spent, and it is never refused", async () => {
  const undoes = agent({
    name: "undoes",
    version: "1.0.0",
    input: of<number>(),
    output: anything,
    retry: { attempts: 1 },
    budgets: [budget("spend", { calls: 1, tokens: 10 })],
    maximum: { tokens: 10 },
    execute: () => 1,
    compensate: (_input, _output, context) =>
      context.usage({ model: "fable", inputTokens: 25, outputTokens: 0 }),
  });
  const fails = limited(
    () => {
      throw new Error("no");
    },
    {},
    "fails",
  );
  const flow = workflow("undone", "1.0.0", { input: of<number>() })
    .step("a", undoes, { input: ({ input }) => input })
    .step("b", fails, { needs: ["a"], input: () => 1 })
    .output(() => null);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.startUntyped(flow, 1, { id: "a" });
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
  await clock.settle();
  expect(await budgetOf(baton)).toMatchObject({
    spent: { calls: 2, tokens: 25 },
    left: { calls: 0 },
  });
  const spent: readonly Json[] = (await entriesOf(baton, "a")).map(({ kind }) => kind);
  expect(spent).toContain("compensation.sealed");
});

describe("an at-most-once agent", () => {
  test("is set aside like any other; what its probe uses is spent, and its intent is one entry", async () => {
    const acts = agent({
      name: "acts",
      version: "1.0.0",
      input: of<number>(),
      output: anything,
      delivery: "at-most-once",
      timeout: "1s",
      budgets: [budget("spend", { calls: 5, tokens: 100 })],
      maximum: { tokens: 40 },
      execute: () => new Promise(() => {}),
      probe: (_input, context) => {
        context.usage({ model: "fable", inputTokens: 3, outputTokens: 0 });
        return { kind: "done", output: 1 };
      },
    });
    const flow = single(acts);
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, 1, { id: "a" });
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "completed" });
    await clock.settle();
    // The attempt gave no answer: all that was set aside for it is charged.
    expect(await budgetOf(baton)).toMatchObject({ spent: { calls: 2, tokens: 43 } });
    expect(await payloadsOf(baton, "a", "attempt.begun")).toMatchObject([
      { reserved: { tokens: 40, calls: 1 }, budgets: ["spend"] },
    ]);
    expect((await baton.verify()).problems).toEqual([]);
  });
});
