import { describe, expect, it } from "vitest";
import { type Input, takeTurn } from "../accept.ts";
import { DEFAULT_LIMITS } from "../../model/limits.ts";
import { newRun } from "../../model/run.ts";
import { anything, definitionOf, stepOf } from "../../../test/support/definition-builder.ts";

describe("an answer that is taken in before the timeout fires, in the same turn", () => {
  it("settles the step: the order of the journal decides", () => {
    const by = { kind: "person", id: "ada" } as const;
    const start: Input = {
      kind: "start",
      by,
      engine: "e",
      manifest: "m",
      traceId: "t",
      input: 0,
      inputHash: "h",
    };
    const answers = [
      [
        stepOf({
          kind: "signal",
          name: "answer",
          contract: anything,
          timeoutMs: 10,
          onTimeout: { kind: "fail" },
        }),
        42,
      ],
      [
        stepOf({
          kind: "approval",
          name: "answer",
          show: () => 0,
          timeoutMs: 10,
          onTimeout: "refused",
        }),
        { approved: true },
      ],
    ] as const;
    for (const [step, value] of answers) {
      const run = newRun("r1", definitionOf("late", [step]), DEFAULT_LIMITS);
      takeTurn(run, [start], 1_000);
      const { facts } = takeTurn(
        run,
        [{ kind: "signal", step: "answer", id: "s", by, value }],
        1_011,
      );
      expect(facts.map(({ kind }) => kind)).toEqual([
        "signal.received",
        "step.sealed",
        "run.completed",
      ]);
      expect(facts[1]?.by).toEqual(by);
    }
  });
});
