/** The writing: a report out of an analysis, in the words of the sources. `model-writer.ts` has the other writer, which asks a model. */
import type { AgentContext, Frozen } from "baton";
import type { Analysis, Report } from "./contracts.ts";

/** What makes a report of an analysis. */
export type Writer = (
  analysis: Frozen<Analysis>,
  context: Pick<AgentContext, "signal" | "idempotencyKey" | "feedback" | "usage" | "remainingMs">,
) => Frozen<Report> | Promise<Frozen<Report>>;

/** Points that answer at once; the others follow in a second paragraph. */
const LEADING = 2;

/** Composes a report: what was asked first, then what else is said, then what all of it rests on. */
export function composeReport({
  question,
  points,
  sources,
  confidence,
  foundAt,
}: Frozen<Analysis>): Frozen<Report> {
  const told = [points.slice(0, LEADING), points.slice(LEADING)].filter(({ length }) => length > 0);
  return {
    question,
    paragraphs: [
      ...told.map((some) => ({
        text: some.map(({ text }) => text).join(" "),
        cites: [...new Set(some.flatMap((point) => point.sources))],
      })),
      {
        text: `This rests on ${named(sources.map(({ title }) => `"${title}"`))}, as of ${foundAt}; the confidence is ${confidence}.`,
        cites: sources.map(({ id }) => id),
      },
    ],
    sources,
    confidence,
    foundAt,
  };
}

function named(titles: readonly string[]): string {
  const last = titles.at(-1) ?? "";
  return titles.length < 2 ? last : `${titles.slice(0, -1).join(", ")} and ${last}`;
}
