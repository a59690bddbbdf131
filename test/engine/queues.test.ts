/** Bounded queues: who comes when they are full is refused, clearly, and what is there goes on. */
import {
  agent,
  type AgentDefinition,
  type Baton,
  DEFAULT_LIMITS,
  exponential,
  type Limits,
  type RunHandle,
  workflow,
  type Workflow,
} from "baton";
import { virtualClock } from "baton/testing";
import { describe, expect, test } from "vitest";
import {
  ADA,
  agentOf,
  anything,
  expectRefused,
  gate,
  of,
  opened,
  payloadsOf,
} from "../support/opened.ts";

type Options = Parameters<typeof agent<unknown, unknown, unknown>>[0];

/** An agent whose calls end when the test says so. */
function held(more: Partial<Options> = {}) {
  const open = gate();
  const it = { calls: 0, atOnce: 0, most: 0 };
  const made = agent({
    name: "score",
    version: "1.0.0",
    input: anything,
    output: anything,
    retry: { attempts: 2, backoff: exponential("100ms", { jitter: 0 }) },
    execute: async (input) => {
      it.calls += 1;
      it.atOnce += 1;
      it.most = Math.max(it.most, it.atOnce);
      await open.promise;
      it.atOnce -= 1;
      return input;
    },
    ...more,
  } as Options);
  const flow: Workflow<unknown, unknown> = workflow("scoring", "1.0.0", { input: of<unknown>() })
    // The contracts take anything.
    .step("a", made as never, { input: ({ input }) => input as never })
    .output(({ a }) => a);
  return { open, it, flow, agent: made as AgentDefinition };
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

async function startAll(
  baton: Baton,
  flow: Workflow<unknown, unknown>,
  count: number,
): Promise<readonly PromiseSettledResult<RunHandle<unknown>>[]> {
  return await Promise.allSettled(upTo(count).map((i) => baton.start(flow, i, { id: `r${i}` })));
}

const refusedOf = (settled: readonly PromiseSettledResult<unknown>[]) =>
  settled.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []));

describe("the queue of an agent", () => {
  test("takes as many as it says; one more fails with QUEUE_FULL, and its retry finds a place", async () => {
    const { open, it, flow } = held({ concurrency: 2, queue: 3, breaker: { failures: 1 } });
    const { baton, clock } = await opened({ workflows: [flow] });
    const runs = await startAll(baton, flow, 6);
    await clock.settle();
    expect((await baton.pressure()).agents).toMatchObject([
      { executing: 2, waiting: 3, concurrency: 2, queue: 3 },
    ]);
    const failed = await payloadsOf(baton, "r5", "attempt.failed");
    expect(failed).toMatchObject([{ error: { code: "QUEUE_FULL" }, retryAt: expect.any(Number) }]);
    open.open();
    await clock.advance(1_000);
    expect(refusedOf(runs)).toEqual([]);
    expect(await baton.runs({ status: "completed" })).toHaveLength(6);
    expect(it).toMatchObject({ calls: 6, most: 2 });
    expect((await baton.breakers())[0]).toMatchObject({ state: "closed", openedCount: 0 });
    expect((await baton.pressure()).agents).toMatchObject([{ executing: 0, waiting: 0 }]);
  });

  test("that stays full fails the call, once its attempts are used up", async () => {
    const { open, flow } = held({ concurrency: 1, queue: 0 });
    const { baton, clock } = await opened({ workflows: [flow] });
    await baton.start(flow, 0, { id: "first" });
    const second = await baton.start(flow, 1, { id: "second" });
    expect(await clock.until(second.outcome())).toMatchObject({
      kind: "failed",
      error: { code: "QUEUE_FULL" },
    });
    open.open();
    expect(await clock.until((await baton.run("first")).outcome())).toMatchObject({
      kind: "completed",
    });
    expect(await baton.replay("second")).toMatchObject({ same: true });
  });

  test("is never too full for a compensation", async () => {
    const boom = agentOf("boom", (): number => {
      throw new Error("it broke");
    });
    const {
      open,
      agent: score,
      flow,
    } = held({ concurrency: 1, queue: 0, name: "busy", compensate: () => undefined });
    const both = workflow("both", "1.0.0", { input: of<unknown>() })
      .step("a", score as never, { input: ({ input }) => input as never })
      .step("end", boom, { needs: ["a"], input: ({ a }) => a as never })
      .output(({ end }) => end);
    const waits = gate();
    const { baton, clock } = await opened({ workflows: [flow, both] });
    open.open();
    const run = await baton.start(both, 1, { id: "r" });
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
    waits.open();
  });
});

