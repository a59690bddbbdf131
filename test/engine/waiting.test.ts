import { type ApprovalOutput, contract, memory, workflow } from "baton";
import { expect, test } from "vitest";
import { z } from "zod";
import { virtualClock } from "baton/testing";
import {
  ADA,
  agentOf,
  anything,
  count,
  entriesOf,
  expectRefused,
  gate,
  journalOf,
  of,
  opened,
} from "../support/opened.ts";
import { undoing } from "../support/undoing.ts";

const BOB = { kind: "person", id: "bob" } as const;
const paid = contract("paid", "1.0.0", z.object({ amount: z.number() }));

const asking = workflow("asking", "1.0.0", { input: of<number | { loan: number }>() })
  .approval("ok", { show: ({ input }) => input, timeout: "1h", onTimeout: "refused" })
  .output(({ ok }) => ok);

test("an approval shows what is to be approved, and seals who answered and why", async () => {
  const { baton, clock } = await opened({ workflows: [asking] });
  const run = await baton.start(asking, { loan: 5 }, { id: "r" });
  await clock.settle();
  expect((await entriesOf(baton, "r"))[1]?.payload).toMatchObject({ value: { loan: 5 } });
  expect(await baton.runs({ status: "waiting" })).toHaveLength(1);
  await baton.approve("r", "ok", { approved: true, by: ADA, reason: "fine" });
  expect(await clock.until(run.result())).toEqual({
    approved: true,
    by: "ada",
    reason: "fine",
    timedOut: false,
  });
});

test("a refusal is an answer too", async () => {
  const { baton, clock } = await opened({ workflows: [asking] });
  const run = await baton.start(asking, 1, { id: "r" });
  await baton.approve("r", "ok", { approved: false, by: ADA });
  expect(await clock.until(run.result())).toMatchObject({ approved: false, reason: null });
});

test.each(["approved", "refused", "fail"] as const)(
  "an approval that nobody answers in time counts as %s",
  async (onTimeout) => {
    const flow = workflow("asking", "1.0.0", { input: anything })
      .approval("ok", { show: () => null, timeout: "1h", onTimeout })
      .output(({ ok }) => ok);
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, 1, { id: "r" });
    const outcome = await clock.until(run.outcome());
    expect(clock.now()).toBeGreaterThanOrEqual(1_790_003_600_000);
    if (onTimeout === "fail") expect(outcome).toMatchObject({ error: { code: "WAIT_TIMEOUT" } });
    else {
      const answer: ApprovalOutput = {
        approved: onTimeout === "approved",
        by: "timeout",
        reason: null,
        timedOut: true,
      };
      expect(outcome).toEqual({ kind: "completed", output: answer });
    }
  },
);

test("promise 11: somebody is reminded once for each interval, also after the run has left memory and the process has ended", async () => {
  const flow = workflow("asking", "1.0.0", { input: anything })
    .approval("ok", { show: () => null, remindEvery: "1h" })
    .output(({ ok }) => ok);
  const clock = virtualClock();
  const store = memory();
  const first = await opened({ workflows: [flow], store }, clock);
  await first.baton.start(flow, 1, { id: "r" });
  await clock.advance(4 * 3_600_000);
  const told = first.log.filter(({ message }) => message.includes("still waits"));
  expect(told).toHaveLength(4);
  await clock.until(first.baton.close());
  const second = await opened({ workflows: [flow], store }, clock);
  await clock.advance(2 * 3_600_000);
  const reminders = (await journalOf(second.baton, "r")).filter((each) =>
    each.startsWith("reminder.due"),
  );
  expect(reminders).toHaveLength(6);
  await second.baton.approve("r", "ok", { approved: true, by: ADA });
  await clock.until((await second.baton.run("r")).result());
});

test("an answer may come before its step is reached", async () => {
  const held = gate();
  const slow = agentOf("slow", () => held.promise.then(() => 1));
  const flow = workflow("asking", "1.0.0", { input: anything })
    .step("a", slow, { input: ({ input }) => input })
    .approval("ok", { needs: ["a"], show: ({ a }) => a, timeout: "1h" })
    .output(({ ok }) => ok.approved);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  await baton.approve("r", "ok", { approved: true, by: ADA });
  held.open();
  expect(await clock.until(run.result())).toBe(true);
});

