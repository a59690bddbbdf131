/**
 * Reported of DBOS: one stuck run blocks a queue whose concurrency is 1 (py#805). Of Conductor: runs that stay RUNNING for ever
 * (#588), and stall for minutes behind a lock that is not re-entrant (#1058, PR#1259).
 */
import { workflow } from "baton";
import { expect, test } from "vitest";
import { ADA, agentOf, count, gate, single } from "../support/opened.ts";
import { restarting } from "../support/restarting.ts";

test("with one place to execute, a run whose agent never returns times out, and those behind it go on", async () => {
  const stuck = single(
    agentOf("stuck", () => gate<number>().promise, { timeout: "10s" }),
    "stuck",
  );
  const quick = single(
    agentOf("quick", async (n: number) => n + 1),
    "quick",
  );
  const here = await restarting({ workflows: [stuck, quick], limits: { concurrentRunsMax: 1 } });
  const first = await here.baton().start(stuck, 1, { id: "stuck" });
  for (let i = 0; i < 20; i += 1) await here.baton().start(quick, i, { id: `quick-${i}` });
  await here.clock.settle();
  expect(await here.baton().health()).toMatchObject({ ok: true, runs: { queued: 20 } });
  expect(await here.clock.until(first.outcome())).toMatchObject({ error: { code: "TIMEOUT" } });
  await here.clock.settle();
  expect(await here.baton().runs({ status: "completed" })).toHaveLength(20);
});

test("with one place of the agent, an attempt that heeds its timeout gives it back; one that doesn't is named", async () => {
  const heeds = { on: true };
  const one = single(
    agentOf(
      "one",
      (n: number, { signal }) =>
        n > 0
          ? n
          : new Promise<number>((_resolve, reject) => {
              signal.addEventListener("abort", () => heeds.on && reject(new Error("aborted")));
            }),
      { timeout: "10s", concurrency: 1 },
    ),
  );
  const here = await restarting({ workflows: [one] });
  await here.baton().start(one, 0, { id: "heeds" });
  const behind = await here.baton().start(one, 1, { id: "behind" });
  expect(await here.clock.until(behind.result())).toBe(1);
  heeds.on = false;
  await here.baton().start(one, 0, { id: "ignores" });
  await here.baton().start(one, 2, { id: "waits" });
  await here.clock.advance(75_000);
  expect(await here.baton().health()).toMatchObject({
    ok: false,
    stuck: [{ run: "ignores", reason: "attemptOutstays" }],
  });
  // The call is gone with its process; whoever stood behind it is served by the next one.
  await here.restart();
  expect(await here.clock.until((await here.baton().run("waits")).result())).toBe(2);
  expect(await here.baton().health()).toMatchObject({ ok: true });
});

test("a run that waits, for a person, a time or its retry, takes no place", async () => {
  const asking = workflow("asking", "1.0.0", { input: count })
    .approval("ok", { show: () => null, timeout: "7d" })
    .output(({ ok }) => ok.approved);
  const napping = workflow("napping", "1.0.0", { input: count })
    .sleep("nap", { for: "1d" })
    .output(() => 1);
  const quick = single(
    agentOf("quick", async (n: number) => n + 1),
    "quick",
  );
  const here = await restarting({
    workflows: [asking, napping, quick],
    limits: { concurrentRunsMax: 1 },
  });
  for (let i = 0; i < 10; i += 1) {
    await here.baton().start(asking, i, { id: `ask-${i}` });
    await here.baton().start(napping, i, { id: `nap-${i}` });
  }
  const run = await here.baton().start(quick, 1, { id: "quick" });
  expect(await here.clock.until(run.result())).toBe(2);
  await here.restart();
  const again = await here.baton().start(quick, 2, { id: "quick-2" });
  expect(await here.clock.until(again.result())).toBe(3);
  await here.baton().approve("ask-3", "ok", { approved: true, by: ADA });
  expect(await here.clock.until((await here.baton().run("ask-3")).result())).toBe(true);
});

test("a parent and its child runs need only one place among them, however deep they are", async () => {
  const add = agentOf("add", async (n: number) => n + 1);
  let flow = single<number>(add, "level-0");
  const flows = [flow];
  for (let level = 1; level <= 5; level += 1) {
    const inner = flow;
    flow = workflow(`level-${level}`, "1.0.0", { input: count })
      .subflow("inner", inner, { input: ({ input }) => input })
      .subflow("beside", inner, { input: ({ input }) => input })
      .output(({ inner: a, beside: b }) => Math.max(a, b));
    flows.push(flow);
  }
  const here = await restarting({ workflows: flows, limits: { concurrentRunsMax: 1 } });
  const run = await here.baton().start(flow, 1, { id: "deep" });
  await here.restart();
  expect(await here.clock.until((await here.baton().run(run.id)).result())).toBe(2);
  expect(await here.baton().runs({ open: true })).toEqual([]);
});
