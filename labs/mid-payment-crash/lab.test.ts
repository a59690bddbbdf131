import { describe, expect, test } from "vitest";
import { isSound, type Outcome, runPlan, runSeed, type SeedResult, VARIANTS } from "./lab.ts";
import { runOnBaton } from "./on-baton.ts";
import { endOf } from "./outcome.ts";
import { PARAMETERS } from "./parameters.ts";
import { CASES, MOMENTS, OPERATIONS, planOf, SCENARIO_NAMES } from "./plan.ts";
import { reportPage } from "./report.ts";
import { storyOf } from "./report-story.ts";
import { seedsTable, seedTable } from "./table.ts";
import { runWithoutSaga } from "./without-saga.ts";

/** Some hundred orders in four variants: on a machine with much else to do that takes its time. */
const TIMEOUT_MS = 180_000;
const SEEDS = [1, 2, 3, 4, 5];

const seen = new Map<number, Promise<Outcome>>();
let whole: Promise<SeedResult> | undefined;

/** Each seed is run once. */
function seedOf(seed: number): Promise<Outcome> {
  const known = seen.get(seed) ?? runPlan(planOf(1, seed, PARAMETERS));
  seen.set(seed, known);
  return known;
}

/** Seed 1 as the command runs it. */
function wholeSeed(): Promise<SeedResult> {
  whole ??= runSeed(1, 1);
  return whole;
}

test("every scenario is there without a crash, and with one at every moment of every operation", () => {
  const { fates } = planOf(1, 1, PARAMETERS);
  expect(fates).toHaveLength(CASES);
  expect(fates.filter(({ crash }) => crash === undefined)).toHaveLength(SCENARIO_NAMES.length);
  for (const operation of OPERATIONS) {
    for (const moment of MOMENTS) {
      const those = fates.filter(
        ({ crash }) => crash?.operation === operation && crash.moment === moment,
      );
      expect(those.length).toBeGreaterThanOrEqual(3);
    }
  }
});

describe.each(SEEDS)("seed %i", { timeout: TIMEOUT_MS }, (seed) => {
  test("(c): no order is half-finished but those that wait for a person, with all that is needed", async () => {
    const result = await seedOf(seed);
    const { baton } = result.verdicts;
    expect(isSound(result)).toBe(true);
    expect(baton.halfFinished).toBe(baton.told.withAllThatIsNeeded);
    expect(Object.keys(baton.byScenario)).toEqual(["refundAway"]);
    expect(baton).toMatchObject({ recordWrong: 0, shippedUnpaid: 0, doubleCharged: 0 });
    expect(baton.crashed).toBeGreaterThan(0.7 * CASES);
    expect(result.journal.problems).toBe(0);
  });

  test("(a): a crash leaves halves behind in every scenario, most of them named nowhere", async () => {
    const { request } = (await seedOf(seed)).verdicts;
    for (const name of ["smooth", "addressRefused", "carrierAway"] as const)
      expect(request.byScenario[name]?.nowhere).toBeGreaterThan(0);
    expect(request.halfFinished).toBeGreaterThan(0.4 * CASES);
    expect(request.told.nobody).toBeGreaterThan(0.5 * request.halfFinished);
    expect(request.paidForNothing).toBeGreaterThan(0.25 * CASES);
    expect(request.doubleCharged).toBe(0);
  });

  test("(b): ships what it has refunded where the carrier says something else the second time, and nothing else is silent", async () => {
    const { queue } = (await seedOf(seed)).verdicts;
    expect(queue.shippedUnpaid).toBeGreaterThan(0);
    expect(queue.byScenario.noSlot).toEqual({ half: 3, nowhere: 3 });
    expect(queue.told.nobody).toBe(3);
    expect(queue.doubleCharged).toBe(0);
    for (const name of ["smooth", "cardDeclined", "addressRefused", "carrierAway"] as const)
      expect(queue.byScenario[name]).toBeUndefined();
  });

  test("(b'): a saga by hand is right; what it can't finish is a dead letter", async () => {
    const { byHand } = (await seedOf(seed)).verdicts;
    expect(byHand.shippedUnpaid).toBe(0);
    expect(byHand.halfFinished).toBe(byHand.told.deadLetter);
    expect(Object.keys(byHand.byScenario).sort()).toEqual(["chargeUnanswered", "refundAway"]);
  });

  test("what it costs: more commits, and the stock of what is parked stays reserved; a crash costs the least time", async () => {
    const { queue, baton } = (await seedOf(seed)).verdicts;
    expect(baton.writesEach).toBeGreaterThan(queue.writesEach);
    expect(baton.smoothP50Ms - queue.smoothP50Ms).toBeLessThan(100);
    expect(baton.heldForNothing).toBe(baton.halfFinished);
    expect(baton.crashedP50Ms).toBeLessThan(queue.crashedP50Ms);
  });
});

test("without a crash, and with services that work or refuse for good, all variants are right", async () => {
  const { fates } = planOf(1, 1, PARAMETERS);
  const calm = fates.filter(
    ({ crash, scenario }) =>
      crash === undefined && scenario !== "refundAway" && scenario !== "chargeUnanswered",
  );
  expect(calm).toHaveLength(5);
  for (const fate of calm) {
    for (const style of ["request", "queue", "byHand"] as const)
      expect(endOf(await runWithoutSaga(fate, PARAMETERS, style))).not.toBe("half");
    expect(endOf(await runOnBaton(fate, PARAMETERS))).not.toBe("half");
  }
});

describe("the command's output", { timeout: TIMEOUT_MS }, () => {
  test("the same seed gives the same", async () => {
    const { results, verdicts } = await wholeSeed();
    expect(await seedOf(1)).toMatchObject({ results, verdicts });
  });

  test("without idempotency keys all pay twice, Baton's too", async () => {
    const { withoutKeys } = await wholeSeed();
    for (const variant of VARIANTS) expect(withoutKeys[variant].doubleCharged).toBeGreaterThan(0);
  });

  test("the page tells one order in full, and shows nothing that is missing", async () => {
    const result = await wholeSeed();
    expect(storyOf(result)?.fate).toMatchObject({ scenario: "noSlot" });
    const page = reportPage({ results: [result, result], parameters: PARAMETERS });
    expect(page).not.toMatch(/<script|https?:\/\/|undefined|NaN|\[object/);
    expect(page).toContain("journal: run.compensated");
    expect(seedTable(result)).toContain("(c) Baton, compensate");
    expect(seedsTable([result])).toContain("seed 1");
  });
});
