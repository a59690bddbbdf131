/** What the lab prints. */
import { aligned } from "../report/text-table.ts";
import { type SeedResult, VARIANTS, type Variant } from "./lab.ts";
import type { Verdict } from "./outcome.ts";

export const TITLES: Readonly<Record<Variant, string>> = {
  request: "(a) try/catch in the request",
  queue: "(b) try/catch behind a queue",
  byHand: "(b') (b), with the way back in the row",
  baton: "(c) Baton, compensate",
};

/** `1,234.50` of minor units. */
export function money(minor: number): string {
  return (minor / 100).toLocaleString("en-US", {
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
  });
}

const COLUMNS: readonly (readonly [string, (verdict: Verdict) => string])[] = [
  ["half-finished", ({ halfFinished }) => String(halfFinished)],
  ["named nowhere", ({ told }) => String(told.nobody)],
  ["record wrong", ({ recordWrong }) => String(recordWrong)],
  [
    "paid for nothing",
    ({ paidForNothing, paidForNothingAmount }) =>
      `${paidForNothing} ${money(paidForNothingAmount)}`,
  ],
  [
    "shipped unpaid",
    ({ shippedUnpaid, shippedUnpaidAmount }) => `${shippedUnpaid} ${money(shippedUnpaidAmount)}`,
  ],
  ["paid twice", ({ doubleCharged }) => String(doubleCharged)],
  ["held for nothing", ({ heldForNothing }) => String(heldForNothing)],
  ["calls", ({ callsEach }) => callsEach.toFixed(1)],
  ["writes", ({ writesEach }) => writesEach.toFixed(1)],
  ["p50 ms", ({ smoothP50Ms }) => String(smoothP50Ms)],
];

/** The verdicts of one seed. */
export function seedTable({ seed, plan, verdicts, journal }: SeedResult): string {
  const rows = [
    [`seed ${seed}: ${plan.fates.length} orders`, ...COLUMNS.map(([title]) => title)],
    ...VARIANTS.map((variant) => [
      TITLES[variant],
      ...COLUMNS.map(([, cell]) => cell(verdicts[variant])),
    ]),
  ];
  return `${aligned(rows)}
The half-finished of (c) are parked: ${verdicts.baton.told.withAllThatIsNeeded}. verify: ${journal.entries} entries, ${journal.problems} problems.`;
}

/** Half-finished orders by seed, where there are several. */
export function seedsTable(results: readonly SeedResult[]): string {
  return aligned([
    ["half-finished, named nowhere", ...VARIANTS.map((variant) => TITLES[variant])],
    ...results.map(({ seed, verdicts }) => [
      `seed ${seed}`,
      ...VARIANTS.map((variant) => {
        const { halfFinished, told } = verdicts[variant];
        return `${halfFinished}, ${told.nobody}`;
      }),
    ]),
  ]);
}
