/** What the plan of a run knows of a fallback that may have been under way when a process died. */
import { expect, it } from "vitest";
import { z } from "zod";
import { agent } from "../model/agent.ts";
import { contract } from "../model/contract.ts";
import type { Fact } from "../model/entry.ts";
import { DEFAULT_LIMITS } from "../model/limits.ts";
import { workflow } from "../model/workflow.ts";
import { needsPerson, sagaHistory } from "./saga-history.ts";

const count = contract("count", "1.0.0", z.number());
const ENGINE = { kind: "engine", id: "baton" } as const;
const shared = {
  version: "1.0.0",
  input: count,
  output: count,
  execute: (n: number) => n,
  compensate: () => undefined,
};
const standby = agent({ ...shared, name: "standby" });

const lost = { error: { code: "OUTCOME_UNKNOWN", message: "Lost." }, then: "retry", lost: true };

type Options = Parameters<typeof agent<number, number, number>>[0];

const RESUMED = { kind: "run.resumed", payload: { incarnation: 1, crashed: true } };

/** What is planned for `pay`, which gave its result after a crash; `before` is what was recorded until then. */
function plannedAfterCrash(pay: Options, before: readonly object[] = []) {
  return plannedAfter(pay, [
    ...before,
    RESUMED,
    // What was begun and not heard of again, the engine says so.
    ...before.slice(-1).map((begun) => ({ ...begun, kind: "attempt.unknown", payload: lost })),
    { kind: "step.sealed", path: "a", turn: 0, agent: "pay@1.0.0", value: 4, payload: {} },
  ]);
}

/** What is planned for `pay`, of what was recorded after the start. */
function plannedAfter(pay: Options, recorded: readonly object[]) {
  const flow = workflow("paying", "1.0.0", { input: count })
    .step("a", agent(pay), { input: ({ input }) => input })
    .output(({ a }) => a);
  const started = { kind: "run.started", value: 4, payload: {} };
  const facts = [started, ...recorded].map((fact, seq) => ({ ...fact, seq, at: seq, by: ENGINE }));
  // As much of the facts as the history reads.
  const history = sagaHistory(flow, facts as unknown as readonly Fact[], DEFAULT_LIMITS);
  return history.plan.map((planned) => ({
    what: planned.what,
    forPerson: needsPerson(flow, history, planned),
  }));
}

const breaker = { failures: 1, whenOpen: { fallback: standby } };
const place = { path: "a", turn: 0 };
const announced = { ...place, kind: "attempt.begun", agent: "standby@1.0.0", payload: {} };

it("promise 6: a fallback that was begun before a crash is for a person to see to, though the agent itself gave the result", () => {
  expect(plannedAfterCrash({ ...shared, name: "pay", breaker }, [announced])).toEqual([
    { what: "unknown", forPerson: true },
  ]);
});

it("promise 6: so it is where it was called for a later attempt, after one that timed out", () => {
  const error = { code: "TIMEOUT", message: "No answer." };
  const payload = { error, tookMs: 5, final: false, retryAt: 90 };
  const late = { ...place, kind: "attempt.failed", attempt: 1, agent: "pay@1.0.0", payload };
  const before = [late, { ...announced, attempt: 2 }];
  expect(plannedAfterCrash({ ...shared, name: "pay", breaker }, before)).toEqual([
    { what: "unknown", forPerson: true },
  ]);
});

it("promise 6: what a person had tried again, and was lost with its process, is not forgotten", () => {
  const error = { code: "Error", message: "busy" };
  const failed = { ...place, kind: "attempt.failed", attempt: 1, agent: "pay@1.0.0" };
  const parked = { ...place, kind: "step.parked", attempt: 1, agent: "pay@1.0.0", value: {} };
  const before = [
    { ...failed, payload: { error, tookMs: 5, final: true } },
    { ...parked, payload: { because: "failed", error } },
    { ...place, kind: "step.resolved", payload: { action: "retry" } },
    { kind: "run.overdue", payload: { deadlineAt: 4 } },
  ];
  expect(plannedAfter({ ...shared, name: "pay" }, [...before, RESUMED])).toEqual([
    { what: "unknown", forPerson: true },
  ]);
});

it("a fallback that was not begun has done nothing", () => {
  expect(plannedAfterCrash({ ...shared, name: "pay", breaker })).toEqual([
    { what: "result", forPerson: false },
  ]);
});

it("without a fallback the result is all that there is to undo", () => {
  expect(plannedAfterCrash({ ...shared, name: "pay" })).toEqual([
    { what: "result", forPerson: false },
  ]);
});
