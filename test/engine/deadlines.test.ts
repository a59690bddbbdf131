import { agent, exponential, workflow } from "baton";
import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import {
  ADA,
  agentOf,
  anything,
  entriesOf,
  expectRefused,
  gate,
  journalOf,
  opened,
  payloadsOf,
  single,
} from "../support/opened.ts";
import { undoing } from "../support/undoing.ts";

const START = 1_790_000_000_000;
const never = () => new Promise<never>(() => {});
/** Ends as soon as it is aborted, as an agent that heeds its signal does. */
const heeding = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("aborted")));
  });

test("a run that executes at its deadline is aborted, and fails with DEADLINE_EXCEEDED", async () => {
  const flow = workflow("late", "1.0.0", { input: anything, deadline: "10s" })
    .step(
      "a",
      agentOf("a", (_: unknown, { signal }) => heeding(signal)),
      { input: () => 1 },
    )
    .output(({ a }) => a);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  const outcome = await clock.until(run.outcome());
  expect(outcome).toEqual({
    kind: "failed",
    error: {
      code: "DEADLINE_EXCEEDED",
      message: "The run's deadline has passed.",
    },
  });
  expect(clock.now()).toBe(START + 10_000);
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "run.overdue",
    "attempt.failed a 1",
    "run.failed",
  ]);
  expect(await payloadsOf(baton, "r", "attempt.failed")).toMatchObject([
    { error: { code: "DEADLINE_EXCEEDED" } },
  ]);
  expect((await baton.replay("r")).differences).toEqual([]);
});

test("a run is given the shorter of its workflow's deadline and its own", async () => {
  const flow = workflow("both", "1.0.0", { input: anything, deadline: "1h" })
    .sleep("wait", { for: "1m" })
    .output(({ wait }) => wait);
  const { baton } = await opened({ workflows: [flow] });
  await baton.start(flow, 1, { id: "shorter", deadline: "5m" });
  await baton.start(flow, 1, { id: "longer", deadline: "2h" });
  await baton.start(flow, 1, { id: "none" });
  const deadlines = await Promise.all(
    ["shorter", "longer", "none"].map(async (id) => (await baton.report(id)).deadlineAt),
  );
  expect(deadlines).toEqual([START + 300_000, START + 3_600_000, START + 3_600_000]);
  await expectRefused(baton.start(flow, 1, { deadline: "0s" }), "ARGUMENT_INVALID");
});

test("who starts a run again joins it with the deadline that it has", async () => {
  const flow = workflow("again", "1.0.0", { input: anything })
    .sleep("wait", { for: "1m" })
    .output(({ wait }) => wait);
  const { baton, clock } = await opened({ workflows: [flow] });
  await baton.start(flow, 1, { id: "r" });
  const run = await baton.start(flow, 1, { id: "r", deadline: "1s" });
  expect((await clock.until(run.outcome())).kind).toBe("completed");
  expect((await entriesOf(baton, "r"))[0]?.payload).not.toHaveProperty("deadlineAt");
});

test("a run that waits for an approval, or sleeps, ends at its deadline", async () => {
  const flow = workflow("waits", "1.0.0", { input: anything, deadline: "1h" })
    .approval("ok", { show: () => null, remindEvery: "1d" })
    .sleep("nap", { for: "2d" })
    .output(({ ok }) => ok);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  await clock.settle();
  expect((await baton.runs({ status: "waiting" }))[0]?.wakeAtMs).toBe(START + 3_600_000);
  const outcome = await clock.until(run.outcome());
  expect(outcome).toMatchObject({ kind: "failed", error: { code: "DEADLINE_EXCEEDED" } });
  expect(clock.now()).toBe(START + 3_600_000);
  await expectRefused(baton.approve("r", "ok", { approved: true, by: ADA }), "RUN_FINISHED");
});

test("a run that a breaker holds ends at its deadline", async () => {
  const shaky = agent({
    name: "shaky",
    version: "1.0.0",
    input: anything,
    output: anything,
    breaker: { failures: 1, cooldown: "1h" },
    execute: () => {
      throw new Error("down");
    },
  });
  const flow = workflow("held", "1.0.0", { input: anything })
    .step("a", shaky, { input: () => 1 })
    .output(({ a }) => a);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r", deadline: "10m" });
  expect(await clock.until(run.outcome())).toMatchObject({ error: { code: "DEADLINE_EXCEEDED" } });
  expect(clock.now()).toBe(START + 600_000);
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "attempt.failed a 1",
    "attempt.held a",
    "run.overdue",
    "run.failed",
  ]);
  expect((await baton.replay("r")).same).toBe(true);
});

