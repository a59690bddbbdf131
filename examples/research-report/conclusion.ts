/** What `npm run example:report` says at its end, as text. */
import { type Comparison, comparisonTable } from "./comparison.ts";
import type { Way } from "./ways.ts";

/** What to look at next, by way: a run that has a report, and one that has none. */
const NEXT: Readonly<Record<Way, readonly (readonly [command: string, what: string])[]>> = {
  choreography: [
    ["graph --run q03-choreography/report-choreography", "what was expected, and what was"],
    ["why q07-choreography", "why there is no report"],
  ],
  orchestration: [
    ["lineage q03-orchestration writing", "from the report to the question"],
    ["why q07-orchestration", "why there is no report"],
  ],
  hybrid: [
    ["why q07-hybrid", "why there is no report"],
    ["show q07-hybrid/report-hybrid", "and what was given back"],
  ],
};

/** @param about.model who wrote, if a model did: then no two reports are the same, and nobody expects it. */
export function conclusion(
  comparison: Comparison,
  about: { readonly problems: number; readonly model: string | undefined },
): string {
  const { ways } = comparison;
  const commands = ways.flatMap(({ way }) => NEXT[way]);
  const width = Math.max(...commands.map(([command]) => command.length));
  return [
    comparisonTable(comparison),
    "",
    ...likeness(comparison, about.model),
    about.problems === 0
      ? "Verified      nothing was changed, removed, added or moved"
      : `NOT VERIFIED  ${about.problems} problems: npx baton verify`,
    "",
    "Next, from examples/research-report:",
    ...commands.map(([command, what]) => `  npx baton ${command.padEnd(width)}  # ${what}`),
  ].join("\n");
}

function likeness({ ways, compared }: Comparison, model: string | undefined): readonly string[] {
  if (model !== undefined) return [`Written by    ${model}, in other words each time`];
  if (ways.length < 2) return [];
  const different = compared.filter(({ equal }) => !equal).map(({ question }) => question);
  if (different.length > 0) return [`NOT EQUAL     ${different.join(", ")}`];
  return [
    `Equal         the ${ways[0]?.written ?? 0} reports, byte for byte, and why there are no others`,
  ];
}
