/**
 * The plan of one seed: every scenario, with a crash at every point of it, so many times over. The seed draws amounts,
 * latencies and which customers come back.
 */
import { seededRandom } from "../../examples/credit-decision/random.ts";
import type { Parameters } from "./parameters.ts";

/** What can be asked of the outside services: four steps forward, three back. What was shipped stays shipped. */
export const OPERATIONS = [
  "reserve",
  "charge",
  "book",
  "ship",
  "cancelBooking",
  "refund",
  "release",
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** What the outside services do to an order. */
export const SCENARIOS = {
  smooth: "everything works",
  cardDeclined: "the card is declined",
  noSlot: "the carrier has no slot; 20 s later it has one",
  addressRefused: "the carrier refuses the address",
  carrierAway: "the carrier does not answer for 20 s",
  refundAway: "the address is refused, and refunds fail for 10 minutes",
  chargeUnanswered: "the card is charged, and no answer comes for 10 minutes",
} as const;
export type Scenario = keyof typeof SCENARIOS;
// The keys of an object literal are what its type says.
export const SCENARIO_NAMES = Object.keys(SCENARIOS) as readonly Scenario[];

/**
 * Where the process dies: before an operation reaches its service, when the service has done it and nobody has heard, or when
 * its answer has been committed.
 */
export const MOMENTS = ["before", "acted", "committed"] as const;
export type Moment = (typeof MOMENTS)[number];

export interface Crash {
  /** At its first call. */
  readonly operation: Operation;
  readonly moment: Moment;
}

/** What happens to one order, whatever handles it. */
export interface Fate {
  readonly id: string;
  readonly amount: number;
  readonly scenario: Scenario;
  readonly crash?: Crash;
  readonly callMs: Readonly<Record<Operation, number>>;
  readonly comesBack: boolean;
}

/** Everything that one seed decides. All variants are given the same plan. */
export interface Plan {
  readonly seed: number;
  readonly parameters: Parameters;
  readonly fates: readonly Fate[];
}

/** The operations to which a scenario comes in at least one variant: there is a crash at each of them. */
const REACHED: Readonly<Record<Scenario, readonly Operation[]>> = {
  smooth: ["reserve", "charge", "book", "ship"],
  cardDeclined: ["reserve", "charge", "release"],
  noSlot: ["reserve", "charge", "book", "refund", "release"],
  addressRefused: OPERATIONS,
  carrierAway: OPERATIONS,
  refundAway: OPERATIONS,
  chargeUnanswered: ["reserve", "charge", "refund", "release"],
};

/** No crash, and a crash at every point. */
function crashesOf(scenario: Scenario): readonly (Crash | undefined)[] {
  return [
    undefined,
    ...REACHED[scenario].flatMap((operation) => MOMENTS.map((moment) => ({ operation, moment }))),
  ];
}

/** How many cases there are: each scenario without a crash, and with one at every point. */
export const CASES: number = SCENARIO_NAMES.flatMap(crashesOf).length;

/** The same seed gives the same plan on every machine; the order of the draws is part of it. */
export function planOf(repeats: number, seed: number, parameters: Parameters): Plan {
  const random = seededRandom(seed);
  const fates: Fate[] = [];
  const fate = (scenario: Scenario, crash: Crash | undefined): Fate => {
    // A record with a number for each name is what mapping the names gives.
    const callMs = Object.fromEntries(
      OPERATIONS.map((operation) => [
        operation,
        random.whole(parameters.callMs.low, parameters.callMs.high),
      ]),
    ) as Record<Operation, number>;
    return {
      id: `order-${String(fates.length + 1).padStart(4, "0")}`,
      amount: random.whole(parameters.amount.low, parameters.amount.high),
      scenario,
      ...(crash === undefined ? {} : { crash }),
      callMs,
      comesBack: random.chance(parameters.comesBackPercent),
    };
  };
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    for (const scenario of SCENARIO_NAMES) {
      for (const crash of crashesOf(scenario)) fates.push(fate(scenario, crash));
    }
  }
  return { seed, parameters, fates };
}
