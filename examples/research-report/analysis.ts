/** The analysis: single points out of the quotes of a finding, each once, with all sources that bear it. */
import type { Frozen } from "baton";
import type { Analysis, Finding } from "./contracts.ts";
import { sentencesOf, termsOf } from "./words.ts";

/** Points of an analysis at most. */
const POINTS_MAX = 6;
/** Two sentences that share this much of their terms say the same. */
const SAME_FROM = 0.6;
/** A source bears a point if its own quote shares this many terms with it, or more. */
const BEARS_FROM = 4;

interface Said {
  readonly text: string;
  readonly source: string;
  readonly terms: ReadonlySet<string>;
}

/** Takes the quotes apart. What is said of the question most comes first; else the order of the finding stays. */
export function analyseFinding({
  question,
  sources,
  confidence,
  foundAt,
}: Frozen<Finding>): Frozen<Analysis> {
  const asked = termsOf(question);
  const said = sources.flatMap(({ id, quote }) =>
    sentencesOf(quote).map((text): Said => ({ text, source: id, terms: termsOf(text) })),
  );
  const points: Said[] = [];
  for (const each of said) {
    if (points.every((point) => likeness(point.terms, each.terms) < SAME_FROM)) points.push(each);
  }
  const ordered = points
    .map((point, at) => ({ point, at, telling: shared(point.terms, asked) }))
    .sort((one, other) => other.telling - one.telling || one.at - other.at)
    .slice(0, POINTS_MAX);
  const quoted = sources.map(({ id, quote }) => ({ id, terms: termsOf(quote) }));
  return {
    question,
    points: ordered.map(({ point: { text, source, terms } }) => ({
      text,
      sources: [
        source,
        ...quoted
          .filter(({ id, terms: others }) => id !== source && shared(terms, others) >= BEARS_FROM)
          .map(({ id }) => id),
      ],
    })),
    sources: sources.map(({ id, title, dated }) => ({ id, title, dated })),
    confidence,
    foundAt,
  };
}

function shared(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  return [...one].filter((term) => other.has(term)).length;
}

/** The share of all terms of both that both have. */
function likeness(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  const both = shared(one, other);
  return both / Math.max(1, one.size + other.size - both);
}
