/** What became of the orders, in a form that all variants share, and the verdict on it. */
import type { Fate, Plan, Scenario } from "./plan.ts";
import type { Facts } from "./world.ts";

/**
 * Where a person finds an order by its name: nowhere, in a line of a log, in a queue of dead letters, or in a list that has
 * the input, the output, both keys and the error beside it.
 */
export type Told = "nobody" | "log" | "deadLetter" | "withAllThatIsNeeded";

/** One order at the end. */
export interface OrderResult {
  readonly facts: Facts;
  /** What happened, in its order. */
  readonly story: readonly string[];
  /** Whether the row, or the journal, says that the customer has paid and was not refunded. */
  readonly saysPaid: boolean;
  /** Whether it says that nothing is left to be done. */
  readonly finished: boolean;
  readonly told: Told;
  readonly writes: number;
  /** Until the last thing that happened, in virtual milliseconds. */
  readonly tookMs: number;
}

export interface HalfFinished {
  readonly half: number;
  readonly nowhere: number;
}

export interface Verdict {
  readonly orders: number;
  readonly crashed: number;
  /** Shipped, paid, booked, taken from the stock. */
  readonly shipped: number;
  /** Nothing was done, or all of it was undone. */
  readonly undone: number;
  /** Neither: half of something. A person has to look at each. */
  readonly halfFinished: number;
  /** Where these are named. */
  readonly told: Readonly<Record<Told, number>>;
  /** Of these, orders of which the row, or the journal, says the wrong thing about the money, or that all is done. */
  readonly recordWrong: number;
  /** Paid, not refunded, not shipped; and how much that is, in minor units. */
  readonly paidForNothing: number;
  readonly paidForNothingAmount: number;
  /** Shipped, and the money was given back or never taken. */
  readonly shippedUnpaid: number;
  readonly shippedUnpaidAmount: number;
  /** Paid twice or more. */
  readonly doubleCharged: number;
  /** Stock or a carrier's slot is held for an order that is not shipped. */
  readonly heldForNothing: number;
  readonly callsEach: number;
  readonly writesEach: number;
  /** Of orders where nothing went wrong. */
  readonly smoothP50Ms: number;
  /** Of orders where the process died, nothing else went wrong, and the goods were shipped in the end. */
  readonly crashedP50Ms: number;
  /** Half-finished orders by scenario, and how many of these are named nowhere. */
  readonly byScenario: Readonly<Partial<Record<Scenario, HalfFinished>>>;
}

/** Whether an order came to one of its two good ends. */
export function endOf({ facts }: OrderResult): "shipped" | "undone" | "half" {
  const { charges, parcels, bookings, reservations } = facts;
  const all = [charges, parcels, bookings, reservations];
  if (all.every((count) => count === 1)) return "shipped";
  return all.every((count) => count === 0) ? "undone" : "half";
}

/** Sums up a variant; the results are in the order of the plan's orders. */
export function judge({ fates }: Plan, results: readonly OrderResult[]): Verdict {
  const pairs = fates.flatMap((fate, index) => {
    const result = results[index];
    return result === undefined ? [] : [{ fate, ...result, end: endOf(result) }];
  });
  type Pair = (typeof pairs)[number];
  const those = (holds: (pair: Pair) => boolean) => pairs.filter(holds);
  const money = (some: readonly { readonly fate: Fate }[]) =>
    some.reduce((total, { fate }) => total + fate.amount, 0);
  const mean = (of: (pair: Pair) => number) =>
    pairs.reduce((total, pair) => total + of(pair), 0) / Math.max(1, pairs.length);
  const half = those(({ end }) => end === "half");
  const told = (where: Told) => half.filter((pair) => pair.told === where).length;
  const paidForNothing = those(({ facts }) => facts.charges > 0 && facts.parcels === 0);
  const shippedUnpaid = those(({ facts }) => facts.parcels > 0 && facts.charges === 0);
  const median = (some: readonly Pair[]) => {
    const times = some.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
    return times[Math.floor(times.length / 2)] ?? 0;
  };
  const smooth = those(({ fate }) => fate.scenario === "smooth");
  const byScenario: Partial<Record<Scenario, HalfFinished>> = {};
  for (const pair of half) {
    const { scenario } = pair.fate;
    const known = byScenario[scenario] ?? { half: 0, nowhere: 0 };
    const nowhere = known.nowhere + (pair.told === "nobody" ? 1 : 0);
    byScenario[scenario] = { half: known.half + 1, nowhere };
  }
  return {
    orders: pairs.length,
    crashed: those(({ facts }) => facts.crashed).length,
    shipped: those(({ end }) => end === "shipped").length,
    undone: those(({ end }) => end === "undone").length,
    halfFinished: half.length,
    told: {
      nobody: told("nobody"),
      log: told("log"),
      deadLetter: told("deadLetter"),
      withAllThatIsNeeded: told("withAllThatIsNeeded"),
    },
    recordWrong: half.filter(
      ({ finished, saysPaid, facts }) => finished || saysPaid !== facts.charges > 0,
    ).length,
    paidForNothing: paidForNothing.length,
    paidForNothingAmount: money(paidForNothing),
    shippedUnpaid: shippedUnpaid.length,
    shippedUnpaidAmount: money(shippedUnpaid),
    doubleCharged: those(({ facts }) => facts.charges > 1).length,
    heldForNothing: those(
      ({ facts }) => facts.parcels === 0 && facts.bookings + facts.reservations > 0,
    ).length,
    callsEach: mean(({ facts }) => facts.calls),
    writesEach: mean(({ writes }) => writes),
    smoothP50Ms: median(smooth.filter(({ fate }) => fate.crash === undefined)),
    crashedP50Ms: median(smooth.filter(({ facts, end }) => facts.crashed && end === "shipped")),
    byScenario,
  };
}