test("the second answer is refused, and so is one of two that come at the same moment", async () => {
  const flow = workflow("asking", "1.0.0", { input: anything })
    .approval("ok", { show: () => null, timeout: "1h" })
    .approval("other", { show: () => null, timeout: "1h" })
    .output(({ ok }) => ok);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  await clock.settle();
  const both = await Promise.allSettled([
    baton.approve("r", "ok", { approved: true, by: ADA }),
    baton.approve("r", "ok", { approved: false, by: BOB }),
  ]);
  expect(both.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  await expect(baton.approve("r", "ok", { approved: false, by: BOB })).rejects.toMatchObject({
    code: "SIGNAL_REFUSED",
  });
  await baton.approve("r", "other", { approved: true, by: ADA });
  expect(await clock.until(run.result())).toMatchObject({ approved: true, by: "ada" });
});

test("an answer that is in the journal before the timeout wins, though the step is only looked at after it", async () => {
  const held = gate();
  const hold = agentOf("hold", () => held.promise);
  const holding = workflow("holding", "1.0.0", { input: anything })
    .step("h", hold, { input: ({ input }) => input })
    .output(() => 1);
  const { baton, clock } = await opened({
    workflows: [asking, holding],
    limits: { concurrentRunsMax: 1 },
  });
  const run = await baton.start(asking, 1, { id: "r" });
  await clock.settle();
  await baton.start(holding, 1, { id: "h" });
  await clock.settle();
  // The only place is taken, so that the answer is recorded, and nothing follows from it yet.
  await baton.approve("r", "ok", { approved: true, by: ADA });
  await clock.advance(2 * 3_600_000);
  held.open();
  expect(await clock.until(run.result())).toMatchObject({ approved: true, by: "ada" });
});

test("the same signal sent twice counts once, and both senders are told that it arrived", async () => {
  const flow = workflow("paying", "1.0.0", { input: anything })
    .awaitSignal("money", { contract: paid, timeout: "1h" })
    .sleep("nap", { needs: ["money"], for: "1h" })
    .output(({ money }) => money.amount);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  const send = () => baton.signal("r", "money", { amount: 3 }, { by: ADA, id: "s-1" });
  await Promise.all([send(), send()]);
  await clock.settle();
  await send();
  expect(await clock.until(run.result())).toBe(3);
  const journal = await journalOf(baton, "r");
  expect(journal.filter((each) => each === "signal.received money")).toHaveLength(1);
});

test("promise 7: a signal that breaks its contract is refused with the evidence, and the run goes on waiting", async () => {
  const flow = workflow("paying", "1.0.0", { input: anything })
    .awaitSignal("money", { contract: paid, timeout: "1h" })
    .output(({ money }) => money.amount);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  await expect(baton.signal("r", "money", { amount: "much" }, { by: ADA })).rejects.toMatchObject({
    code: "SIGNAL_REFUSED",
  });
  expect(await journalOf(baton, "r")).toContain("handoff.refused money");
  await baton.signal("r", "money", { amount: 4 }, { by: ADA });
  expect(await clock.until(run.result())).toBe(4);
});

test("a signal that does not come in time fails the step, skips it, or has a default", async () => {
  const outcome = async (onTimeout: "fail" | "skip" | { readonly value: { amount: number } }) => {
    const flow = workflow("paying", "1.0.0", { input: anything })
      .awaitSignal("money", { contract: paid, timeout: "1h", onTimeout })
      .output(({ money }) => money ?? null);
    const { baton, clock } = await opened({ workflows: [flow] });
    return await clock.until((await baton.start(flow, 1)).outcome());
  };
  expect(await outcome("fail")).toMatchObject({ error: { code: "WAIT_TIMEOUT" } });
  expect(await outcome("skip")).toEqual({ kind: "completed", output: null });
  expect(await outcome({ value: { amount: 0 } })).toEqual({
    kind: "completed",
    output: { amount: 0 },
  });
});

test("what is no answer, or goes to no waiting step, to no run or to a finished one, is refused", async () => {
  const { baton, clock } = await opened({ workflows: [asking] });
  const run = await baton.start(asking, 1, { id: "r" });
  const by = ADA;
  const refused = (promise: Promise<unknown>, code: string) =>
    expect(promise).rejects.toMatchObject({ code });
  await refused(baton.signal("r", "ok", "yes", { by }), "SIGNAL_REFUSED");
  await refused(baton.signal("r", "nowhere", {}, { by }), "SIGNAL_UNKNOWN");
  await refused(baton.approve("lost", "ok", { approved: true, by }), "RUN_NOT_FOUND");
  await refused(
    baton.approve("r", "ok", { approved: true, by, reason: "lone \ud800" }),
    "ARGUMENT_INVALID",
  );
  await refused(
    baton.approve("r", "ok", { approved: true, by: { kind: "person", id: "\udfff" } }),
    "ARGUMENT_INVALID",
  );
  await baton.approve("r", "ok", { approved: true, by });
  await clock.until(run.result());
  await refused(baton.approve("r", "ok", { approved: true, by }), "RUN_FINISHED");
});

test("promise 11: a waiting run leaves memory, and its time wakes it, also in the next process", async () => {
  const clock = virtualClock();
  const store = memory();
  const first = await opened({ workflows: [asking], store }, clock);
  await first.baton.start(asking, 1, { id: "a" });
  await clock.settle();
  await clock.until(first.baton.close());
  expect(clock.pending()).toEqual([]);
  const second = await opened({ workflows: [asking], store }, clock);
  expect(clock.pending()).toEqual([3_600_000]);
  expect(await clock.until((await second.baton.run("a")).result())).toMatchObject({
    timedOut: true,
  });
  // It waited for a time, so nothing had to be resumed.
  expect(await journalOf(second.baton, "a")).not.toContain("run.resumed");
});

test("promise 11: a time that passed while no process ran is made up for at open", async () => {
  const clock = virtualClock();
  const store = memory();
  const first = await opened({ workflows: [asking], store }, clock);
  await first.baton.start(asking, 1, { id: "a" });
  await clock.settle();
  await clock.until(first.baton.close());
  await clock.advance(7_200_000);
  const second = await opened({ workflows: [asking], store }, clock);
  expect(await clock.until((await second.baton.run("a")).result())).toMatchObject({
    timedOut: true,
  });
});

test("promise 1: a signal that is refused while its run goes back leaves nothing in the journal", async () => {
  const acts: string[] = [];
  const undone = gate();
  const book = undoing<number>("book", acts, { compensate: () => undone.promise });
  const boom = agentOf<number, number>("boom", () => {
    throw new Error("no");
  });
  const flow = workflow("w", "1.0.0", { input: count })
    .awaitSignal("money", { contract: paid, timeout: "1h" })
    .step("book", book, { input: ({ input }) => input })
    .step("boom", boom, { needs: ["book"], input: ({ book: n }) => n })
    .output(() => 0);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  await clock.settle();
  await expectRefused(baton.signal("r", "money", "nothing", { by: ADA }), "SIGNAL_REFUSED");
  undone.open();
  expect((await clock.until(run.outcome())).kind).toBe("compensated");
  expect((await clock.until(baton.verify())).problems).toEqual([]);
});
