import { describe, expect, it } from "vitest";
import { z } from "zod";
import { agent } from "./agent.ts";
import { amountText, exceeds, minus, plus, usedIn } from "./amounts.ts";
import { type BudgetOptions, budget, raiseOf } from "./budget.ts";
import { contract } from "./contract.ts";
import { isBatonError } from "./errors.ts";
import { manifestOf } from "./manifest.ts";
import { workflow } from "./workflow.ts";

const Text = contract("text", "1.0.0", z.string());

function problemsOf(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    if (isBatonError(error, "DEFINITION_INVALID")) return JSON.stringify(error.details["problems"]);
    throw error;
  }
  return "";
}

describe("a budget", () => {
  it("has the amounts that were written, and fails when spent unless told otherwise", () => {
    expect(
      budget("spend", { tokens: 5, money: "50.00 EUR", calls: 2, time: "2h", per: "1d" }),
    ).toEqual({
      name: "spend",
      limit: { tokens: 5, money: "50.00", currency: "EUR", calls: 2, timeMs: 7_200_000 },
      perMs: 86_400_000,
      whenSpent: "fail",
    });
  });

  it.each([
    [{}, "limits nothing"],
    [{ tokens: 0 }, "`tokens` of 0"],
    [{ tokens: 1.5 }, "`tokens` of 1.5"],
    [{ calls: "many" }, "`calls`"],
    [{ money: 5 }, "`money`"],
    [{ money: "5" }, "`money`"],
    [{ money: "0.00 EUR" }, "`money`"],
    [{ money: "1e3 EUR" }, "`money`"],
    [{ time: "0s" }, "`time` of 0"],
    [{ calls: 1, per: "0s" }, "`per` of 0"],
    [{ calls: 1, per: "day" }, "per"],
    [{ calls: 1, whenSpent: "wait" }, "wait for ever"],
    [{ calls: 1, whenSpent: "shrug" }, "`whenSpent`"],
    [{ calls: 1, each: "1d" }, "`each`"],
  ])("refuses %j", (options, part) => {
    // As somebody without a compiler may write it.
    expect(problemsOf(() => budget("spend", options as BudgetOptions))).toContain(part);
  });

  it("is refused under a wrong name, and so is a raise of nothing", () => {
    expect(problemsOf(() => budget("Spend", { calls: 1 }))).toContain("Spend");
    expect(problemsOf(() => raiseOf({}))).toContain("adds nothing");
    expect(raiseOf({ money: "1.5 EUR" })).toEqual({ money: "1.5", currency: "EUR" });
  });

  it("is pinned with its users, and its limit is not: that is what its newest code says", () => {
    const spend = budget("spend", { tokens: 100, per: "1d", whenSpent: "wait" });
    const asks = agent({
      name: "asks",
      version: "1.0.0",
      input: Text,
      output: Text,
      budgets: [spend],
      maximum: { tokens: 10 },
      execute: (text) => text,
    });
    const flow = workflow("flow", "1.0.0", {
      input: Text,
      budgets: [spend],
      runBudget: { calls: 3 },
    })
      .step("a", asks, { input: ({ input }) => input })
      .output(({ a }) => a);
    expect(manifestOf(flow)).toMatchObject({
      agents: {
        "asks@1.0.0": {
          budgets: [{ name: "spend", whenSpent: "wait" }],
          maximum: { tokens: 10 },
        },
      },
      workflows: {
        "flow@1.0.0": {
          budgets: [{ name: "spend", whenSpent: "wait" }],
          runBudget: { calls: 3 },
        },
      },
    });
  });
});

describe("amounts", () => {
  it("are exact, and keep to their measures", () => {
    const one = { money: "0.1", currency: "EUR", tokens: 3 };
    const three = plus(plus(one, one), one);
    expect(three).toEqual({ money: "0.3", currency: "EUR", tokens: 9 });
    expect(exceeds(three, { money: "0.3" })).toBeUndefined();
    expect(exceeds(three, { calls: 1, money: "0.29999" })).toBe("money");
    expect(minus({ tokens: 5 }, { tokens: 9, calls: 1 })).toEqual({ tokens: 0 });
    expect(amountText(three, "money")).toBe("0.3 EUR");
  });

  it("of usage have no money where a call has no price", () => {
    const priced = { model: "a", inputTokens: 1, outputTokens: 2, cost: "0.5", currency: "EUR" };
    expect(usedIn([priced, priced])).toEqual({ tokens: 6, money: "1", currency: "EUR" });
    expect(usedIn([priced, { model: "b", inputTokens: 1, outputTokens: 0 }])).toEqual({
      tokens: 4,
    });
    expect(usedIn([])).toEqual({ tokens: 0, money: "0" });
  });
});
