import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { type Amounts, exceeds, minus, NOTHING, plus } from "../model/amounts.ts";
import {
  type BudgetSettings,
  inWindow,
  type Ledger,
  limitOf,
  newLedger,
  nextWindowAt,
  raise,
  reserve,
  settle,
} from "./budget.ts";

const CALLS: BudgetSettings = { limit: { calls: 3 } };
const HOURLY: BudgetSettings = { limit: { calls: 3 }, perMs: 3_600_000 };
const ONE = { calls: 1 };

function reserved(ledger: Ledger, settings: BudgetSettings, amounts: Amounts): Ledger {
  const verdict = reserve(ledger, settings, amounts);
  if (verdict.kind !== "reserved") throw new Error(verdict.kind);
  return verdict.ledger;
}

describe("a ledger", () => {
  it("says `later` while what is set aside may come back, and `spent` when it can't", () => {
    let ledger = newLedger();
    for (let i = 0; i < 3; i += 1) ledger = reserved(ledger, CALLS, ONE);
    expect(reserve(ledger, CALLS, ONE)).toEqual({ kind: "later" });
    for (let i = 0; i < 3; i += 1) ledger = settle(ledger, CALLS, { reserved: ONE, spent: ONE });
    expect(reserve(ledger, CALLS, ONE)).toEqual({ kind: "spent", measure: "calls" });
    expect(ledger).toMatchObject({ spent: { calls: 3 }, reserved: { calls: 0 } });
  });

  it("measures only what is limited, money to the last digit", () => {
    const settings = { limit: { money: "0.3", currency: "EUR" } };
    const cent = { tokens: 5, money: "0.1", currency: "EUR", calls: 1 };
    let ledger = newLedger();
    for (let i = 0; i < 3; i += 1) ledger = reserved(ledger, settings, cent);
    expect(ledger.reserved).toEqual({ money: "0.3", currency: "EUR" });
    expect(reserve(ledger, settings, cent).kind).toBe("later");
  });

  it("begins anew in each window, with what is under way; never again in one that is over", () => {
    let ledger = inWindow(newLedger(), HOURLY, 10 * 3_600_000 + 5);
    expect(ledger.since).toBe(36_000_000);
    expect(nextWindowAt(ledger, HOURLY, 36_000_005)).toBe(39_600_000);
    ledger = reserved(reserved(ledger, HOURLY, ONE), HOURLY, ONE);
    ledger = raise(settle(ledger, HOURLY, { reserved: ONE, spent: ONE }), { calls: 2 });
    expect(limitOf(ledger, HOURLY)).toEqual({ calls: 5 });
    const next = inWindow(ledger, HOURLY, 39_600_000);
    expect(next).toEqual({ since: 39_600_000, spent: {}, reserved: ONE, raised: {} });
    expect(inWindow(next, HOURLY, 36_000_000)).toBe(next);
    expect(nextWindowAt(next, HOURLY, 36_000_000)).toBe(43_200_000);
  });
});

const amounts = fc.record({
  tokens: fc.integer({ min: 0, max: 50 }),
  money: fc.integer({ min: 0, max: 5_000 }).map((n) => (n / 1_000).toFixed(3)),
  currency: fc.constant("EUR"),
  calls: fc.constant(1),
});
const step = fc.oneof(
  fc.record({ kind: fc.constant("reserve" as const), amounts }),
  fc.record({
    kind: fc.constant("settle" as const),
    which: fc.nat(),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  fc.record({ kind: fc.constant("crash" as const), begun: fc.boolean() }),
  fc.record({ kind: fc.constant("time" as const), byMs: fc.integer({ min: -3_000, max: 3_000 }) }),
  fc.record({ kind: fc.constant("raise" as const), amounts }),
);

test("whatever is set aside, settled, lost in a crash and raised, in any order: never more than the limit, and nothing leaks", () => {
  const limit = { tokens: 200, money: "17.5", currency: "EUR", calls: 20 };
  const settled = (all: Amounts, share: number): Amounts => ({
    ...all,
    tokens: Math.floor((all.tokens ?? 0) * share),
    money: (Number(all.money) * share).toFixed(3),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.boolean(), (steps, hasWindow) => {
      const settings: BudgetSettings = { limit, ...(hasWindow ? { perMs: 5_000 } : {}) };
      let nowMs = 100_000;
      let ledger = inWindow(newLedger(), settings, nowMs);
      const open: Amounts[] = [];
      const spentIn = new Map<number, Amounts>();
      const spend = (of: Amounts, spent: Amounts) => {
        ledger = settle(inWindow(ledger, settings, nowMs), settings, { reserved: of, spent });
        spentIn.set(ledger.since, plus(spentIn.get(ledger.since) ?? NOTHING, spent));
      };
      for (const each of steps) {
        ledger = inWindow(ledger, settings, nowMs);
        if (each.kind === "reserve") {
          const verdict = reserve(ledger, settings, each.amounts);
          if (verdict.kind === "reserved") {
            ledger = verdict.ledger;
            open.push(each.amounts);
          }
        } else if (each.kind === "settle") {
          const [of] = open.splice(each.which % Math.max(1, open.length), 1);
          if (of !== undefined) spend(of, settled(of, each.share));
        } else if (each.kind === "crash") {
          // What was open is settled by the next process: all of it, or nothing where no call had begun.
          for (const of of open.splice(0)) spend(of, each.begun ? of : NOTHING);
        } else if (each.kind === "time") nowMs += each.byMs;
        else ledger = raise(ledger, each.amounts);
        const allowed = limitOf(ledger, settings);
        expect(exceeds(plus(ledger.spent, ledger.reserved), allowed)).toBeUndefined();
        expect(minus(ledger.reserved, open.reduce(plus, NOTHING))).toEqual(
          minus(ledger.reserved, ledger.reserved),
        );
        expect(exceeds(ledger.spent, spentIn.get(ledger.since) ?? NOTHING)).toBeUndefined();
      }
    }),
  );
});
