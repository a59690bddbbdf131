import fc from "fast-check";
import { expect, test } from "vitest";
import { deposited, fullStore, REFILL_MS, withdrawn } from "./retry-budget.ts";

const BUDGET = fc.record({
  share: fc.integer({ min: 0, max: 10 }).map((tenths) => tenths / 10),
  least: fc.integer({ min: 0, max: 20 }),
});

test("in any time, retries are bounded by its first attempts, by what is in store, and by what comes back", () => {
  const step = fc.record({ inMs: fc.integer({ min: 0, max: 5_000 }), retries: fc.boolean() });
  fc.assert(
    fc.property(BUDGET, fc.array(step, { maxLength: 200 }), (budget, steps) => {
      let nowMs = 0;
      let store = fullStore(budget, nowMs);
      const made: { readonly atMs: number; readonly retry: boolean }[] = [];
      for (const { inMs, retries } of steps) {
        nowMs += inMs;
        const after = retries ? withdrawn(store, budget, nowMs) : deposited(store, budget, nowMs);
        if (after === undefined) continue;
        store = after;
        made.push({ atMs: nowMs, retry: retries });
      }
      for (let from = 0; from < made.length; from += 1) {
        let [firsts, retried] = [0, 0];
        for (const { atMs, retry } of made.slice(from)) {
          if (retry) retried += 1;
          else firsts += 1;
          const backs = ((atMs - (made[from]?.atMs ?? 0)) / REFILL_MS) * budget.least;
          expect(retried).toBeLessThanOrEqual(
            budget.share * firsts + Math.max(1, budget.least) + backs + 1e-6,
          );
        }
      }
    }),
  );
});

test("five first attempts pay for one retry, once the store is spent", () => {
  const budget = { share: 0.2, least: 0 };
  let store = fullStore(budget, 0);
  for (let firsts = 1; firsts <= 5; firsts += 1) {
    expect(withdrawn(store, budget, 0)).toBeUndefined();
    store = deposited(store, budget, 0);
  }
  expect(withdrawn(store, budget, 0)?.left).toBeCloseTo(0);
});

test("what is in store comes back within a minute, without a first attempt", () => {
  const budget = { share: 0, least: 2 };
  const spent = { left: 0, atMs: 0 };
  expect(withdrawn(spent, budget, REFILL_MS / 2 - 1)).toBeUndefined();
  expect(withdrawn(spent, budget, REFILL_MS / 2)?.left).toBe(0);
  expect(withdrawn(spent, budget, 10 * REFILL_MS)?.left).toBe(1);
});
