/** Deadlines over restarts, forks and replays: they follow from the journal, and need nothing that was in memory. */
import { memory, open, workflow } from "baton";
import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { agentOf, anything, journalOf, opened, single } from "../support/opened.ts";
import { undoing } from "../support/undoing.ts";

const START = 1_790_000_000_000;
const never = () => new Promise<never>(() => {});

test("a deadline survives a restart, whether it has passed meanwhile or not", async () => {
  const flow = workflow("restarted", "1.0.0", { input: anything, deadline: "1h" })
    .approval("ok", { show: () => null, remindEvery: "1d" })
    .step("a", agentOf("a", never), { input: () => 1, deadline: "10m" })
    .output(({ a }) => a);
  const store = memory();
  const clock = virtualClock();
  const one = await opened({ workflows: [flow], store }, clock);
  await one.baton.start(flow, 1, { id: "r" });
  await one.baton.start(flow, 1, { id: "s", deadline: "30m" });
  await clock.advance(60_000);
  await clock.until(one.baton.close({ graceMs: 0 }));
  const two = await opened({ workflows: [flow], store }, clock);
  const run = await two.baton.run("r");
  await clock.until(run.outcome());
  expect(clock.now()).toBe(START + 605_000);
  expect(await two.baton.report("r")).toMatchObject({
    missedDeadline: { step: "a", deadlineAt: START + 600_000 },
  });
});

test("a deadline that passed while no process was there ends the run when it is opened again", async () => {
  const acts: string[] = [];
  const flow = workflow("passed", "1.0.0", { input: anything })
    .step("first", undoing("first", acts), { input: () => 1 })
    .step("a", agentOf("a", never), { needs: ["first"], input: () => 1, deadline: "10m" })
    .output(({ a }) => a);
  const store = memory();
  const clock = virtualClock();
  const one = await opened({ workflows: [flow], store }, clock);
  await one.baton.start(flow, 1, { id: "r" });
  await clock.advance(1_000);
  await clock.until(one.baton.close({ graceMs: 0 }));
  await clock.advance(3_600_000);
  const two = await opened({ workflows: [flow], store }, clock);
  expect(await clock.until((await two.baton.run("r")).outcome())).toMatchObject({
    kind: "compensated",
    step: "a",
    error: { code: "DEADLINE_EXCEEDED" },
  });
  expect(await journalOf(two.baton, "r")).toEqual([
    "run.started",
    "step.sealed first",
    "step.failed a",
    "run.resumed",
    "run.compensating",
    "compensation.sealed first",
    "run.compensated",
  ]);
  expect((await two.baton.replay("r")).differences).toEqual([]);
});

test("promise 6: what was executing when the process died, and is overdue by then, may have acted", async () => {
  const acts: string[] = [];
  const flow = workflow("died", "1.0.0", { input: anything, deadline: "1h" })
    .step("a", undoing("a", acts, { unknown: true, execute: never }), { input: () => 1 })
    .output(({ a }) => a);
  const store = memory();
  const clock = virtualClock();
  const one = await opened({ workflows: [flow], store }, clock);
  await one.baton.start(flow, 1, { id: "r" });
  await clock.settle();
  await clock.until(one.baton.close({ graceMs: 0 }));
  await clock.advance(3_600_000);
  const two = await opened({ workflows: [flow], store }, clock);
  expect((await clock.until((await two.baton.run("r")).outcome())).kind).toBe("compensated");
  expect(acts).toEqual(["undo r a 0"]);
});

test("a run whose code is gone ends at its deadline, where there is nothing to undo", async () => {
  const flow = workflow("gone", "1.0.0", { input: anything, deadline: "1h" })
    .step("a", agentOf("a", never), { input: () => 1 })
    .output(({ a }) => a);
  const store = memory();
  const clock = virtualClock();
  const one = await opened({ workflows: [flow], store }, clock);
  await one.baton.start(flow, 1, { id: "r" });
  await clock.settle();
  await clock.until(one.baton.close({ graceMs: 0 }));
  const two = await opened({ workflows: [single(agentOf("b", () => 1))], store }, clock);
  await clock.settle();
  expect((await two.baton.report("r")).missing).toEqual(["workflow gone@1.0.0"]);
  const outcome = await clock.until((await two.baton.run("r")).outcome());
  expect(outcome).toMatchObject({ kind: "failed", error: { code: "DEADLINE_EXCEEDED" } });
  expect(clock.now()).toBe(START + 3_600_000);
});

test("a fork has a clock of its own", async () => {
  const flow = workflow("forked", "1.0.0", { input: anything, deadline: "1h" })
    .step(
      "a",
      agentOf("a", () => 1),
      { input: () => 1 },
    )
    .sleep("nap", { needs: ["a"], for: "10m" })
    .output(({ nap }) => nap);
  const { baton, clock } = await opened({ workflows: [flow] });
  await clock.until((await baton.start(flow, 1, { id: "r", deadline: "20m" })).result());
  await clock.advance(7_200_000);
  const fork = await baton.fork("r", { at: 1 });
  expect((await clock.until(fork.outcome())).kind).toBe("completed");
  expect((await baton.report(fork.id)).deadlineAt).toBe(START + 600_000 + 7_200_000 + 3_600_000);
});

test("replay tells of a deadline that today's workflow has, and the run has missed", async () => {
  const of = (deadline?: "1s") =>
    workflow("replayed", "1.0.0", { input: anything })
      .sleep("nap", { for: "10s", ...(deadline === undefined ? {} : { deadline }) })
      .output(({ nap }) => nap);
  const store = memory();
  const clock = virtualClock();
  const before = of();
  const one = await opened({ workflows: [before], store }, clock);
  await clock.until((await one.baton.start(before, 1, { id: "r" })).result());
  await clock.until(one.baton.close());
  const two = await clock.until(open({ workflows: [of("1s")], store, clock, readOnly: true }));
  expect((await two.replay("r")).differences).toMatchObject([
    { what: "timer", path: "nap", message: "Today the step would have missed its deadline." },
  ]);
  await two.close();
});