const flaky = agent({
  name: "flaky",
  version: "1.0.0",
  input: anything,
  output: anything,
  retry: { attempts: 5, backoff: exponential("1m", { factor: 1, jitter: 0, max: "1m" }) },
  execute: () => {
    throw new Error("busy");
  },
});

test("a retry whose pause would end after the deadline is not waited for", async () => {
  const flow = workflow("retry", "1.0.0", { input: anything, deadline: "2m" })
    .step("a", flaky, { input: () => 1 })
    .output(({ a }) => a);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  const outcome = await clock.until(run.outcome());
  expect(outcome).toMatchObject({
    step: "a",
    error: {
      code: "DEADLINE_EXCEEDED",
      message: expect.stringMatching(/^a can't be tried again before the run's deadline: busy$/),
    },
  });
  expect(clock.now()).toBe(START + 60_000);
  expect(await payloadsOf(baton, "r", "attempt.failed")).toMatchObject([
    { error: { message: "busy" }, retryAt: START + 60_000 },
    { error: { message: "busy" } },
  ]);
  expect((await payloadsOf(baton, "r", "attempt.failed"))[1]).not.toHaveProperty("retryAt");
  expect(await payloadsOf(baton, "r", "step.failed")).toMatchObject([
    { deadlineAt: START + 120_000 },
  ]);
  expect((await baton.replay("r")).same).toBe(true);
  expect(await baton.report("r")).toMatchObject({ missedDeadline: { step: "a" } });
});

test("an item of a settled map that can't be tried again in time fails alone", async () => {
  const picky = agentOf(
    "picky",
    (n: number) => {
      if (n === 1) throw new Error("busy");
      return n;
    },
    { attempts: 10 },
  );
  const flow = workflow("items", "1.0.0", { input: anything })
    .map("m", picky, {
      over: () => [1, 2],
      input: (n) => n,
      failures: "settled",
      deadline: "1s",
    })
    .output(({ m }) => m);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  expect(await clock.until(run.result())).toMatchObject([
    { ok: false, error: { code: "DEADLINE_EXCEEDED" } },
    { ok: true, value: 2 },
  ]);
  expect((await baton.replay("r")).same).toBe(true);
});

test("a map that misses its deadline aborts its items, and the run goes back", async () => {
  const acts: string[] = [];
  const flow = workflow("wide", "1.0.0", { input: anything })
    .step("first", undoing("first", acts), { input: () => "x" })
    .map(
      "m",
      agentOf("slow", (n: number, { signal }) => (n < 2 ? n : heeding(signal))),
      {
        needs: ["first"],
        over: () => [1, 2, 3],
        input: (n) => n,
        deadline: "30s",
      },
    )
    .output(({ m }) => m);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({
    kind: "compensated",
    step: "m",
    error: { code: "DEADLINE_EXCEEDED" },
  });
  expect(acts).toEqual(["do r first 0", "undo r first 0"]);
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "step.sealed first",
    "step.opened m",
    "item.sealed m[0]",
    "step.failed m",
    "attempt.failed m[1] 1",
    "attempt.failed m[2] 1",
    "run.compensating",
    "compensation.sealed first",
    "run.compensated",
  ]);
  expect((await baton.replay("r")).same).toBe(true);
});

test("promise 6: a result that comes after the deadline is sealed for the record, and undone", async () => {
  const acts: string[] = [];
  const slow = undoing("slow", acts, {
    execute: (_, { signal }) =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve("late"))),
    compensate: (_, output) => void acts.push(`saw ${String(output)}`),
  });
  const flow = workflow("kept", "1.0.0", { input: anything })
    .step("a", slow, { input: () => 1, deadline: "5s" })
    .output(({ a }) => a);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated", step: "a" });
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "step.failed a",
    "step.sealed a",
    "run.compensating",
    "compensation.sealed a",
    "run.compensated",
  ]);
  expect(acts).toContain("saw late");
  expect(await baton.report("r")).toMatchObject({
    missedDeadline: { step: "a", deadlineAt: START + 5_000 },
    steps: [{ path: "a", status: "sealed", missedDeadlineAt: START + 5_000 }],
  });
  expect((await baton.replay("r")).same).toBe(true);
  expect((await baton.verify()).problems).toEqual([]);
});

