/** A gathering's time is over for what comes later, though nobody has heard its timer yet. */
import { expect, test } from "vitest";
import { z } from "zod";
import { agent } from "../model/agent.ts";
import { choreography } from "../model/choreography.ts";
import { contract } from "../model/contract.ts";
import { DEFAULT_LIMITS } from "../model/limits.ts";
import { newRun, type Run } from "../model/run.ts";
import { all, on } from "../model/subscription.ts";
import { topic } from "../model/topic.ts";
import type { Input } from "./accept.ts";
import { takeTurn } from "./accept.ts";

const Count = contract("count", "1.0.0", z.number());
const Asked = topic("asked", Count);
const Sent = topic("sent", Count);
const work = agent({
  name: "work",
  version: "1.0.0",
  input: Count,
  output: Count,
  execute: (n) => n,
});
const gathering = (onMissing: "fail" | "goOn") =>
  choreography("gathering", "1.0.0", {
    starts: Asked,
    subscriptions: {
      send: on(Asked, work, { publishes: Sent }),
      both: on(all({ asked: Asked, sent: Sent }), work, {
        input: ({ asked }) => asked ?? 0,
        within: "1s",
        onMissing,
      }),
    },
  });

const START: Input = {
  kind: "start",
  by: { kind: "program", id: "test" },
  engine: "0.0.0",
  manifest: "m",
  traceId: "t",
  input: 1,
  inputHash: "h",
};
const SENT: Input = { kind: "sealed", path: "send#1", turn: 0, attempt: 1, output: 2 };

/** What is said when the other event comes after so many milliseconds, before any timer was heard. */
function saidAfter(ms: number, onMissing: "fail" | "goOn"): readonly string[] {
  const run: Run = newRun("r", gathering(onMissing), DEFAULT_LIMITS);
  takeTurn(run, [START], 10_000);
  const { facts } = takeTurn(run, [SENT], 10_000 + ms);
  return facts.map(({ kind, path = "" }) => `${kind} ${path}`.trim());
}

test("what comes in time is gathered", () => {
  expect(saidAfter(999, "fail")).toEqual(["step.sealed send#1", "event.published send#1"]);
});

test.each([1_000, 5_000])("what comes after %i ms is too late", (ms) => {
  expect(saidAfter(ms, "fail")).toEqual([
    "step.failed both",
    "step.sealed send#1",
    "event.published send#1",
    "run.failed",
  ]);
  expect(saidAfter(ms, "goOn")).toEqual([
    "step.opened both#1",
    "step.sealed send#1",
    "event.published send#1",
  ]);
});
