import { describe, expect, test } from "vitest";
import { type Outcome, runPlan, runSeed, type SeedResult, VARIANTS, whatIf } from "./lab.ts";
import { runOnBaton } from "./on-baton.ts";
import { isSound, judge } from "./outcome.ts";
import { HICCUP, PARAMETERS } from "./parameters.ts";
import { planOf } from "./plan.ts";
import { reportPage } from "./report.ts";
import { seedsTable, seedTable } from "./table.ts";
import { runWithRetries } from "./with-retries.ts";

/** Some hundred runs, in twelve ways: on a machine with much else to do that takes its time. */
const TIMEOUT_MS = 180_000;
const SEEDS = [1, 2, 3];
/** Fewer than the command runs, and enough that they come before, during and after the incident. */
const RUNS = 500;

const seen = new Map<number, Promise<Outcome>>();
let whole: Promise<SeedResult> | undefined;

/** Each seed is run once. */
function seedOf(seed: number): Promise<Outcome> {
  const known = seen.get(seed) ?? runPlan(planOf(RUNS, seed, PARAMETERS));
  seen.set(seed, known);
  return known;
}

/** A seed as the command runs it, with what is put in the place of the outage. */
function wholeSeed(): Promise<SeedResult> {
  whole ??= runSeed(RUNS, 4);
  return whole;
}

describe.each(SEEDS)("seed %i", { timeout: TIMEOUT_MS }, (seed) => {
  test("retries alone make an outage of minutes out of twenty seconds, and give runs up", async () => {
    const { retries } = (await seedOf(seed)).verdicts;
    expect(retries.calls).toBeGreaterThan(5 * RUNS);
    expect(retries.wasted).toBeGreaterThan(0.85 * retries.calls);
    expect(retries.fellOver).toBeGreaterThan(3);
    expect(retries.recoveredAfterMs).toBeGreaterThan(120_000);
    expect(retries.gaveUp).toBeGreaterThan(0.3 * RUNS);
  });

  test("the same retries on Baton do about the same: it is not the engine that makes the difference", async () => {
    const { retries, batonRetries } = (await seedOf(seed)).verdicts;
    expect(Math.abs(batonRetries.calls / retries.calls - 1)).toBeLessThan(0.1);
    expect(Math.abs(batonRetries.recoveredAfterMs / retries.recoveredAfterMs - 1)).toBeLessThan(
      0.15,
    );
    expect(batonRetries.gaveUp).toBeGreaterThan(0.3 * RUNS);
  });

  test("with the breaker few calls are in vain, the bureau is well when the incident is over, and every run is decided", async () => {
    const { verdicts, onBaton } = await seedOf(seed);
    for (const variant of ["wait", "fallback"] as const) {
      expect(isSound(verdicts[variant], PARAMETERS)).toBe(true);
      expect(verdicts[variant]).toMatchObject({ fellOver: 0, gaveUp: 0, recoveredAfterMs: 20_000 });
    }
    for (const each of onBaton) expect(each).toMatchObject({ problems: 0, unmarked: 0 });
  });

  test("what it costs: waiting in (b), decisions on an old score in (c), each marked, some of them wrong", async () => {
    const { retries, wait, fallback } = (await seedOf(seed)).verdicts;
    expect(wait.p99Ms).toBeGreaterThan(PARAMETERS.cooldownMs);
    expect(wait.onFallback).toBe(0);
    expect(fallback.onFallback).toBeGreaterThan(0.2 * RUNS);
    expect(fallback.wrongDecisions).toBeGreaterThan(0);
    expect(fallback.wrongDecisions).toBeLessThan(0.25 * fallback.onFallback);
    expect(wait.writesEach).toBeGreaterThan(retries.writesEach);
  });
});

describe("instead of the outage", { timeout: TIMEOUT_MS }, () => {
  test("a bureau that was killed gets its peace from the breaker, and none from retries alone", async () => {
    const { killed, journal } = await wholeSeed();
    for (const variant of ["wait", "fallback"] as const) {
      expect(killed[variant]).toMatchObject({ fellOver: 1, gaveUp: 0, recoveredAfterMs: 18_000 });
      expect(killed[variant].wasted).toBeLessThanOrEqual(PARAMETERS.breakerFailures);
    }
    expect(killed.retries.recoveredAfterMs).toBeGreaterThan(120_000);
    expect(journal).toMatchObject({ problems: 0, unmarked: 0 });
  });

  test("in a hiccup retries alone are the better answer", async () => {
    const { retries, wait } = (await wholeSeed()).hiccup;
    expect(retries).toMatchObject({ gaveUp: 0, fellOver: 0 });
    expect(retries.lostMsEach).toBeLessThan(500);
    expect(wait.lostMsEach).toBeGreaterThan(5_000);
    expect(wait.gaveUp).toBe(0);
  });
});

describe("what if", { timeout: TIMEOUT_MS }, () => {
  test("with a limit that fits the bureau (a) is well; without one (b) is not", async () => {
    const plan = (callsAtOnce: number) => planOf(RUNS, 1, { ...PARAMETERS, callsAtOnce });
    const fitting = judge(plan(10), await runWithRetries(plan(10)));
    expect(fitting).toMatchObject({ gaveUp: 0, fellOver: 0 });
    const unlimited = judge(plan(1_000), await runOnBaton(plan(1_000), "wait"));
    expect(unlimited.fellOver).toBeGreaterThan(1);
    expect(isSound(unlimited, PARAMETERS)).toBe(false);
  });

  test("without an incident all are the same, but for Baton's commits", async () => {
    const plan = planOf(200, 1, { ...PARAMETERS, incident: { ...HICCUP, lengthMs: 0 } });
    const retries = judge(plan, await runWithRetries(plan));
    const wait = judge(plan, await runOnBaton(plan, "wait"));
    expect(retries).toMatchObject({ calls: 200, wasted: 0 });
    expect(wait).toMatchObject({ calls: 200, wasted: 0, opened: 0 });
    expect(wait.p50Ms - retries.p50Ms).toBeLessThan(50);
  });
});

describe("the command's output", { timeout: TIMEOUT_MS }, () => {
  test("the same seed gives the same, another seed another plan", async () => {
    const { results } = await runPlan(planOf(250, 7, PARAMETERS));
    expect((await runPlan(planOf(250, 7, PARAMETERS))).results).toEqual(results);
    const arrivals = (seed: number) => planOf(50, seed, PARAMETERS).fates.map((f) => f.arrivesAtMs);
    expect(arrivals(1)).not.toEqual(arrivals(2));
  });

  test("the page and the tables show every variant, and nothing that is missing", async () => {
    const result = await wholeSeed();
    const changed = await whatIf(60, 1);
    const page = reportPage({ results: [result, result], changed, parameters: PARAMETERS });
    expect(page).not.toMatch(/<script|https?:\/\/|undefined|NaN|\[object/);
    expect(page.match(/<svg class="calls"/g)).toHaveLength(VARIANTS.length);
    expect(seedTable(result)).toContain("(c) Baton, breaker: fallback");
    expect(seedsTable([result])).toContain("seed 4");
  });
});
