/** The lab: one seed over all variants, and the same where the payment provider takes no idempotency keys. */
import { type OnBaton, runOnBaton } from "./on-baton.ts";
import { judge, type OrderResult, type Verdict } from "./outcome.ts";
import { PARAMETERS, type Parameters } from "./parameters.ts";
import { type Plan, planOf } from "./plan.ts";
import { runWithoutSaga } from "./without-saga.ts";

export const VARIANTS = ["request", "queue", "byHand", "baton"] as const;
export type Variant = (typeof VARIANTS)[number];

/** What came of a plan. */
export interface Outcome {
  readonly results: Readonly<Record<Variant, readonly OrderResult[]>>;
  readonly verdicts: Readonly<Record<Variant, Verdict>>;
  /** What the journals say of themselves. */
  readonly journal: { readonly problems: number; readonly entries: number };
}

export interface SeedResult extends Outcome {
  readonly seed: number;
  readonly plan: Plan;
  /** The same orders at a payment provider without idempotency keys. */
  readonly withoutKeys: Readonly<Record<Variant, Verdict>>;
}

/** All variants, under one plan. The same plan gives the same outcome. */
export async function runPlan(plan: Plan): Promise<Outcome> {
  const { fates, parameters } = plan;
  const each = async <X>(run: (fate: Plan["fates"][number]) => Promise<X>): Promise<X[]> => {
    const results: X[] = [];
    for (const fate of fates) results.push(await run(fate));
    return results;
  };
  const request = await each((fate) => runWithoutSaga(fate, parameters, "request"));
  const queue = await each((fate) => runWithoutSaga(fate, parameters, "queue"));
  const byHand = await each((fate) => runWithoutSaga(fate, parameters, "byHand"));
  const baton = await each((fate) => runOnBaton(fate, parameters));
  const verdicts = {
    request: judge(plan, request),
    queue: judge(plan, queue),
    byHand: judge(plan, byHand),
    baton: judge(plan, baton),
  };
  const sum = (of: (each: OnBaton) => number) => baton.reduce((total, each) => total + of(each), 0);
  const journal = {
    problems: sum(({ problems }) => problems),
    entries: sum(({ entries }) => entries),
  };
  return { results: { request, queue, byHand, baton }, verdicts, journal };
}

/** All variants, under the plan of one seed. The same seed and parameters give the same result. */
export async function runSeed(
  repeats: number,
  seed: number,
  parameters: Parameters = PARAMETERS,
): Promise<SeedResult> {
  const plan = planOf(repeats, seed, parameters);
  const outcome = await runPlan(plan);
  const keyless = await runPlan(planOf(repeats, seed, { ...parameters, paymentKeys: false }));
  const problems = outcome.journal.problems + keyless.journal.problems;
  const entries = outcome.journal.entries + keyless.journal.entries;
  const { verdicts: withoutKeys } = keyless;
  return { seed, plan, ...outcome, withoutKeys, journal: { problems, entries } };
}

/**
 * Whether Baton did what is claimed of it: no order is half-finished but those that are parked for a person, the journal is right
 * about each, no goods are shipped unpaid, nobody pays twice.
 */
export function isSound({ verdicts: { baton }, journal }: Outcome): boolean {
  const { halfFinished, told, recordWrong, shippedUnpaid, doubleCharged } = baton;
  const notParked = halfFinished - told.withAllThatIsNeeded;
  return notParked + recordWrong + shippedUnpaid + doubleCharged + journal.problems === 0;
}
