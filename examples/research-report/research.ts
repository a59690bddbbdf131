/** The research: which texts speak of a question, what they say of it, and how sure one can be that it is the answer. */
import type { Frozen } from "baton";
import type { Finding, Question } from "./contracts.ts";
import type { Hit, Library, Text } from "./library.ts";
import { termOf, termsOf, wordsOf } from "./words.ts";

/** Texts that a finding quotes at most. */
const SOURCES_MAX = 3;
/** Sentences that are quoted of one text. */
const QUOTED_MAX = 3;
/** A text beside the best one is quoted, and counts as agreeing, if it speaks of half of what is asked. */
const AGREES_FROM = 0.5;
/** Long sentences have more of everything: how much of that is taken off. */
const LENGTH_EXPONENT = 0.3;

/** What each kind of evidence adds to the confidence; together 1. */
const PARTS = { covered: 0.5, quoted: 0.3, agreeing: 0.1, lead: 0.1 } as const;

/** What is asked, in terms, each with how much it tells. */
type Asked = ReadonlyMap<string, number>;

/** Searches the library. The same question gives the same finding, to the byte. */
export function researchQuestion(library: Library, question: Frozen<Question>): Frozen<Finding> {
  const asked: Asked = new Map(
    [...termsOf(question.text)].map((term) => [term, library.weight(term)]),
  );
  const hits = library.search(asked.keys());
  const [best] = hits;
  if (best === undefined) return nothing(library, question);
  const agreeing = hits.filter(({ text }) => shareIn(text.terms, asked) >= AGREES_FROM);
  const quoted = [best, ...agreeing.filter((hit) => hit !== best)].slice(0, SOURCES_MAX);
  const sources = quoted.map(({ text: { id, title, date, ...text } }) => ({
    id,
    title,
    dated: date,
    quote: quoteOf(text, asked).join(" "),
  }));
  const covered = shareIn(best.text.terms, asked);
  const inQuotes = shareIn(termsOf(sources[0]?.quote ?? ""), asked);
  return {
    question: question.text,
    text: sources.map(({ quote }) => quote).join(" "),
    sources,
    evidence: {
      covered: rounded(covered),
      quoted: rounded(inQuotes),
      agreeing: agreeing.length,
      missing: missingIn(best.text.terms, question.text),
    },
    confidence: rounded(
      PARTS.covered * covered +
        PARTS.quoted * inQuotes +
        PARTS.agreeing * Math.min(1, agreeing.length / 2) +
        PARTS.lead * leadOf(hits),
    ),
    foundAt: newest(quoted.map(({ text }) => text)),
  };
}

/** How much of what is asked is among these terms: 0 to 1. */
function shareIn(terms: ReadonlySet<string>, asked: Asked): number {
  let all = 0;
  let found = 0;
  for (const [term, weight] of asked) {
    all += weight;
    if (terms.has(term)) found += weight;
  }
  return all === 0 ? 0 : found / all;
}

/** What is asked and is not among these terms, in the question's own words, each once. */
function missingIn(terms: ReadonlySet<string>, question: string): readonly string[] {
  const missing = wordsOf(question).filter((word) => {
    const term = termOf(word);
    return term !== undefined && !terms.has(term);
  });
  return [...new Set(missing)];
}

/** The sentences of a text that say most of what is asked, in the order of the text. */
function quoteOf({ sentences }: Pick<Text, "sentences">, asked: Asked): readonly string[] {
  const scored = sentences.map((sentence, at) => {
    const terms = termsOf(sentence);
    return {
      at,
      sentence,
      score: shareIn(terms, asked) / Math.max(1, terms.size) ** LENGTH_EXPONENT,
    };
  });
  const best = scored
    .filter(({ score }) => score > 0)
    .sort((one, other) => other.score - one.score || one.at - other.at)
    .slice(0, QUOTED_MAX);
  // A text that is found by its title alone is quoted by how it begins.
  const chosen = best.length === 0 ? scored.slice(0, 1) : best;
  return chosen.sort((one, other) => one.at - other.at).map(({ sentence }) => sentence);
}

/** How far the best text is ahead of the fifth: 0 where all are alike, which is so when none is meant. */
function leadOf(hits: readonly Hit[]): number {
  const [best] = hits;
  if (best === undefined) return 0;
  return 1 - (hits[4]?.score ?? 0) / best.score;
}

function nothing({ texts }: Library, question: Frozen<Question>): Frozen<Finding> {
  return {
    question: question.text,
    text: "",
    sources: [],
    evidence: { covered: 0, quoted: 0, agreeing: 0, missing: missingIn(new Set(), question.text) },
    confidence: 0,
    foundAt: newest(texts),
  };
}

/** ISO dates are in the order of their letters. */
function newest(texts: readonly Text[]): string {
  return texts.map(({ date }) => date).reduce((one, other) => (one > other ? one : other));
}

function rounded(share: number): number {
  return Math.round(share * 100) / 100;
}