test("a case of a branch may give its result late, or fail late", async () => {
  for (const late of ["gives", "throws"] as const) {
    const slow = agentOf(
      "slow",
      (_: unknown, { signal }) =>
        new Promise<number>((resolve, reject) => {
          signal.addEventListener("abort", () =>
            late === "gives" ? resolve(1) : reject(new Error("no")),
          );
        }),
    );
    const flow = workflow("branching", "1.0.0", { input: anything })
      .branch("b", { choose: () => "only" as const, deadline: "5s" }, (take) =>
        take.case("only", slow, { input: () => 1 }),
      )
      .output(({ b }) => b);
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, 1, { id: "r" });
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "failed", step: "b" });
    expect(await journalOf(baton, "r")).toEqual([
      "run.started",
      "step.opened b",
      "step.failed b",
      late === "gives" ? "step.sealed b" : "attempt.failed b 1",
      "run.failed",
    ]);
    expect((await baton.replay("r")).differences).toEqual([]);
  }
});

test("a repeat misses its deadline over all of its rounds", async () => {
  const clock = virtualClock();
  const paused = agentOf(
    "paused",
    (n: number) => new Promise<number>((resolve) => clock.after(4_000, () => resolve(n))),
  );
  const flow = workflow("rounds", "1.0.0", { input: anything })
    .repeat("r", paused, {
      input: (_view, _previous, round) => round,
      until: () => false,
      limit: 100,
      deadline: "10s",
    })
    .output(({ r }) => r);
  const { baton } = await opened({ workflows: [flow] }, clock);
  const run = await baton.start(flow, 1, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({ step: "r" });
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "step.opened r",
    "item.sealed r#0",
    "item.sealed r#1",
    "step.failed r",
    "item.sealed r#2",
    "run.failed",
  ]);
  expect((await baton.replay("r")).same).toBe(true);
});

test("an agent is told by when it must have ended, and how much time is left", async () => {
  const seen: (number | undefined)[] = [];
  const look = (name: string, more: { readonly timeout?: "1s" } = {}) =>
    agentOf(
      name,
      (n: unknown, { deadline, remainingMs }) => {
        seen.push(deadline, remainingMs());
        return n;
      },
      more,
    );
  const flow = workflow("told", "1.0.0", { input: anything, deadline: "1h" })
    .step("timeout", look("quick", { timeout: "1s" }), { input: () => 1, deadline: "1m" })
    .step("step", look("plain"), { needs: ["timeout"], input: () => 1, deadline: "1m" })
    .step("run", look("plain2"), { needs: ["step"], input: () => 1 })
    .output(({ run }) => run);
  const unbounded = single(look("none"));
  const { baton, clock } = await opened({ workflows: [flow, unbounded] });
  await clock.until((await baton.start(flow, 1)).result());
  await clock.until((await baton.start(unbounded, 1)).result());
  expect(seen).toEqual([
    ...[START + 1_000, 1_000],
    ...[START + 60_000, 60_000],
    ...[START + 3_600_000, 3_600_000],
    ...[undefined, undefined],
  ]);
});

test("an attempt's own timeout, where it is shorter, ends it as ever", async () => {
  const flow = workflow("shorter", "1.0.0", { input: anything })
    .step("a", agentOf("a", never, { timeout: "1s" }), { input: () => 1, deadline: "10s" })
    .output(({ a }) => a);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1);
  expect(await clock.until(run.outcome())).toMatchObject({ error: { code: "TIMEOUT" } });
  expect(clock.now()).toBe(START + 1_000);
});

test("an attempt that ignores its signal is waited for only so long after the deadline", async () => {
  const flow = workflow("deaf", "1.0.0", { input: anything })
    .step("a", agentOf("a", never), { input: () => 1, deadline: "10s" })
    .output(({ a }) => a);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({ error: { code: "DEADLINE_EXCEEDED" } });
  expect(clock.now()).toBe(START + 15_000);
  expect((await entriesOf(baton, "r")).find(({ kind }) => kind === "step.failed")?.at).toBe(
    START + 10_000,
  );
});

