/** The lab: one seed over all variants, and the same where the payment provider takes no idempotency keys. */
import { type OnBaton, runOnBaton } from "./on-baton.ts";
import { judge, type OrderResult, type Verdict } from "./outcome.ts";
import { PARAMETERS, type Parameters } from "./parameters.ts";
import { type Plan, planOf } from "./plan.ts";
import { runWithoutSaga } from "./without-saga.ts";

export const VARIANTS = ["request", "queue", "byHand", "baton"] as const;
export type Variant = (typeof VARIANTS)[number];

export interface SeedResult {
  readonly seed: number;
  readonly plan: Plan;
  readonly results: Readonly<Record<Variant, readonly OrderResult[]>>;
  readonly verdicts: Readonly<Record<Variant, Verdict>>;
  /** The same orders at a payment provider without idempotency keys. */
  readonly withoutKeys: Readonly<Record<Variant, Verdict>>;
  /** What the journals say of themselves. */
  readonly journal: { readonly problems: number; readonly entries: number };
}

interface All {
  readonly results: Readonly<Record<Variant, readonly OrderResult[]>> & {
    readonly baton: readonly OnBaton[];
  };
  readonly verdicts: Readonly<Record<Variant, Verdict>>;
}

async function runAll(plan: Plan): Promise<All> {
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
  return { results: { request, queue, byHand, baton }, verdicts };
}

/** All variants, under the plan of one seed. The same seed and parameters give the same result. */
export async function runSeed(
  repeats: number,
  seed: number,
  parameters: Parameters = PARAMETERS,
): Promise<SeedResult> {
  const plan = planOf(repeats, seed, parameters);
  const { results, verdicts } = await runAll(plan);
  const keyless = await runAll(planOf(repeats, seed, { ...parameters, paymentKeys: false }));
  const all = [...results.baton, ...keyless.results.baton];
  const journal = {
    problems: all.reduce((total, { problems }) => total + problems, 0),
    entries: all.reduce((total, { entries }) => total + entries, 0),
  };
  return { seed, plan, results, verdicts, withoutKeys: keyless.verdicts, journal };
}

/**
 * Whether Baton did what is claimed of it: no order is half-finished but those that are parked for a person, the journal is right
 * about each, no goods are shipped unpaid, nobody pays twice.
 */
export function isSound({ verdicts: { baton }, journal }: SeedResult): boolean {
  const { halfFinished, told, recordWrong, shippedUnpaid, doubleCharged } = baton;
  const notParked = halfFinished - told.withAllThatIsNeeded;
  return notParked + recordWrong + shippedUnpaid + doubleCharged + journal.problems === 0;
}
