/** What the three ways have in common, and what sets them apart, as data and as text. */
import { sha256Of } from "./expected.ts";
import type { Answered, WayDone } from "./run-way.ts";
import type { Way } from "./ways.ts";

/** What is said of one way. */
export interface WayFigures {
  readonly way: Way;
  readonly written: number;
  /** Without a report, by the rule that was broken or what else was wrong. */
  readonly refused: Readonly<Record<string, number>>;
  /** How the runs without a report stand. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly runs: number;
  readonly entries: number;
  readonly events: number;
  readonly tookMs: number;
  readonly found: number;
}

/** One question in all ways. `sha256` is of the report's JSON, where all ways wrote the same. */
export interface Compared {
  readonly question: string;
  readonly equal: boolean;
  readonly sha256?: string;
}

export interface Comparison {
  readonly questions: number;
  readonly ways: readonly WayFigures[];
  readonly compared: readonly Compared[];
}

export function compare(done: readonly WayDone[]): Comparison {
  const [first] = done;
  const questions = first?.answers.map(({ question }) => question) ?? [];
  return {
    questions: questions.length,
    ways: done.map(figures),
    compared: questions.map((question) =>
      comparedOf(
        question,
        done.flatMap(({ answers }) => answers.filter((each) => each.question === question)),
      ),
    ),
  };
}

function figures({ way, answers, runs, entries, events, tookMs, found }: WayDone): WayFigures {
  const without = answers.filter(({ report }) => report === undefined);
  return {
    way,
    written: answers.length - without.length,
    refused: counted(without.map(({ because = "no reason is recorded" }) => because)),
    statuses: counted(without.map(({ status }) => status)),
    ...{ runs, entries, events, tookMs, found },
  };
}

/** The same in all: the same report to the byte, or none for the same reason. */
function comparedOf(question: string, answers: readonly Answered[]): Compared {
  const told = new Set(
    answers.map(({ report, because }) => JSON.stringify(report ?? { because: because ?? null })),
  );
  const [only] = told;
  const isWritten = answers[0]?.report !== undefined;
  return {
    question,
    equal: told.size === 1,
    ...(told.size === 1 && isWritten && only !== undefined ? { sha256: sha256Of(only) } : {}),
  };
}

function counted(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** The table that `npm run example:report` prints. */
export function comparisonTable({ ways }: Comparison): string {
  const rules = [...new Set(ways.flatMap(({ refused }) => Object.keys(refused)))];
  const rows: readonly (readonly [string, (of: WayFigures) => string])[] = [
    ["reports written", ({ written }) => String(written)],
    ...rules.map((rule): readonly [string, (of: WayFigures) => string] => [
      `not: ${rule}`,
      ({ refused }) => String(refused[rule] ?? 0),
    ]),
    ["these are", ({ statuses }) => Object.keys(statuses).join(", ") || "-"],
    ["runs", ({ runs }) => String(runs)],
    ["entries", ({ entries }) => String(entries)],
    ["events", ({ events }) => String(events)],
    ["ms", ({ tookMs, found }) => (found > 0 ? "-" : String(Math.round(tookMs)))],
  ];
  const titles = ["", ...ways.map(({ way }) => way)];
  const cells = [titles, ...rows.map(([name, cell]) => [name, ...ways.map(cell)])];
  const widths = titles.map((_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  return cells
    .map((row) =>
      row
        .map((cell, at) =>
          at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[at] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
