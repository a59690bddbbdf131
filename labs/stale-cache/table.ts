/** What the lab prints. */
import { aligned, percent } from "../report/text-table.ts";
import { type SeedResult, VARIANTS, type Variant } from "./lab.ts";
import type { Verdict } from "./outcome.ts";

export const TITLES: Readonly<Record<Variant, string>> = {
  row: "(a) a mutable row and a cache",
  document: "(b) a document, loaded late",
  documentEarly: "(b') a document, loaded early",
  baton: "(c) Baton",
};

const COLUMNS: readonly (readonly [string, (verdict: Verdict) => string])[] = [
  [
    "wrong grade",
    ({ wrongGrades, applications }) => `${wrongGrades} ${percent(wrongGrades / applications)}`,
  ],
  ["rated on an old score", ({ ratedOnOldScore }) => String(ratedOnOldScore)],
  ["wrong decision", ({ wrongDecisions }) => String(wrongDecisions)],
  ["failed loudly", ({ failedLoudly }) => String(failedLoudly)],
  ["updates lost", ({ updatesLost }) => String(updatesLost)],
  ["alarms", ({ alarms }) => String(alarms)],
  ["p50 ms", ({ p50Ms }) => String(p50Ms ?? "-")],
  ["p99 ms", ({ p99Ms }) => String(p99Ms ?? "-")],
  ["writes", ({ writesEach }) => writesEach.toFixed(1)],
  ["bytes", ({ bytesEach }) => String(bytesEach)],
];

/** The verdicts of one seed. */
export function seedTable({ seed, verdicts, baton }: SeedResult): string {
  const rows = [
    [`seed ${seed}`, ...COLUMNS.map(([title]) => title)],
    ...VARIANTS.map((variant) => [
      TITLES[variant],
      ...COLUMNS.map(([, cell]) => cell(verdicts[variant])),
    ]),
  ];
  const { entries, problems, kills, answersLost } = baton;
  return `${aligned(rows)}
(c) was also killed ${kills} times and lost ${answersLost} answers of its store; verify: ${entries} entries, ${problems} problems.`;
}

/** Wrong grades by seed, where there are several. */
export function seedsTable(results: readonly SeedResult[]): string {
  return aligned([
    ["wrong grades", ...VARIANTS.map((variant) => TITLES[variant])],
    ...results.map(({ seed, verdicts }) => [
      `seed ${seed}`,
      ...VARIANTS.map((variant) => {
        const { wrongGrades, applications } = verdicts[variant];
        return `${wrongGrades} ${percent(wrongGrades / applications)}`;
      }),
    ]),
  ]);
}
