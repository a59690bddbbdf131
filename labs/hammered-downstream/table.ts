/** What the lab prints. */
import { aligned } from "../report/text-table.ts";
import { type SeedResult, VARIANTS, type Variant } from "./lab.ts";
import type { Verdict } from "./outcome.ts";

export const TITLES: Readonly<Record<Variant, string>> = {
  retries: "(a) retries alone",
  batonRetries: "(a') Baton, retries alone",
  wait: "(b) Baton, breaker: runs wait",
  fallback: "(c) Baton, breaker: fallback",
};

/** `203.8`: seconds of milliseconds. */
export function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}

const COLUMNS: readonly (readonly [string, (verdict: Verdict) => string])[] = [
  ["calls", ({ calls }) => String(calls)],
  ["in vain", ({ wasted }) => String(wasted)],
  ["fell over", ({ fellOver }) => String(fellOver)],
  ["recovered after s", ({ recoveredAfterMs }) => seconds(recoveredAfterMs)],
  ["all ended at s", ({ allEndedAtMs }) => seconds(allEndedAtMs)],
  ["gave up", ({ gaveUp }) => String(gaveUp)],
  ["lost s each", ({ lostMsEach }) => seconds(lostMsEach)],
  ["p99 s", ({ p99Ms }) => seconds(p99Ms)],
  ["on fallback", ({ onFallback }) => String(onFallback)],
  ["of these wrong", ({ wrongDecisions }) => String(wrongDecisions)],
  ["writes", ({ writesEach }) => writesEach.toFixed(1)],
];

function verdictsTable(heading: string, verdicts: Readonly<Record<Variant, Verdict>>): string {
  return aligned([
    [heading, ...COLUMNS.map(([title]) => title)],
    ...VARIANTS.map((variant) => [
      TITLES[variant],
      ...COLUMNS.map(([, cell]) => cell(verdicts[variant])),
    ]),
  ]);
}

/** The verdicts of one seed: under the outage, and under what was put in its place. */
export function seedTable({ seed, verdicts, killed, hiccup, journal }: SeedResult): string {
  return `${verdictsTable(`seed ${seed}: slow for 20 s`, verdicts)}

${verdictsTable("killed once instead", killed)}

${verdictsTable("a hiccup of 3 s instead", hiccup)}
verify: ${journal.entries} entries, ${journal.problems} problems.`;
}

/** Calls and recovery by seed, where there are several. */
export function seedsTable(results: readonly SeedResult[]): string {
  return aligned([
    ["calls; recovered after s", ...VARIANTS.map((variant) => TITLES[variant])],
    ...results.map(({ seed, verdicts }) => [
      `seed ${seed}`,
      ...VARIANTS.map((variant) => {
        const { calls, recoveredAfterMs } = verdicts[variant];
        return `${calls}; ${seconds(recoveredAfterMs)}`;
      }),
    ]),
  ]);
}
