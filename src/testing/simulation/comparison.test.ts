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
  compareLives([definitionOf("w", [])], [smooth], [faulty]);

/** A run that has ended, with what it had sealed by then. */
function ended(run: string, end: Draft, state: RunJournal["state"], output?: number): RunJournal {
  const { entries } = journalOf([started(null), end], run);
  const journal = { seed: 1, run, workflow: "w@1.0.0", entries, state, end: end.kind };
  return output === undefined ? journal : { ...journal, output };
}

it("what a child had done when it failed is a matter of time, and what one gave that succeeded is not", () => {
  const lives = (end: Draft, state: RunJournal["state"], output: number) => [
    ended("r1", COMPLETED, {}),
    ended("r1/s", end, state, output),
  ];
  const both = (end: Draft) =>
    compareLives([definitionOf("w", [])], lives(end, { a: 1 }, 1), lives(end, {}, 2));
  expect(both(FAILED)).toEqual([]);
  expect(both(COMPLETED)).toEqual([
    { promise: 10, message: "r1/s has nothing in a, and without faults 1." },
    { promise: 4, message: "r1/s gave another output than without faults." },
  ]);
});

it("how far a run had come whose parent was cut off is a matter of time", () => {
  const lives = (end: Draft) => [
    ended("r1", COMPLETED, {}),
    ended("r1/s", FAILED, {}),
    ended("r1/s/t", end, {}),
  ];
  expect(compareLives([definitionOf("w", [])], lives(COMPLETED), lives(FAILED))).toEqual([]);
  const cut = [...lives(FAILED).slice(0, 1), ended("r1/s", COMPLETED, {})];
  expect(compareLives([definitionOf("w", [])], cut, lives(FAILED))).toHaveLength(1);
});

it("a child run that a way back has given up is not compared, and the one that took its place is", () => {
  const opens = (run: string): Draft => {
    const payload = { step: "subflow", run } as const;
    return { path: "s", turn: 0, kind: "step.opened", by: ENGINE, payload };
  };
  const lives = (first: Draft, second: Draft) => {
    const { run, entries } = journalOf([started(null), opens("r1/s"), opens("r1/s~1"), COMPLETED]);
    const root = { seed: 1, run, workflow: "w@1.0.0", entries, state: {}, end: COMPLETED.kind };
    return [root as RunJournal, ended("r1/s", first, {}), ended("r1/s~1", second, {})];
  };
  const smooth = lives(COMPLETED, COMPLETED);
  expect(compareLives([definitionOf("w", [])], smooth, lives(FAILED, COMPLETED))).toEqual([]);
  expect(compareLives([definitionOf("w", [])], smooth, lives(COMPLETED, FAILED))).toHaveLength(1);
});

it("lives that went back to a savepoint which kept other steps are not compared", () => {
  const sealed = (path: string): Draft => ({
    path,
    turn: 0,
    kind: "step.sealed",
    by: ENGINE,
    payload: {},
    value: 1,
  });
  const back = (kept: readonly string[], state: RunJournal["state"]): RunJournal => {
    const payload = { step: "nap", version: kept.length, seq: kept.length };
    const restored: Draft = { kind: "run.restored", by: ENGINE, payload };
    const { run, entries } = journalOf([started(null), ...kept.map(sealed), restored, COMPLETED]);
    return { seed: 1, run, workflow: "w@1.0.0", entries, state, end: "run.completed" };
  };
  expect(compared(back(["draft", "nap"], { draft: 0 }), back(["nap"], { draft: 1 }))).toEqual([]);
  expect(compared(back(["nap"], { draft: 0 }), back(["nap"], { draft: 1 }))).toEqual([
    { promise: 10, message: "r1 has 1 in draft, and without faults 0." },
  ]);
});

it("lives that end differently are told apart", () => {
  const message = "r1 ended as failed, and without faults as completed.";
  expect(compared(answered("retry", COMPLETED), answered("retry", FAILED))).toEqual([
    { promise: 4, message },
  ]);
});

it("lives in which a person decided otherwise are not compared", () => {
  expect(compared(answered("retry", COMPLETED), answered("fail", FAILED))).toEqual([]);
});
