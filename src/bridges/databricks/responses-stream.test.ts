import fc from "fast-check";
import { expect, test } from "vitest";
import type { RunReport } from "../../history/report.ts";
import { responsesFold } from "./responses-answer.ts";
import { eventWriter } from "./responses-stream.ts";
import type { ServedItem } from "../served-baton.ts";

const options = { run: "r", workflow: "w@1.0.0", startedAt: 0, deltas: "write" };

function completed(output: string): RunReport {
  return {
    id: "r",
    workflow: "w@1.0.0",
    status: "completed",
    startedAt: 0,
    version: 1,
    lastSeq: 2,
    headHash: "",
    output,
    steps: [],
    usage: [{ model: "m", calls: 2, inputTokens: 5, outputTokens: 6 }],
  };
}

const partial = fc.record({
  kind: fc.constant("partial" as const),
  path: fc.constantFrom("write", "read"),
  attempt: fc.integer({ min: 1, max: 3 }),
  chunk: fc.oneof(fc.string(), fc.constant(null), fc.record({ item: fc.string() })),
});

test("whatever is streamed before, the calling side reads the answer, and counts once", () => {
  fc.assert(
    fc.property(fc.array(partial), fc.string(), fc.boolean(), (given, rest, begins) => {
      const items: readonly ServedItem[] = given;
      const writer = eventWriter(options);
      const events = [writer.begin(), ...items.map((item) => writer.item(item))].flat();
      const said = events
        .flatMap(({ delta }) => (typeof delta === "string" ? [delta] : []))
        .join("");
      const text = begins ? said + rest : rest;
      const report = completed(text);
      const all = [...events, ...writer.end({ report, waits: undefined, traceId: "tr-1" }, text)];
      const fold = responsesFold("it");
      const shown = all
        .flatMap((event) => fold.event(event))
        .map((each) => {
          if (typeof each === "string") return each;
          throw new Error("There is nothing but text.");
        });
      expect(fold.answer()).toMatchObject({ text, customOutputs: { run: "r", output: text } });
      expect(fold.usage(true)).toEqual([{ model: "w@1.0.0", inputTokens: 5, outputTokens: 6 }]);
      expect(fold.mayEnd()).toBe(true);
      // What was shown is of one attempt of the step, and all of the text where it begins as what was said.
      if (text.startsWith(said)) expect(shown.join("")).toBe(text);
      else expect(shown.join("")).toBe(said);
      const numbers = all.flatMap((event) => event["sequence_number"] ?? []);
      expect(numbers).toEqual(numbers.map((_, at) => at));
    }),
  );
});
