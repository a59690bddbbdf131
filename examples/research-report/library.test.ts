import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { libraryOf, readTexts } from "./library.ts";
import { termsOf } from "./words.ts";

const texts = readTexts();

test("there are 50 texts and more, each of some length, with a title of its own, a date and a source", () => {
  expect(texts.length).toBeGreaterThanOrEqual(50);
  expect(new Set(texts.map(({ title }) => title)).size).toBe(texts.length);
  for (const { id, date, source, sentences } of texts) {
    const words = sentences.join(" ").split(" ").length;
    expect([id, words >= 150 && words <= 300]).toEqual([id, true]);
    expect(date).toMatch(/^20\d\d-[01]\d-[0-3]\d$/);
    expect(source.length).toBeGreaterThan(3);
  }
});

test("the texts speak of each other, so that a search has to choose", () => {
  const { search } = libraryOf(texts);
  for (const name of ["Kelvin", "FitzRoy", "Greenwich", "Beagle", "Smeaton", "Fresnel"])
    expect([name, search(termsOf(name)).length > 2]).toEqual([name, true]);
});

test("the best text comes first, a title counts more than a sentence, and no word means no text", () => {
  const { search } = libraryOf(texts);
  expect(search(termsOf("dead reckoning"))[0]?.text.id).toBe("dead-reckoning");
  expect(search(termsOf("cones of a cardinal mark"))[0]?.text.id).toBe("cardinal-marks");
  expect(search(termsOf("motorcycles"))).toEqual([]);
  expect(search([])).toEqual([]);
});

test("the order in which the texts are read changes nothing", () => {
  const forward = libraryOf(texts);
  const backward = libraryOf([...texts].reverse());
  for (const question of ["the tide at new moon", "Harrison's watch", "fog on the Grand Banks"]) {
    const ids = (library: typeof forward) =>
      library.search(termsOf(question)).map(({ text }) => text.id);
    expect(ids(backward)).toEqual(ids(forward));
  }
});

test("a term tells the more the fewer texts have it", () => {
  const { weight } = libraryOf(texts);
  expect(weight("motorcycl")).toBeGreaterThan(weight("diaphon"));
  expect(weight("diaphon")).toBeGreaterThan(weight("sea"));
});

test("a file without a date is refused by name", () => {
  const folder = mkdtempSync(join(tmpdir(), "baton-texts-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "a.md"), "---\ntitle: A\nsource: S\n---\n\nText.\n");
  expect(() => readTexts(folder)).toThrow("a.md has no date.");
});
