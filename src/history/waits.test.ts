import { simulate } from "baton/testing";
import { describe, expect, it } from "vitest";
import { randomOptions, randomWorkflow } from "../../test/sim/random-workflow.ts";
import { completed, journalOf, sealed, started } from "../../test/support/journal-builder.ts";
import { kitchenSink, SINK_INPUT, SINK_PLAY } from "../../test/support/kitchen-sink.ts";
import { play } from "../../test/support/played-run.ts";
import { nextWakeAt } from "../decide/decide.ts";
import { evolve } from "../decide/evolve.ts";
import { endsRun } from "../model/entry-kinds.ts";
import type { Draft } from "../model/entry.ts";
import { DEFAULT_LIMITS } from "../model/limits.ts";
import { newRun } from "../model/run.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import { partsOf } from "../model/workflow-parts.ts";
import { factOf, type RecordedEntry } from "./read.ts";
import { type RunWait, type RunWaits, waitsOf } from "./waits.ts";

const BY = { kind: "engine", id: "baton" } as const;
const error = { code: "BUSY", message: "The bureau is busy." };
const waits = (...drafts: readonly Draft[]): RunWaits =>
  waitsOf(journalOf([started({ a: 1 }), ...drafts]).entries);
const opened = (
  path: string,
  payload: Extract<Draft, { kind: "step.opened" }>["payload"],
): Draft =>
  payload.step === "map"
    ? { kind: "step.opened", path, by: BY, payload, value: [1, 2, 3] }
    : { kind: "step.opened", path, by: BY, payload };
const failedAttempt = (path: string, attempt: number, retryAt?: number): Draft => ({
  kind: "attempt.failed",
  path,
  turn: 0,
  attempt,
  by: BY,
  agent: "scorer@1.0.0",
  payload: { error, ...(retryAt === undefined ? {} : { retryAt }) },
});
const held = (path: string, dueAt: number): Draft => ({
  kind: "attempt.held",
  path,
  turn: 0,
  attempt: 1,
  by: BY,
  agent: "scorer@1.0.0",
  payload: { gate: "breaker/bureau", dueAt },
});
const told = ({ waits: found }: RunWaits): readonly string[] =>
  found.map((wait) => [wait.what, "path" in wait ? wait.path : ""].join(" ").trim());

