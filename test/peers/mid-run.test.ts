/**
 * Reported of OpenAI's Agents SDK: a run is kept only where it pauses, so that a crash loses what was done since (#441). Of
 * Microsoft's: a temporary fault discards work that is finished and paid for (durable-extension#65).
 */
import { workflow } from "baton";
import { faultyStore, virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { agentOf, count, gate, opened } from "../support/opened.ts";
import { restarting, sqlitePlace } from "../support/restarting.ts";

function paidFor(calls: string[], isUp: () => boolean) {
  const paid = agentOf("paid", async (n: number, { path }) => {
    calls.push(path);
    return n + 1;
  });
  const flaky = agentOf(
    "flaky",
    async (n: number) => {
      if (!isUp()) throw new Error("503");
      return n + 1;
    },
    { attempts: 2 },
  );
  return workflow("paying", "1.0.0", { input: count })
    .step("a", paid, { input: ({ input }) => input })
    .step("b", paid, { needs: ["a"], input: ({ a }) => a })
    .map("many", paid, { needs: ["b"], over: ({ b }) => [b, b, b], input: (item) => item })
    .step("last", flaky, { needs: ["many"], input: ({ many }) => many[0] ?? 0 })
    .output(({ last }) => last);
}

test("promise 4: a process that dies between any two appends of a run pays for no finished step again", async () => {
  for (let dieAt = 2; ; dieAt += 1) {
    const { store } = sqlitePlace();
    const clock = virtualClock();
    const calls: string[] = [];
    const flow = paidFor(calls, () => true);
    const faulty = faultyStore(store, (append) => (append === dieAt ? "crashAfter" : "commit"));
    const first = await opened({ workflows: [flow], store: faulty.factory }, clock);
    const started = first.baton.start(flow, 1, { id: "r" }).then(
      (run) => run.outcome().catch(() => {}),
      () => {},
    );
    await clock.advance(5_000);
    if (!faulty.isDead()) {
      await started;
      break;
    }
    const second = await opened({ workflows: [flow], store }, clock);
    const run = await second.baton.start(flow, 1, { id: "r" });
    expect(await clock.until(run.result())).toBe(5);
    // The append that the process died at had its step in it: what was sealed was not called again.
    expect(new Set(calls).size).toBe(calls.length);
  }
});

test("an agent that is down for a while costs its own attempts, not those of the steps before it", async () => {
  const calls: string[] = [];
  let up = false;
  const flow = paidFor(calls, () => up);
  const here = await restarting({ workflows: [flow] });
  const run = await here.baton().start(flow, 1, { id: "r" });
  await here.clock.settle();
  up = true;
  expect(await here.clock.until(run.result())).toBe(5);
  expect(calls.toSorted()).toEqual(["a", "b", "many[0]", "many[1]", "many[2]"]);
});

test("even where the run has failed for good, a fork goes on from what was finished", async () => {
  const calls: string[] = [];
  let up = false;
  const flow = paidFor(calls, () => up);
  const here = await restarting({ workflows: [flow] });
  const run = await here.baton().start(flow, 1, { id: "r" });
  expect(await here.clock.until(run.outcome())).toMatchObject({ kind: "failed", step: "last" });
  const paid = calls.length;
  up = true;
  await here.restart();
  const again = await here.baton().fork("r", { at: 3, id: "again" });
  expect(await here.clock.until(again.result())).toBe(5);
  expect(calls).toHaveLength(paid);
});

test("a store that can't commit for an hour loses nothing that an agent gave meanwhile", async () => {
  const { store } = sqlitePlace();
  const clock = virtualClock();
  const calls: string[] = [];
  const held = gate<number>();
  let down = false;
  const faulty = faultyStore(store, () => (down ? "fail" : "commit"));
  const slow = agentOf("slow", async () => {
    calls.push("slow");
    return await held.promise;
  });
  const flow = workflow("slow", "1.0.0", { input: count })
    .step("a", slow, { input: ({ input }) => input })
    .output(({ a }) => a);
  const { baton } = await opened({ workflows: [flow], store: faulty.factory }, clock);
  const run = await baton.start(flow, 1, { id: "r" });
  await clock.settle();
  down = true;
  held.open(42);
  await clock.advance(3_600_000);
  expect(await baton.health()).toMatchObject({ ok: false, stuck: [{ reason: "storeSilent" }] });
  down = false;
  expect(await clock.until(run.result())).toBe(42);
  expect(calls).toEqual(["slow"]);
  expect(await baton.health()).toMatchObject({ ok: true });
});