test("a child run is bounded by its parent's deadline, and its agents are told", async () => {
  let told: number | undefined;
  const inner = workflow("inner", "1.0.0", { input: anything, deadline: "1h" })
    .step(
      "x",
      agentOf("x", (_: unknown, { deadline, signal }) => {
        told = deadline;
        return heeding(signal);
      }),
      { input: () => 1 },
    )
    .output(({ x }) => x);
  const acts: string[] = [];
  const outer = workflow("outer", "1.0.0", { input: anything, deadline: "1m" })
    .step("first", undoing("first", acts), { input: () => "x" })
    .subflow("sub", inner, { needs: ["first"], input: () => 1 })
    .output(({ sub }) => sub);
  const { baton, clock } = await opened({ workflows: [outer] });
  const run = await baton.start(outer, 1, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({
    kind: "compensated",
    error: { code: "DEADLINE_EXCEEDED" },
  });
  expect(told).toBe(START + 60_000);
  expect(await baton.report("r/sub")).toMatchObject({
    status: "failed",
    deadlineAt: START + 60_000,
  });
  expect(acts).toEqual(["do r first 0", "undo r first 0"]);
  for (const id of ["r", "r/sub"]) expect((await baton.replay(id)).differences).toEqual([]);
});

test("a child whose own deadline is shorter fails its step, not by the parent's", async () => {
  const inner = workflow("inner", "1.0.0", { input: anything, deadline: "10s" })
    .sleep("nap", { for: "1h" })
    .output(({ nap }) => nap);
  const outer = workflow("outer", "1.0.0", { input: anything, deadline: "1m" })
    .subflow("sub", inner, { input: () => 1 })
    .output(({ sub }) => sub);
  const { baton, clock } = await opened({ workflows: [outer] });
  const run = await baton.start(outer, 1, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({
    step: "sub",
    error: { code: "DEADLINE_EXCEEDED", message: expect.stringContaining("Run r/sub") },
  });
  expect(clock.now()).toBe(START + 10_000);
  expect((await baton.replay("r")).differences).toEqual([]);
});

test("compensations are not bounded by the deadline", async () => {
  const acts: string[] = [];
  const slow = undoing("slow", acts, {
    compensate: () => new Promise((resolve) => clock.after(3_600_000, () => resolve(undefined))),
  });
  const clock = virtualClock();
  const flow = workflow("undone", "1.0.0", { input: anything, deadline: "10s" })
    .step("a", slow, { input: () => 1 })
    .sleep("nap", { needs: ["a"], for: "1d" })
    .output(({ nap }) => nap);
  const { baton } = await opened({ workflows: [flow] }, clock);
  const run = await baton.start(flow, 1, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
  expect(clock.now()).toBe(START + 3_610_000);
});

test("a run in the queue for a place to execute ends at its deadline", async () => {
  const hold = gate<number>();
  const busy = single(
    agentOf("busy", () => hold.promise),
    "busy",
  );
  const flow = workflow("queued", "1.0.0", { input: anything, deadline: "1m" })
    .step(
      "a",
      agentOf("a", () => 1),
      { input: () => 1 },
    )
    .output(({ a }) => a);
  const { baton, clock } = await opened({
    workflows: [busy, flow],
    limits: { concurrentRunsMax: 1 },
  });
  await baton.start(busy, 1);
  const run = await baton.start(flow, 1, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({ error: { code: "DEADLINE_EXCEEDED" } });
  expect(clock.now()).toBe(START + 60_000);
  hold.open(1);
});

test("an attempt whose turn comes after the deadline is not begun, though no timer has told of it", async () => {
  const called: string[] = [];
  const first = gate();
  const one = agentOf(
    "one",
    async (_: unknown, { run }) => {
      called.push(run);
      if (run === "first") await first.promise;
      return 1;
    },
    { concurrency: 1 },
  );
  const flow = workflow("jump", "1.0.0", { input: anything })
    .step("a", one, { input: () => 1 })
    .output(({ a }) => a);
  const time = virtualClock();
  let jumpedMs = 0;
  const clock = { ...time, now: () => time.now() + jumpedMs };
  const { baton } = await opened({ workflows: [flow] }, clock);
  await baton.start(flow, 1, { id: "first" });
  const run = await baton.start(flow, 1, { id: "second", deadline: "10m" });
  await time.settle();
  jumpedMs = 3_600_000;
  first.open();
  expect(await time.until(run.outcome())).toMatchObject({ error: { code: "DEADLINE_EXCEEDED" } });
  expect(called).toEqual(["first"]);
  expect(await journalOf(baton, "second")).toEqual([
    "run.started",
    "run.overdue",
    "attempt.failed a 1",
    "run.failed",
  ]);
  expect((await baton.replay("second")).differences).toEqual([]);
});