describe("waitsOf", () => {
  it("names a retry's pause, with the attempt that comes next and why the last one failed", () => {
    expect(waits(failedAttempt("a", 1, 5_000)).waits).toEqual([
      {
        what: "retry",
        path: "a",
        turn: 0,
        attempt: 2,
        agent: "scorer@1.0.0",
        since: expect.any(Number),
        dueAt: 5_000,
        error,
      },
    ]);
  });

  it("names the breaker that an attempt waits for", () => {
    expect(waits(held("a", 7_000)).waits).toMatchObject([
      { what: "breaker", path: "a", gate: "breaker/bureau", attempt: 1, dueAt: 7_000 },
    ]);
  });

  it("names sleeps, approvals, signals and child runs, and the earliest time of all", () => {
    const found = waits(
      opened("nap", { step: "sleep", dueAt: 9_000 }),
      opened("ok", { step: "approval", dueAt: 50_000, remindAt: 8_000 }),
      opened("papers", { step: "signal" }),
      opened("inner", { step: "subflow", run: "r1/inner" }),
    );
    expect(found.waits).toMatchObject([
      { what: "timer", path: "nap", dueAt: 9_000 },
      { what: "approval", path: "ok", dueAt: 50_000, remindAt: 8_000 },
      { what: "signal", path: "papers" },
      { what: "run", path: "inner", run: "r1/inner" },
    ]);
    expect(found).toMatchObject({ dueAt: 8_000, whole: false, workflow: expect.any(String) });
  });

  it("knows the next reminder, and that an answer ends the wait", () => {
    const open = opened("ok", { step: "approval", remindAt: 8_000 });
    const reminder: Draft = {
      kind: "reminder.due",
      path: "ok",
      by: BY,
      payload: { remindAt: 16_000 },
    };
    const answer: Draft = {
      kind: "signal.received",
      path: "ok",
      by: BY,
      payload: { id: "s" },
      value: { approved: true },
    };
    expect(waits(open, reminder).dueAt).toBe(16_000);
    expect(told(waits(open, answer))).toEqual(["execution ok"]);
    expect(told(waits(answer, open))).toEqual(["execution ok"]);
  });

  it("says of a map that it can go on only while it has items that wait for nothing else", () => {
    const map = opened("checks", { step: "map", width: 3 });
    expect(told(waits(map, failedAttempt("checks[1]", 1, 5_000)))).toEqual([
      "execution checks",
      "retry checks[1]",
    ]);
    const all = [0, 1, 2].map((index) => failedAttempt(`checks[${index}]`, 1, 5_000 + index));
    expect(told(waits(map, ...all))).toEqual([
      "retry checks[0]",
      "retry checks[1]",
      "retry checks[2]",
    ]);
    expect(told(waits(map, ...all, sealed("checks", [1, 2, 3])))).toEqual(["execution"]);
  });

  it("names missing code alone: without it nothing else goes on", () => {
    const blocked: Draft = { kind: "run.blocked", by: BY, payload: { missing: ["a@2.0.0"] } };
    const resumed: Draft = { kind: "run.resumed", by: BY, payload: { incarnation: 1 } };
    const open = opened("ok", { step: "approval", dueAt: 5_000 });
    expect(waits(open, blocked)).toMatchObject({ waits: [{ what: "code", missing: ["a@2.0.0"] }] });
    expect(waits(open, blocked)).not.toHaveProperty("dueAt");
    expect(told(waits(open, blocked, resumed))).toEqual(["approval ok"]);
  });

  it("on the way back names what is undone next, its pauses, and the person who has to decide", () => {
    const plan = [
      { what: "result", path: "pay", turn: 0, seq: 2, agent: "payer@1.0.0" },
      { what: "result", path: "book", turn: 0, seq: 1, agent: "booker@1.0.0" },
    ];
    const back: Draft = {
      kind: "run.compensating",
      by: BY,
      payload: { because: "failed", error },
      value: plan,
    };
    const undoFails = (attempt: number, retryAt?: number): Draft => ({
      kind: "compensation.failed",
      path: "pay",
      turn: 0,
      attempt,
      by: BY,
      payload: { error, ...(retryAt === undefined ? {} : { retryAt }) },
    });
    const parked: Draft = {
      kind: "run.parked",
      by: BY,
      payload: { because: "failed", error, paths: ["pay"] },
      value: [],
    };
    const resolved: Draft = {
      kind: "compensation.resolved",
      path: "pay",
      turn: 0,
      by: BY,
      payload: { action: "done" },
    };
    expect(told(waits(back))).toEqual(["execution pay"]);
    expect(waits(back, undoFails(1, 9_000)).waits).toMatchObject([
      { what: "retry", path: "pay", compensates: true, attempt: 2, dueAt: 9_000 },
    ]);
    expect(waits(back, undoFails(1), parked).waits).toMatchObject([
      { what: "person", path: "pay", turn: 0, error },
    ]);
    expect(told(waits(back, undoFails(1), parked, resolved))).toEqual(["execution book"]);
  });

  it("names the person that a parked call waits for, also an item of a map, until that person has decided", () => {
    const parked = (path: string): Draft => ({
      kind: "step.parked",
      path,
      turn: 0,
      attempt: 1,
      by: BY,
      payload: { because: "unknown", error },
      value: {},
    });
    const resolved = (path: string): Draft => ({
      kind: "step.resolved",
      path,
      turn: 0,
      by: BY,
      payload: { action: "retry" },
    });
    const map = opened("checks", { step: "map", width: 1 });
    expect(waits(parked("pay")).waits).toMatchObject([{ what: "person", path: "pay", error }]);
    expect(told(waits(parked("pay"), resolved("pay")))).toEqual(["execution pay"]);
    expect(told(waits(map, parked("checks[0]")))).toEqual(["person checks[0]"]);
    expect(told(waits(map, parked("checks[0]"), resolved("checks[0]")))).toEqual([
      "execution checks",
    ]);
  });

  it("names nothing of a run that has ended", () => {
    expect(waits(opened("nap", { step: "sleep", dueAt: 9_000 }), completed(1)).waits).toEqual([]);
  });

  it("with the definition names the steps that could begin", () => {
    const { entries } = play(kitchenSink(), SINK_INPUT, SINK_PLAY);
    const at = entries.slice(0, 1);
    expect(told(waitsOf(at))).toEqual(["execution"]);
    expect(told(waitsOf(at, kitchenSink()))).toEqual([
      "execution score",
      "execution income",
      "execution checks",
      "execution luxury",
    ]);
  });

  it("promise 11: at each entry of a journal an unfinished run waits for something that the journal names, due when the engine wakes it", async () => {
    const kinds = new Set<RunWait["what"]>();
    const problems: string[] = [];
    for (let seed = 1; seed <= 30; seed += 1) {
      const flow = randomWorkflow(seed);
      const definitions = new Map([...partsOf(flow).workflows].map((each) => [each.id, each]));
      await simulate(flow, {
        ...randomOptions(seed),
        invariants: ({ run, workflow, entries }) => {
          const definition = definitions.get(workflow);
          if (definition !== undefined)
            problems.push(...unnamed(run, definition, entries, (what) => kinds.add(what)));
          return [];
        },
      });
    }
    expect(problems.slice(0, 5)).toEqual([]);
    expect([...kinds]).toEqual(
      expect.arrayContaining(["retry", "timer", "approval", "signal", "run", "execution"]),
    );
  }, 60_000);
});

/** Where the waits of a journal, cut off after each of its entries, are none, or other than those that the engine derives. */
function unnamed(
  run: string,
  definition: WorkflowDefinition,
  entries: readonly RecordedEntry[],
  seen: (what: RunWait["what"]) => void,
): readonly string[] {
  const problems: string[] = [];
  const state = newRun(run, definition, DEFAULT_LIMITS);
  let ended = false;
  for (const [index, recorded] of entries.entries()) {
    const fact = factOf(recorded);
    evolve(state, fact);
    ended = endsRun(fact.kind, ended);
    const journal = entries.slice(0, index + 1);
    const place = `${run} after ${index} (${fact.kind} ${fact.path ?? ""})`;
    for (const known of [definition, undefined]) {
      const found = waitsOf(journal, known);
      for (const { what } of found.waits) seen(what);
      if (found.waits.length === 0 && !ended) problems.push(`${place}: waits for nothing`);
      if (found.waits.length > 0 && ended) problems.push(`${place}: waits though it has ended`);
    }
    // An answer that has been given is taken up in the same turn; until then its step's timer is there, and does nothing.
    // Deadlines of steps are not among the waits.
    if (ended || state.signals.size > 0 || (state.stepDeadlines?.size ?? 0) > 0) continue;
    const wake = nextWakeAt(state);
    const { dueAt, waits: found } = waitsOf(journal, definition);
    // A timer that is past already, of a pause before a hold say, is taken at once, and comes to nothing.
    if (wake !== undefined && wake <= state.at) continue;
    if (wake !== dueAt)
      problems.push(`${place}: due ${dueAt}, woken ${wake}: ${JSON.stringify(found)}`);
  }
  return problems;
}
