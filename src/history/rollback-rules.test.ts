import { expect, test } from "vitest";
import {
  completed,
  type BuiltJournal,
  journalOf,
  NAMESPACE,
  sealed,
  sourceOf,
  started,
} from "../../test/support/journal-builder.ts";
import { verifyText } from "../../tools/verify-journal.mjs";
import { entryChecker } from "../journal/verify-entries.ts";
import { findings } from "../journal/verify-problem.ts";
import type { Draft, RollbackReason } from "../model/entry.ts";
import { deadLettersOf } from "./dead-letters.ts";
import { exportRun } from "./export.ts";
import { lineageOf } from "./lineage.ts";
import { runReport } from "./report.ts";

const BY = { kind: "engine", id: "baton" } as const;
const ADA = { kind: "person", id: "ada" } as const;
const because: RollbackReason = { because: "asked", error: { code: "X", message: "asked for" } };
const START = started({ n: 1 });
const SCORE = sealed("score", 7, { input: 0 });
const END = completed(7);
const BACK: Draft = {
  kind: "run.compensating",
  by: ADA,
  payload: because,
  value: [{ agent: "score@1.0.0", path: "score", seq: 1, turn: 0, what: "result" }],
};
const UNDONE: Draft = {
  kind: "compensation.sealed",
  path: "score",
  turn: 0,
  attempt: 1,
  by: { kind: "agent", id: "score" },
  agent: "score@1.0.0",
  payload: {},
};
const FAILED: Draft = {
  kind: "compensation.failed",
  path: "score",
  turn: 0,
  attempt: 1,
  by: { kind: "agent", id: "score" },
  agent: "score@1.0.0",
  payload: { error: { code: "Error", message: "no" } },
};
const PARKED: Draft = {
  kind: "run.parked",
  by: BY,
  payload: { ...because, paths: ["score"] },
  value: [
    {
      agent: "score@1.0.0",
      error: { code: "Error", message: "no" },
      input: 1,
      output: 7,
      path: "score",
      turn: 0,
      what: "result",
    },
  ],
};
const RESOLVED: Draft = {
  kind: "compensation.resolved",
  path: "score",
  turn: 0,
  by: ADA,
  payload: { action: "done", reason: "by phone" },
};
const OVER: Draft = { kind: "run.compensated", by: BY, payload: because };
const REFUSED: Draft = {
  kind: "run.refused",
  by: BY,
  payload: { workflow: "credit@1.0.0", violations: [] },
};

/** What each of the two verifiers finds. */
async function problems({ stored, blobs, run }: BuiltJournal): Promise<readonly boolean[]> {
  const found = findings();
  const checker = entryChecker({}, found);
  for (const entry of stored)
    checker.check({
      position: entry.seq,
      no: 1,
      namespace: NAMESPACE,
      stream: `run/${run}`,
      ...entry,
    });
  let text = "";
  for await (const line of exportRun(sourceOf(stored, blobs), NAMESPACE, run)) text += line;
  return [found.problems().length > 0, verifyText(text).problems.length > 0];
}

test("both verifiers take a run that took its end back", async () => {
  for (const drafts of [
    [START, SCORE, END, BACK, UNDONE, OVER],
    [START, SCORE, BACK, UNDONE, OVER],
    [START, SCORE, BACK, FAILED, PARKED, RESOLVED, OVER],
    [START, SCORE, END, BACK],
  ])
    expect(await problems(journalOf(drafts))).toEqual([false, false]);
});

test("both verifiers refuse what may not follow an end, or stand on the way back", async () => {
  for (const drafts of [
    [START, SCORE, END, UNDONE],
    [START, END, SCORE],
    [REFUSED, BACK],
    [START, SCORE, BACK, UNDONE, OVER, BACK],
    [START, SCORE, BACK, UNDONE, OVER, UNDONE],
    [START, BACK, SCORE],
    [START, SCORE, BACK, BACK],
    [START, SCORE, BACK, END],
  ])
    expect({ drafts, found: await problems(journalOf(drafts)) }).toEqual({
      drafts,
      found: [true, true],
    });
});

test("a hash that the entry after an end claims is looked up, since it was not kept", () => {
  const { stored, run } = journalOf([START, SCORE, END, BACK]);
  const checker = entryChecker({}, findings());
  for (const entry of stored)
    checker.check({
      position: entry.seq,
      no: 1,
      namespace: NAMESPACE,
      stream: `run/${run}`,
      ...entry,
    });
  expect(checker.open().links).toEqual([
    { namespace: NAMESPACE, stream: "run/r1", seq: 3, prev: stored[2]?.hash },
  ]);
  expect(checker.ending(1)).toBeUndefined();
});

test("a report tells of the way back, without any code", () => {
  const { entries } = journalOf([START, SCORE, END, BACK, FAILED, PARKED]);
  const parked = runReport(entries);
  expect(parked).toMatchObject({
    status: "parked",
    output: 7,
    rollback: {
      because: "asked",
      by: ADA,
      compensations: [{ path: "score", status: "failed", attempts: 1, error: { message: "no" } }],
    },
  });
  expect(parked.endedAt).toBeUndefined();
  const over = runReport(
    journalOf([START, SCORE, END, BACK, FAILED, PARKED, RESOLVED, OVER]).entries,
  );
  expect(over.endedAt).toBeDefined();
  expect(over.rollback?.compensations).toEqual([
    {
      agent: "score@1.0.0",
      path: "score",
      seq: 1,
      turn: 0,
      what: "result",
      status: "byHand",
      attempts: 1,
      by: ADA,
      reason: "by phone",
    },
  ]);
});

test("dead letters are there while nobody has decided, and only then", () => {
  const parked = [START, SCORE, END, BACK, FAILED, PARKED];
  expect(deadLettersOf(journalOf(parked).entries, NAMESPACE)).toMatchObject([
    { run: "r1", path: "score", input: 1, output: 7, reason: because },
  ]);
  expect(deadLettersOf(journalOf([...parked, RESOLVED]).entries, NAMESPACE)).toEqual([]);
  expect(deadLettersOf(journalOf([START, SCORE, END]).entries, NAMESPACE)).toEqual([]);
});

test("the lineage of a value says that what gave it was undone", () => {
  const { entries } = journalOf([START, SCORE, END, BACK, UNDONE, OVER]);
  expect(lineageOf(entries, "score").nodes.at(-1)).toMatchObject({
    key: "score",
    undone: { seq: 4 },
  });
  expect(lineageOf(entries, "score").nodes[0]?.undone).toBeUndefined();
});
