import { expect, test } from "vitest";
import type { Comparison } from "./comparison.ts";
import { conclusion } from "./conclusion.ts";
import type { Way } from "./ways.ts";

const figuresOf = (way: Way) => ({
  way,
  written: 1,
  refused: { "confidence is at least 0.7": 1 },
  statuses: { parked: 1 },
  ...{ runs: 2, entries: 9, events: 6, tookMs: 12.3, found: 0 },
});
const comparison: Comparison = {
  questions: 2,
  ways: [figuresOf("choreography"), figuresOf("hybrid")],
  compared: [
    { question: "q01", equal: true, sha256: "00" },
    { question: "q02", equal: true },
  ],
};
const SOUND = { problems: 0, model: undefined };

test("the conclusion has the table, that the reports are equal, and commands for the ways that were asked", () => {
  const text = conclusion(comparison, SOUND);
  expect(text).toMatch(/^not: confidence is at least 0\.7 +1 +1$/m);
  expect(text).toContain("Equal         the 1 reports, byte for byte");
  expect(text).toContain("npx baton why q07-choreography ");
  expect(text).not.toContain("q07-orchestration");
});

test("reports that differ and journals that don't verify are named", () => {
  const [first] = comparison.compared;
  if (first === undefined) throw new Error("The comparison is empty.");
  const different = { ...comparison, compared: [{ ...first, equal: false }] };
  const text = conclusion(different, { ...SOUND, problems: 3 });
  expect(text).toContain("NOT EQUAL     q01");
  expect(text).toContain("NOT VERIFIED  3 problems");
});

test("one way is compared with nothing, and a model's words are not expected to be the same", () => {
  const [one] = comparison.ways;
  if (one === undefined) throw new Error("The comparison is empty.");
  expect(conclusion({ ...comparison, ways: [one] }, SOUND)).not.toContain("Equal");
  expect(conclusion(comparison, { problems: 0, model: "owl-1" })).toContain("Written by    owl-1");
});
