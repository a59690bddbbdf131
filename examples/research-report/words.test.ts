import { expect, test } from "vitest";
import { sentencesOf, termOf, termsOf } from "./words.ts";

test("a word is compared without case, accents and common endings", () => {
  expect(termOf("Lights")).toBe(termOf("light"));
  expect(termOf("Cádiz")).toBe(termOf("cadiz"));
  expect(termOf("flashing")).toBe(termOf("flashes"));
  expect(termOf("Kelvin's")).toBe(termOf("Kelvin"));
  expect(termOf("compass")).not.toBe(termOf("comp"));
  expect(termOf("1953")).toBe("1953");
});

test("words that say how something is asked are no terms", () => {
  expect([...termsOf("Why is it, and what would that be?")]).toEqual([]);
  expect([...termsOf("What is a tidal bore?")]).toEqual(["tidal", "bor"]);
});

test("sentences don't end at an initial or an abbreviation, nor go on over a paragraph", () => {
  const text =
    "The barque W. H. D. C. Wright\nsailed early. She met St. Elmo's fire.\n\nNobody knew why";
  expect(sentencesOf(text)).toEqual([
    "The barque W. H. D. C. Wright sailed early.",
    "She met St. Elmo's fire.",
    "Nobody knew why",
  ]);
});
