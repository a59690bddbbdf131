import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readQuestions } from "./questions.ts";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

test("the files that the page on the three ways shows are those of the example, to the letter", () => {
  const page = read("../../docs/explanation/three-ways.md");
  const shown = page.matchAll(/<!-- file: examples\/research-report\/(\S+) -->\n```ts\n(.*?)```/gs);
  const files = [...shown].map(([, name = "", text]) => [name, text] as const);
  expect(files.map(([name]) => name)).toEqual(["choreography.ts", "orchestration.ts", "hybrid.ts"]);
  for (const [name, text] of files) expect(text).toBe(read(name));
  for (const [name] of files) {
    const lines = read(name).trimEnd().split("\n").length;
    expect(page).toMatch(new RegExp(`\\| lines of the file \\|.* ${lines}\\b`));
  }
});

test("the questions that the README calls answerable by a person are questions", () => {
  const ids = readQuestions().map(({ id }) => id);
  const named = [...read("README.md").matchAll(/`(q\d\d)`/g)].map(([, id]) => id);
  expect(named.length).toBeGreaterThan(3);
  expect(named.every((id) => id !== undefined && ids.includes(id))).toBe(true);
});
