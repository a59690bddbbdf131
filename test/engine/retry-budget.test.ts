/** Retry budgets: when the downstream is down for all, retries are cut. */
import { agent, type AgentDefinition, exponential, memory, workflow, type Workflow } from "baton";
import { virtualClock } from "baton/testing";
import { describe, expect, test } from "vitest";
import { ADA, anything, journalOf, of, opened, payloadsOf } from "../support/opened.ts";

type Options = Parameters<typeof agent<unknown, unknown, unknown>>[0];

/** A downstream that is down, and the agent in front of it. */
function downstream(more: Partial<Options>) {
  const it = { down: true, calls: 0 };
  const made = agent({
    name: "score",
    version: "1.0.0",
    input: anything,
    output: anything,
    retry: {
      attempts: 3,
      backoff: exponential("100ms", { jitter: 0 }),
      budget: { share: 0.2, least: 10 },
    },
    execute: (input) => {
      it.calls += 1;
      if (it.down) throw new Error("connect ECONNREFUSED");
      return input;
    },
    ...more,
  } as Options);
  const flow: Workflow<unknown, unknown> = workflow("scoring", "1.0.0", { input: of<unknown>() })
    // The contracts take anything.
    .step("a", made as never, { input: ({ input }) => input as never })
    .output(({ a }) => a);
  return { it, flow, agent: made as AgentDefinition };
}

async function started(flow: Workflow<unknown, unknown>, runs: number, clock = virtualClock()) {
  const made = await opened({ workflows: [flow] }, clock);
  const handles = await Promise.all(
    Array.from({ length: runs }, (_, i) => made.baton.start(flow, i, { id: `r${i}` })),
  );
  return { ...made, handles };
}

describe("a retry budget", () => {
  test("100 runs before a dead downstream make 100 calls and 30 retries, not 300 calls", async () => {
    const { it, flow } = downstream({});
    const { baton, clock, handles } = await started(flow, 100);
    const outcomes = await clock.until(Promise.all(handles.map((run) => run.outcome())));
    expect(outcomes.every(({ kind }) => kind === "failed")).toBe(true);
    // 10 in store. The shares of the first attempts of one moment fill it up as they are used: at most a fifth of 100.
    expect(it.calls).toBeGreaterThanOrEqual(110);
    expect(it.calls).toBeLessThanOrEqual(130);
    const failed = await Promise.all(
      handles.map(({ id }) => payloadsOf(baton, id, "attempt.failed")),
    );
    const last = failed.map((each) => each.at(-1));
    expect(last.filter((each) => each?.["retriesCut" as never] === true).length).toBeGreaterThan(
      70,
    );
    expect(failed.flat()).toHaveLength(it.calls);
  });

  test("says in the journal and in the report that no retry was made for it", async () => {
    const { flow } = downstream({ retry: { attempts: 3, budget: { share: 0, least: 0 } } });
    const { baton, clock, handles } = await started(flow, 1);
    expect(await clock.until((handles[0] as (typeof handles)[number]).outcome())).toMatchObject({
      kind: "failed",
      error: { message: "connect ECONNREFUSED" },
    });
    expect(await payloadsOf(baton, "r0", "attempt.failed")).toMatchObject([{ retriesCut: true }]);
    expect((await baton.report("r0")).steps[0]).toMatchObject({
      status: "failed",
      retriesCut: true,
    });
    expect(await baton.replay("r0")).toMatchObject({ same: true });
  });

  test("is not touched by runs that fail for good, and comes back within a minute", async () => {
    const { it, flow } = downstream({
      retry: { attempts: 2, budget: { share: 0, least: 1 }, backoff: exponential("100ms") },
    });
    const clock = virtualClock();
    const { baton, handles } = await started(flow, 1, clock);
    await clock.until((handles[0] as (typeof handles)[number]).outcome());
    expect(it.calls).toBe(2);
    expect((await baton.pressure()).agents).toMatchObject([
      { agent: "score@1.0.0", retriesLeft: 0 },
    ]);
    await clock.until((await baton.start(flow, 1, { id: "again" })).outcome());
    expect(it.calls).toBe(3);
    await clock.advance(60_000);
    expect((await baton.pressure()).agents).toMatchObject([{ retriesLeft: 1 }]);
    await clock.until((await baton.start(flow, 1, { id: "later" })).outcome());
    expect(it.calls).toBe(5);
  });

  test("never fails a run for it where its breaker would have it wait", async () => {
    const { it, flow } = downstream({
      retry: { attempts: 3, budget: { share: 0, least: 0 }, backoff: exponential("100ms") },
      breaker: { failures: 1, cooldown: "10s" },
    });
    const { baton, clock, handles } = await started(flow, 5);
    await clock.settle();
    expect((await baton.breakers())[0]).toMatchObject({ state: "open" });
    it.down = false;
    const outcomes = await clock.until(Promise.all(handles.map((run) => run.outcome())));
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array.from({ length: 5 }, () => "completed"));
    expect(await journalOf(baton, "r0")).toContain("attempt.failed a 1");
  });

  test("does not bind compensations: what was done must be undone", async () => {
    let tries = 0;
    const { flow, it } = downstream({
      retry: { attempts: 3, budget: { share: 0, least: 0 }, backoff: exponential("100ms") },
      compensate: () => {
        tries += 1;
        if (tries < 3) throw new Error("not yet");
      },
    });
    it.down = false;
    const { baton, clock, handles } = await started(flow, 1);
    await clock.until((handles[0] as (typeof handles)[number]).outcome());
    await clock.until(baton.compensate("r0", { by: ADA, reason: "sent twice" }));
    await clock.advance(10_000);
    expect(await baton.runs({ status: "compensated" })).toHaveLength(1);
    expect(tries).toBe(3);
  });

  test("is off where it is not asked for: every run makes its own attempts", async () => {
    const { it, flow } = downstream({ retry: { attempts: 3, backoff: exponential("100ms") } });
    const { clock, handles } = await started(flow, 50);
    await clock.until(Promise.all(handles.map((run) => run.outcome())));
    expect(it.calls).toBe(150);
  });

  test("begins full in each process", async () => {
    const store = memory();
    const { it, flow } = downstream({
      retry: { attempts: 2, budget: { share: 0, least: 2 }, backoff: exponential("100ms") },
    });
    for (const life of [1, 2]) {
      const { baton, clock } = await opened({ workflows: [flow], store });
      for (const i of [0, 1, 2])
        await clock.until((await baton.start(flow, i, { id: `r${life}-${i}` })).outcome());
      await clock.until(baton.close({ graceMs: 0 }));
      expect(it.calls).toBe(life * 5);
    }
  });
});
