/** What the plan of a run knows of at-most-once agents. */
import { expect, it } from "vitest";
import { z } from "zod";
import { agent } from "../model/agent.ts";
import { contract } from "../model/contract.ts";
import type { Fact } from "../model/entry.ts";
import { DEFAULT_LIMITS } from "../model/limits.ts";
import { workflow } from "../model/workflow.ts";
import { sagaHistory } from "./saga-history.ts";

const count = contract("count", "1.0.0", z.number());
const ADA = { kind: "person", id: "ada" } as const;

it("of an at-most-once agent the journal knows what was begun: nothing is guessed after a crash", () => {
  const pay = agent({
    name: "pay",
    version: "1.0.0",
    input: count,
    output: count,
    delivery: "at-most-once",
    execute: (n) => n,
    compensate: () => undefined,
  });
  const flow = workflow("paying", "1.0.0", { input: count })
    .step("a", pay, { input: ({ input }) => input })
    .output(({ a }) => a);
  const facts = [
    { kind: "run.started", seq: 0, value: 4, payload: {} },
    { kind: "run.cancelling", seq: 1, payload: { reason: "stop" } },
    { kind: "run.resumed", seq: 2, payload: { incarnation: 1 } },
  ].map((fact) => ({ ...fact, at: 1, by: ADA }));
  // As much of the facts as the history reads.
  const { plan } = sagaHistory(flow, facts as unknown as readonly Fact[], DEFAULT_LIMITS);
  expect(plan).toEqual([]);
  const begun = { kind: "attempt.begun", seq: 1, path: "a", turn: 0, attempt: 1, payload: {} };
  const under = [facts[0], { ...begun, at: 1, by: ADA }, ...facts.slice(1)];
  const some = sagaHistory(flow, under as unknown as readonly Fact[], DEFAULT_LIMITS);
  expect(some.plan).toMatchObject([{ what: "unknown", path: "a" }]);
});
