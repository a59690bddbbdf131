import {
  type Agent,
  choreography,
  memory,
  on,
  open,
  to,
  topic,
  type Workflow,
  workflow,
} from "baton";
import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import {
  ADA,
  agentOf,
  count,
  entriesOf,
  expectRefused,
  gate,
  of,
  opened,
  single,
} from "../support/opened.ts";

const echo = agentOf("echo", (n: number) => n);
const twice = agentOf("twice", (n: number) => n * 2);

test("a graph that changed under the same version is refused at open, with every difference", async () => {
  const store = memory();
  const clock = virtualClock();
  const one = await opened({ workflows: [single(echo)], store }, clock);
  await clock.until(one.baton.close());
  const changed = workflow("single", "1.0.0", { input: count })
    .step("a", echo, { input: ({ input }) => input })
    .step("b", echo, { needs: ["a"], input: ({ a }) => a })
    .output(({ b }) => b);
  const error = await clock
    .until(open({ store, workflows: [changed], clock }))
    .catch((each: unknown) => each);
  expect(error).toMatchObject({
    code: "WORKFLOW_CHANGED",
    details: {
      changes: [{ workflow: "single@1.0.0", differences: [expect.stringContaining("b")] }],
    },
  });
  // The one who was refused has given the lease back.
  const again = await opened({ workflows: [single(echo)], store }, clock);
  expect(again.baton.readOnly).toBe(false);
});

test("two versions of a workflow live side by side, and each run goes on with its own", async () => {
  const store = memory();
  const clock = virtualClock();
  const asks = (version: string, agent: Agent<number, number>) =>
    workflow("flow", version, { input: count })
      .approval("ok", { show: () => 1, timeout: "24h" })
      .step("a", agent, { needs: ["ok", "input"], input: ({ input }) => input })
      .output(({ a }) => a);
  const [old, fresh] = [asks("1.0.0", echo), asks("2.0.0", twice)];
  const one = await opened({ workflows: [old], store }, clock);
  await one.baton.start(old, 5, { id: "old" });
  await clock.settle();
  await clock.until(one.baton.close());
  const two = await opened({ workflows: [old, fresh], store }, clock);
  await two.baton.start(fresh, 5, { id: "new" });
  const go = async (id: string) => {
    await two.baton.approve(id, "ok", { approved: true, by: ADA });
    return await clock.until((await two.baton.run(id)).result());
  };
  expect([await go("old"), await go("new")]).toEqual([5, 10]);
});

/** A workflow that asks, then calls an agent in itself, in a branch and in a nested workflow. */
function pinned(agent: Agent<number, number>): Workflow<number, number> {
  const inner = single(agent, "inner");
  return workflow("flow", "1.0.0", { input: of<number>() })
    .approval("ok", { show: () => 1, timeout: "24h" })
    .branch("way", { needs: ["ok", "input"], choose: () => "x" as const }, (take) =>
      take.case("x", agent, { input: ({ input }) => input }),
    )
    .subflow("sub", inner, { needs: ["way"], input: ({ way }) => way })
    .output(({ sub }) => sub);
}

test("a run is pinned to its agents: it waits until the versions that it began with are there, says which, and uses them throughout", async () => {
  const store = memory();
  const clock = virtualClock();
  const v1 = agentOf("scorer", (n: number) => n + 1);
  const v2 = agentOf("scorer", (n: number) => n + 100, { version: "2.0.0" });
  const old = pinned(v1);
  const one = await opened({ workflows: [old], store }, clock);
  await one.baton.start(old, 0, { id: "r" });
  await clock.settle();
  await clock.until(one.baton.close());
  const fresh = pinned(v2);
  const two = await opened({ workflows: [fresh], store }, clock);
  await two.baton.approve("r", "ok", { approved: true, by: ADA }).catch(() => {});
  await clock.settle();
  const blocked = (await entriesOf(two.baton, "r")).find(({ kind }) => kind === "run.blocked");
  expect(JSON.stringify(blocked?.payload)).toContain("scorer@1.0.0");
  expect(await two.baton.runs({ status: "waiting" })).toMatchObject([{ id: "r" }]);
  // A new run uses the new one.
  await two.baton.start(fresh, 0, { id: "s" });
  await two.baton.approve("s", "ok", { approved: true, by: ADA });
  expect(await clock.until((await two.baton.run("s")).result())).toBe(200);
  await clock.until(two.baton.close());
  const three = await opened({ workflows: [fresh], agents: [v1], store }, clock);
  await clock.settle();
  const approving = three.baton.approve("r", "ok", { approved: true, by: ADA });
  await approving;
  expect(await clock.until((await three.baton.run("r")).result())).toBe(2);
  // Replay compares with the agent that the run is pinned to, where it is here, else with today's.
  expect(await three.baton.replay("r")).toMatchObject({ same: true });
  await clock.until(three.baton.close());
  const four = await opened({ workflows: [fresh], store }, clock);
  expect(await four.baton.replay("r")).toMatchObject({ same: false });
});

