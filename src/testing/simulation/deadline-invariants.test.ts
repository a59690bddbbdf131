import { describe, expect, it } from "vitest";
import { agentOf, definitionOf, stepOf } from "../../../test/support/definition-builder.ts";
import { BEGAN_AT, journalOf, sealed, started } from "../../../test/support/journal-builder.ts";
import type { Draft } from "../../model/entry.ts";
import { checkCallsInTime } from "./deadline-invariants.ts";
import type { SeenCall } from "./outside.ts";

const agent = agentOf("pay", () => null);
const step = (name: string, pivot?: true) => ({
  ...stepOf({ kind: "agent", name, agent, input: () => null }),
  ...(pivot === undefined ? {} : { pivot }),
});
const ENGINE = { kind: "engine", id: "baton" } as const;
const START = started(null);
const deadlineAt = BEGAN_AT + 1;
const late: Draft = { kind: "run.overdue", by: ENGINE, payload: { deadlineAt } };
const restored: Draft = {
  kind: "run.restored",
  by: ENGINE,
  payload: { step: "pay", version: 1, seq: 2 },
};

/** What is said of a call that began after the deadline, when the run had the entries up to `atSeq`. */
function said(drafts: readonly Draft[], atSeq: number, pivot?: true): readonly string[] {
  const begun = { ...START, payload: { ...START.payload, deadlineAt } } as Draft;
  const { run, entries } = journalOf([begun, ...drafts]);
  const call: SeenCall = {
    kind: "execute",
    run,
    path: "thank",
    turn: 0,
    attempt: 1,
    agent: agent.id,
    atSeq,
    elapsedMs: 10,
    wallMs: deadlineAt + 5,
    reserved: [],
    unreserved: [],
  };
  const definition = definitionOf("w", [step("pay", pivot), step("thank")]);
  return checkCallsInTime(run, entries, [call], definition);
}

describe("calls after the deadline of their run", () => {
  const lateResult = [late, sealed("pay", null), restored];

  it("are found", () => {
    expect(said([late], 1)).toEqual(["attempt 1 of thank 0 began 5 ms after the run's deadline."]);
  });

  it("are as they must be where a pivot that was under way has been sealed, and the run goes on from there", () => {
    expect(said(lateResult, 3, true)).toEqual([]);
  });

  it("are found where the run went back to something that is no pivot, or had not gone on yet", () => {
    expect(said(lateResult, 3)).toHaveLength(1);
    expect(said(lateResult, 2, true)).toHaveLength(1);
  });

  it("are as they must be where the run was overdue behind its pivot, but not before that was said", () => {
    const behind: Draft = { ...late, payload: { deadlineAt, pivot: "pay" } };
    expect(said([sealed("pay", null), behind], 2, true)).toEqual([]);
    expect(said([sealed("pay", null), behind], 1, true)).toHaveLength(1);
  });
});
