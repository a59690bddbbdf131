/** The library: the texts of corpus/, and the search in them by BM25. Read once, never changed. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import MiniSearch from "minisearch";
import { sentencesOf, termOf, termsOf, wordsOf } from "./words.ts";

export interface Text {
  /** The file's name without its ending. */
  readonly id: string;
  readonly title: string;
  /** The day from which it is: `2026-03-31`. */
  readonly date: string;
  readonly source: string;
  readonly sentences: readonly string[];
  /** All terms of title and sentences. */
  readonly terms: ReadonlySet<string>;
}

export interface Hit {
  readonly text: Text;
  /** BM25+, comparable within one search only. */
  readonly score: number;
}

export interface Library {
  readonly texts: readonly Text[];
  /** The texts that have at least one of the terms, the best first. */
  readonly search: (terms: Iterable<string>) => readonly Hit[];
  /** How much a term tells: the rarer it is in the library, the more; one that no text has tells most. */
  readonly weight: (term: string) => number;
}

/** Where the texts of this example lie. */
export const CORPUS: string = fileURLToPath(new URL("corpus", import.meta.url));

/** A word of the title says more of a text than one of its sentences. */
const TITLE_BOOST = 2;

/** The texts of a folder in the order of their names. @throws Error for a file without title, date or source. */
export function readTexts(folder: string = CORPUS): readonly Text[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(".md") && name !== "README.md");
  return files.sort().map((name) => textOf(name, readFileSync(`${folder}/${name}`, "utf8")));
}

function textOf(name: string, content: string): Text {
  const [, head = "", body = ""] = /^---\n(.*?)\n---\n(.*)$/s.exec(content) ?? [];
  const field = (key: string): string => {
    const value = new RegExp(`^${key}: (.+)$`, "m").exec(head)?.[1];
    if (value === undefined) throw new Error(`${name} has no ${key}.`);
    return value;
  };
  const title = field("title");
  return {
    id: name.replace(/\.md$/, ""),
    title,
    date: field("date"),
    source: field("source"),
    sentences: sentencesOf(body),
    terms: termsOf(`${title}\n\n${body}`),
  };
}

export function libraryOf(texts: readonly Text[]): Library {
  const index = new MiniSearch({
    fields: ["title", "body"],
    tokenize: (text) => [...wordsOf(text)],
    processTerm: (word) => termOf(word) ?? null,
    searchOptions: {
      boost: { title: TITLE_BOOST },
      // A question is cut into terms before; they are looked for as they are.
      tokenize: (terms) => terms.split(" "),
      processTerm: (term) => term,
    },
  });
  index.addAll(texts.map(({ id, title, sentences }) => ({ id, title, body: sentences.join(" ") })));
  const byId = new Map(texts.map((text) => [text.id, text]));
  const found = (id: string): Text[] => [byId.get(id)].flatMap((text) => text ?? []);
  return {
    texts,
    search: (terms) =>
      index
        .search([...terms].join(" "))
        .flatMap(({ id, score }) => found(String(id)).map((text) => ({ text, score })))
        // Equal scores would else come in the order of the index's own maps.
        .sort((one, other) => other.score - one.score || (one.text.id < other.text.id ? -1 : 1)),
    weight: (term) => {
      const having = texts.filter(({ terms }) => terms.has(term)).length;
      return Math.log((texts.length + 1) / (having + 0.5));
    },
  };
}
