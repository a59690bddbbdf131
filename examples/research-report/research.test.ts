import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { analyseFinding } from "./analysis.ts";
import { CONFIDENCE_NEEDED } from "./contracts.ts";
import { expectedOf } from "./expected.ts";
import { libraryOf, readTexts } from "./library.ts";
import { readQuestions } from "./questions.ts";
import { researchQuestion } from "./research.ts";
import { composeReport } from "./writing.ts";

const library = libraryOf(readTexts());
const textById = new Map(library.texts.map((text) => [text.id, text]));
const questions = readQuestions();
const findings = questions.map(({ text }) => researchQuestion(library, { text }));
const ask = (text: string) => researchQuestion(library, { text });

test("each question has the finding and the report that are committed", () => {
  const committed: unknown = JSON.parse(
    readFileSync(new URL("questions.expected.json", import.meta.url), "utf8"),
  );
  expect(questions.map((question) => expectedOf(library, question))).toEqual(committed);
});

test("the same question gives the same finding, whatever was asked before, and in another library of the same texts", () => {
  const other = libraryOf([...readTexts()].reverse());
  const again = [...questions].reverse().map(({ text }) => researchQuestion(other, { text }));
  expect(JSON.stringify(again.reverse())).toBe(JSON.stringify(findings));
});

test("every quote stands in its source, word for word, and the finding is of the day of its newest source", () => {
  for (const { sources, foundAt } of findings) {
    for (const { id, title, dated, quote } of sources) {
      const text = textById.get(id);
      expect(text).toMatchObject({ title, date: dated });
      for (const sentence of text?.sentences.filter((each) => quote.includes(each)) ?? [])
        expect(quote).toContain(sentence);
      const rest = (text?.sentences ?? []).reduce((left, each) => left.replace(each, ""), quote);
      expect(rest.trim()).toBe("");
      expect(dated <= foundAt).toBe(true);
    }
    expect(sources.some(({ dated }) => dated === foundAt)).toBe(true);
  }
});

test("the right text is found for questions that are put in its words", () => {
  expect(ask("How does a Fresnel lens bend light?").sources[0]?.id).toBe("fresnel-lens");
  expect(ask("What carried the Royal Charter to wreck?").sources[0]?.id).toBe("storm-warnings");
  expect(ask("How many chronometers did the Beagle carry?").text).toContain("twenty-two");
});

test("a rumour in the library's own words is not believed: no text has it all together", () => {
  const rumour = ask("Did Harrison's chronometer cause the flood of 1953 in London?");
  expect(rumour.sources.length).toBeGreaterThan(0);
  expect(rumour.confidence).toBeLessThan(CONFIDENCE_NEEDED);
  expect(rumour.evidence.missing).not.toEqual([]);
});

test("what the library does not speak of is found nowhere, or has nearly no confidence", () => {
  const nothing = ask("Quantum chromodynamics versus motorcycles?");
  expect(nothing).toMatchObject({ text: "", sources: [], confidence: 0 });
  expect(nothing.evidence.missing).toHaveLength(4);
  expect(ask("Which submarine will win the next regatta on Mars?").confidence).toBeLessThan(0.3);
});

test("a word that no text has lowers the confidence, and is named", () => {
  const plain = ask("When does the time ball at Greenwich fall?");
  const more = ask("When does the time ball at Greenwich fall on motorcycles?");
  expect(more.confidence).toBeLessThan(plain.confidence);
  expect(more.evidence.missing).toEqual(["motorcycles"]);
});

test("an analysis has each point once, with sources that are its own, and a report cites all of them", () => {
  for (const finding of findings.filter(({ confidence }) => confidence >= CONFIDENCE_NEEDED)) {
    const { points, sources } = analyseFinding(finding);
    const ids = sources.map(({ id }) => id);
    expect(new Set(points.map(({ text }) => text)).size).toBe(points.length);
    for (const point of points) {
      expect(finding.text).toContain(point.text);
      expect(point.sources.every((id) => ids.includes(id))).toBe(true);
    }
    const report = composeReport(analyseFinding(finding));
    expect(report.paragraphs.at(-1)?.cites).toEqual(ids);
    expect(report.paragraphs.length).toBeGreaterThan(1);
  }
});

test("two sources that say the same make one point, which both bear", () => {
  const said = "The storm of 1953 drowned many people in Zeeland and Kent.";
  const source = { title: "T", dated: "2026-01-01", quote: said };
  const { points } = analyseFinding({
    question: "Whom did the storm of 1953 drown?",
    text: `${said} ${said}`,
    sources: [
      { id: "one", ...source },
      { id: "two", ...source },
    ],
    evidence: { covered: 1, quoted: 1, agreeing: 2, missing: [] },
    confidence: 1,
    foundAt: "2026-01-01",
  });
  expect(points).toEqual([{ text: said, sources: ["one", "two"] }]);
});
