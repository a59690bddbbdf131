/** Words and sentences: what retrieval, evidence and summaries count in. English only, by plain rules, so that it can be repeated. */

/** Words that say how something is asked or joined, and not what it is about. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  `a about after all also an and any are as at be because been before between but by can could did do does each for from had has have
  he her him his how if in into is it its many may more most much no nor not of off on one only or other our out over own she should
  so some such than that the their them then there these they this those to too under until up us was we were what when where which
  while who whom whose why will with would you your tell explain mean means called come came happen happened kind know known make
  makes made get got give gives given find finds found near first use used work works`.split(/\s+/),
);

/** Endings that make no other word, the longest first; what is left must have three letters or more. */
const ENDINGS: readonly (readonly [ending: string, becomes: string])[] = [
  ["ingly", ""],
  ["edly", ""],
  ["ies", "y"],
  ["ing", ""],
  ["ed", ""],
  ["es", ""],
  ["s", ""],
  ["e", ""],
];

/** A word as it is compared: lower case, without accents and common endings; undefined for one that says nothing. */
export function termOf(word: string): string | undefined {
  const plain = word
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/['’]s$/, "");
  if (plain.length < 2 || STOP_WORDS.has(plain)) return undefined;
  if (/\d/.test(plain)) return plain;
  for (const [ending, becomes] of ENDINGS) {
    if (!plain.endsWith(ending) || plain.endsWith("ss")) continue;
    const stem = plain.slice(0, -ending.length) + becomes;
    if (stem.length >= 3) return stem.replace(/(.)\1$/, "$1");
  }
  return plain;
}

/** The words of a text, as they are written. */
export function wordsOf(text: string): readonly string[] {
  return text.match(/[\p{L}\p{N}]+(?:['’][\p{L}]+)*/gu) ?? [];
}

/** The terms of a text, each once, in the order in which they come. */
export function termsOf(text: string): ReadonlySet<string> {
  return new Set(wordsOf(text).flatMap((word) => termOf(word) ?? []));
}

const SEGMENTER = new Intl.Segmenter("en", { granularity: "sentence" });
/** What ends so is an initial or an abbreviation, and not a sentence: `W. H. D. C. Wright`, `St. Helena`. */
const CUT_SHORT = /(?:\b[A-Z]|\b(?:St|Mr|Dr|Capt))\.\s*$/;

/** The sentences of a paragraph or of several, without line breaks. */
export function sentencesOf(text: string): readonly string[] {
  const sentences: string[] = [];
  for (const paragraph of text.split(/\n{2,}/)) {
    let open = "";
    for (const { segment } of SEGMENTER.segment(paragraph.replace(/\s+/g, " ").trim())) {
      open += segment;
      if (CUT_SHORT.test(open)) continue;
      sentences.push(open.trim());
      open = "";
    }
    if (open.trim() !== "") sentences.push(open.trim());
  }
  return sentences;
}