describe("starts", () => {
  const limits = (more: Partial<Limits>) => ({ limits: { concurrentRunsMax: 2, ...more } });

  test("beyond the limit are refused, typed, and nothing of them is kept", async () => {
    const { open, flow } = held();
    const { baton, clock } = await opened({ workflows: [flow], ...limits({ queuedRunsMax: 5 }) });
    const first = await startAll(baton, flow, 2);
    await clock.settle();
    const runs = await Promise.allSettled(
      upTo(8).map((i) => baton.start(flow, i, { id: `q${i}` })),
    );
    expect(refusedOf([...first, ...runs])).toHaveLength(3);
    expect(refusedOf(runs)[0]).toMatchObject({
      code: "OVERLOADED",
      hint: expect.stringContaining("retryAfterMs"),
      details: { queued: 5, limit: 5, retryAfterMs: 1_000 },
    });
    expect((await baton.pressure()).runs).toEqual({
      executing: 2,
      queued: 5,
      concurrentRunsMax: 2,
      queuedRunsMax: 5,
    });
    await expectRefused(baton.run("q7"), "RUN_NOT_FOUND");
    open.open();
    await clock.advance(1_000);
    expect(await baton.runs({ status: "completed" })).toHaveLength(7);
    await clock.until((await baton.start(flow, 7, { id: "q7" })).result());
  });

  test("of runs that are there are joined, answers are taken, and child runs begin", async () => {
    const { open, agent: score, flow } = held();
    const parent = workflow("parent", "1.0.0", { input: of<unknown>() })
      .approval("sure", { remindEvery: "1d", show: () => null })
      .subflow("child", flow as never, { needs: ["sure"], input: ({ sure }) => sure as never })
      .output(({ child }) => child);
    const { baton, clock } = await opened({
      workflows: [flow, parent],
      agents: [score],
      ...limits({ queuedRunsMax: 1 }),
    });
    await baton.start(parent, 0, { id: "p" });
    await clock.settle();
    for (const i of upTo(3)) {
      await baton.start(flow, i, { id: `r${i}` });
      await clock.settle();
    }
    await expectRefused(baton.start(flow, 9, { id: "new" }), "OVERLOADED");
    // In line, executing, and not in memory.
    for (const [id, input] of [
      ["r2", 2],
      ["r0", 0],
    ] as const)
      expect((await baton.start(flow, input, { id })).id).toBe(id);
    expect((await baton.start(parent, 0, { id: "p" })).id).toBe("p");
    await baton.approve("p", "sure", { approved: true, by: ADA });
    open.open();
    await clock.advance(1_000);
    expect(await baton.runs({ status: "completed", limit: 10 })).toHaveLength(5);
  });

  test("that are not awaited are bounded as well: however many they are, they don't fill the memory", async () => {
    const clock = virtualClock();
    const { flow } = held();
    const { baton } = await opened({ workflows: [flow], ...limits({ queuedRunsMax: 100 }) }, clock);
    const codes = new Map<unknown, number>();
    const starts: Promise<unknown>[] = [];
    for (let i = 0; i < 20_000; i += 1)
      starts.push(
        baton.start(flow, i, { id: `r${i}` }).then(
          () => codes.set("started", (codes.get("started") ?? 0) + 1),
          (error: { readonly code: string }) =>
            codes.set(error.code, (codes.get(error.code) ?? 0) + 1),
        ),
      );
    await clock.until(Promise.all(starts));
    expect(codes).toEqual(
      new Map([
        ["OVERLOADED", 19_900],
        ["started", 100],
      ]),
    );
  });

  test("may be a hundred thousand by default", () => {
    expect(DEFAULT_LIMITS.queuedRunsMax).toBe(100_000);
  });
});
