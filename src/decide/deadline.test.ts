import { expect, test } from "vitest";
import { z } from "zod";
import { agent, exponential } from "../model/agent.ts";
import { contract } from "../model/contract.ts";
import { DEFAULT_LIMITS } from "../model/limits.ts";
import { newRun, type Run } from "../model/run.ts";
import { workflow } from "../model/workflow.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import { type Input, takeTurn } from "./accept.ts";
import { nextWakeAt } from "./decide.ts";
import { evolve } from "./evolve.ts";
import type { Deliberation } from "./turn.ts";

const anything = contract("anything", "1.0.0", z.unknown());
const worker = agent({
  name: "worker",
  version: "1.0.0",
  input: anything,
  output: anything,
  retry: { attempts: 3, backoff: exponential("100ms", { jitter: 0 }) },
  execute: () => null,
});

const START: Input = {
  kind: "start",
  by: { kind: "program", id: "test" },
  engine: "test",
  manifest: "test",
  traceId: "test",
  input: null,
  inputHash: "",
};
const started = (definition: WorkflowDefinition, more: Partial<typeof START> = {}): Run => {
  const run = newRun("run", definition, DEFAULT_LIMITS);
  // What is given besides is of a start.
  takeTurn(run, [{ ...START, ...more } as Input], 1_000);
  return run;
};
const said = ({ facts }: Deliberation) =>
  facts.map(({ kind, path }) => (path === undefined ? kind : `${kind} ${path}`));
const gives = (path: string, turn = 0): Input => ({
  kind: "sealed",
  path,
  turn,
  attempt: 1,
  output: turn,
  inputHash: "",
});
const failsAt = (path: string): Input => ({
  kind: "attemptFailed",
  path,
  turn: 0,
  attempt: 1,
  error: { code: "Error", message: "busy" },
  final: false,
  random: 0,
});

const bounded = workflow("bounded", "1.0.0", { input: anything, deadline: "1s" })
  .step("a", worker, { input: () => null })
  .output(({ a }) => a);

test("a run's deadline is the earliest of its workflow's, its start's and its parent's", () => {
  expect(started(bounded).deadlineAt).toBe(2_000);
  expect(started(bounded, { deadlineMs: 500 } as object).deadlineAt).toBe(1_500);
  expect(started(bounded, { deadlineMs: 5_000 } as object).deadlineAt).toBe(2_000);
  expect(started(bounded, { deadlineAt: 1_200 } as object).deadlineAt).toBe(1_200);
});

test("a result of the millisecond before the deadline is in time; one of that very millisecond is late", () => {
  expect(said(takeTurn(started(bounded), [gives("a")], 1_999))).toEqual([
    "step.sealed a",
    "run.completed",
  ]);
  expect(said(takeTurn(started(bounded), [gives("a")], 2_000))).toEqual([
    "run.overdue",
    "step.sealed a",
    "run.failed",
  ]);
});

test("a deadline counts without a place to execute, and before what was started with it in the past", () => {
  const run = started(bounded);
  expect(said(takeTurn(run, [], 2_000, false))).toEqual(["run.overdue"]);
  const late = newRun("late", bounded, DEFAULT_LIMITS);
  const turn = takeTurn(late, [{ ...START, deadlineAt: 900 } as Input], 1_000);
  expect(said(turn)).toEqual(["run.started", "run.overdue", "run.failed"]);
  expect(turn.commands).toEqual([]);
});

test("a run that waits for code is overdue at its deadline too", () => {
  const run = started(bounded);
  run.performing.clear();
  takeTurn(run, [{ kind: "block", missing: ["worker@1.0.0"] }], 1_100);
  expect(nextWakeAt(run)).toBe(2_000);
  expect(said(takeTurn(run, [], 2_000))).toEqual(["run.overdue", "run.failed"]);
});

const steps = workflow("steps", "1.0.0", { input: anything })
  .step("a", worker, { input: () => null })
  .step("b", worker, { needs: ["a"], input: () => null, deadline: "1s" })
  .output(({ b }) => b);

test("a step's deadline begins when the last of its needs is sealed", () => {
  const run = started(steps);
  expect(nextWakeAt(run)).toBeUndefined();
  takeTurn(run, [gives("a")], 5_000);
  expect(nextWakeAt(run)).toBe(6_000);
  const turn = takeTurn(run, [], 6_000);
  expect(said(turn)).toEqual(["step.failed b"]);
  expect(turn.facts[0]?.payload).toEqual({
    error: {
      code: "DEADLINE_EXCEEDED",
      message: "The deadline of b has passed.",
    },
    deadlineAt: 6_000,
  });
  expect(turn.commands).toEqual([{ kind: "abort", reason: "failing" }]);
});

test("a fold that starts anew finds the same deadlines", () => {
  const facts = [];
  const run = newRun("run", steps, DEFAULT_LIMITS);
  facts.push(...takeTurn(run, [START], 1_000).facts);
  facts.push(...takeTurn(run, [gives("a")], 5_000).facts);
  const again = facts.reduce(evolve, newRun("run", steps, DEFAULT_LIMITS));
  expect(nextWakeAt(again)).toBe(6_000);
  // What was under way is not known to it: it is told first that it goes on, and then that it is too late.
  expect(said(takeTurn(again, [{ kind: "resume" }], 9_000))).toEqual([
    "step.failed b",
    "run.resumed",
    "run.failed",
  ]);
});

