import { describe, expect, it } from "vitest";
import { anything, agentOf, definitionOf, stepOf } from "../support/definition-builder.ts";
import { play } from "../support/played-run.ts";

describe("a signal that comes before its step is reached", () => {
  it("waits for the step, instead of opening it before what it needs is settled", () => {
    const slow = agentOf("slow", (_input, { attempt }) => {
      if (attempt === 1) throw new Error("not yet");
      return 1;
    });
    const definition = definitionOf("early", [
      stepOf({ kind: "agent", name: "first", agent: slow, input: () => 0 }),
      stepOf({
        kind: "signal",
        name: "answer",
        needs: ["first"],
        contract: anything,
        onTimeout: { kind: "fail" },
      }),
    ]);
    // The signal is given while `first` pauses before its second attempt.
    const { facts } = play(definition, 0, { signals: [{ step: "answer", value: 42 }] });
    expect(facts.map(({ kind, path = "" }) => `${kind} ${path}`.trim())).toEqual([
      "run.started",
      "attempt.failed first",
      "signal.received answer",
      "step.sealed first",
      "step.opened answer",
      "step.sealed answer",
      "run.completed",
    ]);
  });
});