test("a run that waits for code says so to whoever answers it, and may be cancelled", async () => {
  const store = memory();
  const clock = virtualClock();
  const old = pinned(agentOf("scorer", (n: number) => n + 1));
  const one = await opened({ workflows: [old], store }, clock);
  await one.baton.start(old, 0, { id: "r" });
  await clock.settle();
  await clock.until(one.baton.close());
  const two = await opened({ workflows: [], store }, clock);
  await clock.settle();
  await expectRefused(two.baton.approve("r", "ok", { approved: true, by: ADA }), "SIGNAL_REFUSED");
  await two.baton.cancel("r", { by: ADA, reason: "gone" });
  expect(await clock.until((await two.baton.run("r")).outcome())).toMatchObject({
    kind: "cancelled",
  });
});

test("a fork carries what was sealed, names its parent, and may exchange an agent, also after a restart", async () => {
  const executed: string[] = [];
  const noting = (name: string, more: number, version: string) =>
    agentOf(
      name,
      async (n: number, ctx) => {
        executed.push(`${ctx.run} ${ctx.path} ${version}`);
        await pause.promise;
        return n + more;
      },
      { version },
    );
  let pause = gate();
  pause.open();
  const flow = workflow("chain", "1.0.0", { input: count })
    .step("a", noting("first", 1, "1.0.0"), { input: ({ input }) => input })
    .step("b", noting("second", 10, "1.0.0"), { needs: ["a"], input: ({ a }) => a })
    .output(({ b }) => b);
  const other = noting("second", 1_000, "2.0.0");
  const store = memory();
  const clock = virtualClock();
  const one = await opened({ workflows: [flow], agents: [other], store }, clock);
  await clock.until((await one.baton.start(flow, 0, { id: "p" })).result());
  const byInput = await one.baton.fork("p", { at: 0, input: 5, id: "f0" });
  expect(await clock.until(byInput.result())).toBe(16);
  executed.length = 0;
  pause = gate();
  await one.baton.fork("p", { at: 1, agents: { b: other }, id: "f1" });
  await clock.settle();
  await clock.until(one.baton.close({ graceMs: 0 }));
  pause.open();
  const two = await opened({ workflows: [flow], agents: [other], store }, clock);
  expect(await clock.until((await two.baton.run("f1")).result())).toBe(1_001);
  expect(executed).toEqual(["f1 b 2.0.0", "f1 b 2.0.0"]);
  const [started, carried] = await entriesOf(two.baton, "f1");
  expect(started?.payload["fork"]).toMatchObject({ stream: "run/p", seq: 1, version: 1 });
  expect(carried).toMatchObject({ kind: "step.carried", path: "a" });
  const whole = await two.baton.fork("p", { at: 2, id: "f2" });
  expect(await clock.until(whole.result())).toBe(11);
  // The id of a run that is no such fork is taken.
  await expectRefused(two.baton.fork("p", { at: 1, id: "p" }), "RUN_CONFLICT");
  await expectRefused(two.baton.fork("p", { at: 1, id: "f1" }), "RUN_CONFLICT");
});

test("a workflow with more steps than the limit is refused when it is opened, with the limit's name", async () => {
  const echo = agentOf("echo", (n: number) => n);
  const flow = workflow("two", "1.0.0", { input: of<number>() })
    .step("one", echo, { input: ({ input }) => input })
    .step("two", echo, { needs: ["one"], input: ({ one }) => one })
    .output(({ two }) => two);
  await expect(
    open({ store: memory(), workflows: [flow], limits: { stepsPerRunMax: 1 } }),
  ).rejects.toMatchObject({
    code: "DEFINITION_INVALID",
    message: expect.stringContaining("two@1.0.0 has 2 steps; limits.stepsPerRunMax is 1"),
  });
});

test.for([{ concurrentRunsMax: 0 }, { mapWidthMax: 1.5 }, { outputBytesMax: Number.NaN }])(
  "a limit that is no whole number of one or more is refused: %j",
  async (limits) => {
    await expect(open({ store: memory(), workflows: [], limits })).rejects.toMatchObject({
      code: "ARGUMENT_INVALID",
    });
  },
);

test("a run of a choreography goes on with the versions of the agents that it began with", async () => {
  const store = memory();
  const clock = virtualClock();
  const [Asked, Told] = [topic("asked", count), topic("told", count)];
  const telling = (agent: Agent<number, number>) =>
    choreography("telling", "1.0.0", {
      starts: Asked,
      ends: Told,
      deadline: "1h",
      subscriptions: {
        tell: on(Asked, agent, {
          publishes: to(Told, (n) => n),
          requires: { "somebody agrees": () => agreed },
        }),
      },
    });
  let agreed = false;
  const first = agentOf<number, number>("teller", (n) => n);
  const second = agentOf<number, number>("teller", (n) => n * 2, { version: "1.1.0" });
  const one = await opened({ workflows: [telling(first)], store }, clock);
  await clock.until(one.baton.publish(Asked, 5, { id: "old" }));
  await clock.settle();
  await clock.until(one.baton.close());
  const two = await opened({ workflows: [telling(second)], agents: [first], store }, clock);
  agreed = true;
  const again = { action: "retry", by: ADA, reason: "agreed" } as const;
  await clock.until(two.baton.resolveStep("old/telling", "tell#1", again));
  await clock.until(two.baton.publish(Asked, 5, { id: "new" }));
  const result = async (id: string) =>
    await clock.until((await clock.until(two.baton.run(id))).result());
  await clock.settle();
  expect([await result("old/telling"), await result("new/telling")]).toEqual([5, 10]);
});