test("an attempt is told the earlier of its step's and its run's deadline", () => {
  const both = workflow("both", "1.0.0", { input: anything, deadline: "10s" })
    .step("a", worker, { input: () => null, deadline: "3s" })
    .step("b", worker, { needs: ["a"], input: () => null, deadline: "9s" })
    .step("c", worker, { input: () => null })
    .output(({ b }) => b);
  const run = newRun("run", both, DEFAULT_LIMITS);
  const first = takeTurn(run, [START], 1_000);
  expect(first.commands).toMatchObject([
    { path: "a", deadline: { at: 4_000, of: "step" } },
    { path: "c", deadline: { at: 11_000, of: "run" } },
  ]);
  const second = takeTurn(run, [gives("a")], 3_000);
  expect(second.commands).toMatchObject([{ path: "b", deadline: { at: 11_000, of: "run" } }]);
  // The run's own deadline comes first, where both fall together or not.
  expect(said(takeTurn(run, [], 20_000))).toEqual(["run.overdue"]);
});

test("the clock of a step that is sent back begins anew, and that of its reader waits", () => {
  const flow = workflow("turns", "1.0.0", { input: anything })
    .step("draft", worker, { input: () => null, deadline: "1s" })
    .step("review", worker, {
      needs: ["draft"],
      requires: { "a second draft": ({ draft }) => draft === 1 },
      onRefused: { sendBack: "draft", turns: 1 },
      input: () => null,
      deadline: "2s",
    })
    .output(({ review }) => review);
  const run = started(flow);
  takeTurn(run, [gives("draft")], 1_900);
  expect(nextWakeAt(run)).toBe(2_900);
  expect(run.stepDeadlines).toEqual(new Map([["draft", 2_900]]));
  takeTurn(run, [gives("draft", 1)], 2_500);
  expect(run.stepDeadlines).toEqual(new Map([["review", 4_500]]));
});

test("a call that could only be tried again too late is given up with the reason", () => {
  const run = started(steps);
  takeTurn(run, [gives("a")], 5_000);
  expect(said(takeTurn(run, [failsAt("b")], 5_899))).toEqual(["attempt.failed b"]);
  const other = started(steps);
  takeTurn(other, [gives("a")], 5_000);
  const turn = takeTurn(other, [failsAt("b")], 5_900);
  expect(said(turn)).toEqual(["attempt.failed b", "step.failed b", "run.failed"]);
  expect(turn.facts[1]?.payload).toMatchObject({
    error: { code: "DEADLINE_EXCEEDED", message: expect.stringContaining(": busy") },
    deadlineAt: 6_000,
  });
});

test("a child run is handed the deadline of its step, and completes too late for the record only", () => {
  const inner = workflow("inner", "1.0.0", { input: anything }).output(() => 1);
  const outer = workflow("outer", "1.0.0", { input: anything })
    .subflow("sub", inner, { input: () => null, deadline: "1s" })
    .output(({ sub }) => sub);
  const run = newRun("run", outer, DEFAULT_LIMITS);
  const first = takeTurn(run, [START], 1_000);
  expect(first.commands).toMatchObject([{ kind: "startChild", deadlineAt: 2_000 }]);
  const late: Input = {
    kind: "child",
    path: "sub",
    outcome: { kind: "completed", output: 1, seq: 1 },
  };
  expect(said(takeTurn(run, [late], 2_000))).toEqual([
    "step.failed sub",
    "step.sealed sub",
    "run.failed",
  ]);
});

test("after a restart the child of a step that missed its deadline is cancelled and awaited", () => {
  const inner = workflow("inner", "1.0.0", { input: anything }).output(() => 1);
  const outer = workflow("outer", "1.0.0", { input: anything })
    .subflow("sub", inner, { input: () => null, deadline: "1s" })
    .output(({ sub }) => sub);
  const run = newRun("run", outer, DEFAULT_LIMITS);
  const facts = [...takeTurn(run, [START], 1_000).facts, ...takeTurn(run, [], 2_000).facts];
  const again = facts.reduce(evolve, newRun("run", outer, DEFAULT_LIMITS));
  const turn = takeTurn(again, [{ kind: "resume" }], 3_000);
  expect(turn.commands).toEqual([{ kind: "abort", reason: "failing" }]);
  expect([...again.performing.keys()]).toEqual(["sub"]);
});

test("a step that waits has either a timeout of its own or a deadline", () => {
  const build = () =>
    workflow("waits", "1.0.0", { input: anything })
      .approval("ok", { show: () => null, timeout: "1h", deadline: "2h" })
      .output(() => 1);
  expect(build).toThrow("has both a `timeout` and a `deadline`");
});

test("a deadline of nothing is refused", () => {
  const build = () =>
    workflow("nothing", "1.0.0", { input: anything, deadline: "0s" })
      .step("a", worker, { input: () => null, deadline: "0ms" })
      .output(() => 1);
  expect(build).toThrow(/deadline of the workflow is 0.*`deadline` of 0/);
});

test("the wait of an item ends with its map, which another item may have ended", () => {
  const items = workflow("items", "1.0.0", { input: anything })
    .map("each", worker, {
      over: () => [1, 2],
      input: (item) => {
        if (item === 2) throw new Error("refused");
        return item;
      },
      concurrency: 1,
      onRefused: "skip",
    })
    .step("more", worker, { input: () => null })
    .output(() => null);
  const run = started(items);
  expect(nextWakeAt(run)).toBeUndefined();
  const turn = takeTurn(run, [failsAt("each[0]")], 1_100);
  expect(said(turn)).toEqual([
    "attempt.failed each[0]",
    "handoff.refused each[1]",
    "step.skipped each",
  ]);
  expect(nextWakeAt(run)).toBeUndefined();
});
