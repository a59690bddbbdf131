import { expect, it } from "vitest";
import { definitionOf } from "../../../test/support/definition-builder.ts";
import { journalOf, started } from "../../../test/support/journal-builder.ts";
import type { Draft, StepAction } from "../../model/entry.ts";
import { compareLives } from "./comparison.ts";
import type { RunJournal } from "./invariants.ts";

const ENGINE = { kind: "engine", id: "baton" } as const;
const error = { code: "Error", message: "busy" };
const COMPLETED: Draft = { kind: "run.completed", by: ENGINE, payload: {}, value: null };
const FAILED: Draft = { kind: "run.failed", by: ENGINE, payload: { error } };

/** A run in which a person said what is to become of a step that was parked. */
function answered(action: StepAction, end: Draft): RunJournal {
  const place = { path: "pay", turn: 0 } as const;
  const { run, entries } = journalOf([
    started(null),
    { ...place, kind: "step.parked", by: ENGINE, payload: { because: "pivot", error }, value: {} },
    {
      ...place,
      kind: "step.resolved",
      by: { kind: "person", id: "ada" },
      payload: { action },
    },
    end,
  ]);
  return { seed: 1, run, workflow: "w@1.0.0", entries, state: {}, end: end.kind };
}

const compared = (smooth: RunJournal, faulty: RunJournal) =>
  compareLives(definitionOf("w", []), [smooth], [faulty]);

it("lives that end differently are told apart", () => {
  const message = "r1 ended as failed, and without faults as completed.";
  expect(compared(answered("retry", COMPLETED), answered("retry", FAILED))).toEqual([
    { promise: 4, message },
  ]);
});

it("lives in which a person decided otherwise are not compared", () => {
  expect(compared(answered("retry", COMPLETED), answered("fail", FAILED))).toEqual([]);
});
