/** Rate limits: who waits for its turn, where, and what that keeps from others. */
import {
  agent,
  type AgentDefinition,
  type Baton,
  memory,
  type StoreFactory,
  workflow,
  type Workflow,
} from "baton";
import { type VirtualClock, virtualClock } from "baton/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ADA,
  agentOf,
  anything,
  entriesOf,
  expectRefused,
  gate,
  journalOf,
  of,
  opened,
  payloadsOf,
} from "../support/opened.ts";

type Options = Parameters<typeof agent<unknown, unknown, unknown>>[0];

/** An agent behind a rate, and when its calls began, in milliseconds since the clock's start. */
function paced(
  clock: VirtualClock,
  rate: NonNullable<Options["rate"]>,
  more: Partial<Options> = {},
) {
  const begun: { readonly input: unknown; readonly atMs: number }[] = [];
  const made = agent({
    name: "score",
    version: "1.0.0",
    input: anything,
    output: anything,
    retry: { attempts: 1 },
    execute: (input) => {
      begun.push({ input, atMs: clock.monotonicMs() });
      return input;
    },
    ...more,
    rate,
  } as Options);
  const times = () => begun.map(({ atMs }) => atMs);
  return { agent: made as AgentDefinition, begun, times, flow: calling(made as AgentDefinition) };
}

function calling(one: AgentDefinition, name = "calling"): Workflow<unknown, unknown> {
  return workflow(name, "1.0.0", { input: of<unknown>() })
    .step("a", one as never, { input: ({ input }) => input as never })
    .output(({ a }) => a);
}

async function startAll(
  { baton, clock }: { readonly baton: Baton; readonly clock: VirtualClock },
  flow: Workflow<unknown, unknown>,
  inputs: readonly unknown[],
): Promise<void> {
  for (const [i, input] of inputs.entries())
    await clock.until(baton.start(flow, input, { id: `r${i}` }));
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("a rate", () => {
  test("spaces calls evenly after the burst; short waits leave no trace, long ones are held with the time of their turn", async () => {
    const clock = virtualClock();
    const { flow, begun, times } = paced(clock, { calls: 10, per: "10s", burst: 2 });
    const it = await opened({ workflows: [flow] }, clock);
    await startAll(it, flow, upTo(8));
    await clock.settle();
    expect(times()).toEqual([0, 0]);
    const held = await payloadsOf(it.baton, "r5", "attempt.held");
    expect(held).toEqual([{ gate: "rate/score", dueAt: clock.now() + 4_000 }]);
    expect(await payloadsOf(it.baton, "r4", "attempt.held")).toEqual([]);
    expect((await it.baton.report("r5")).steps[0]?.waitsFor).toMatchObject({
      what: "rate",
      gate: "rate/score",
    });
    await clock.advance(60_000);
    expect(times()).toEqual([0, 0, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000]);
    expect(begun.map(({ input }) => input)).toEqual(upTo(8));
    expect(await journalOf(it.baton, "r5")).toEqual([
      "run.started",
      "attempt.held a",
      "step.sealed a",
      "run.completed",
    ]);
    expect(await it.baton.replay("r5")).toMatchObject({ same: true });
    expect((await it.baton.verify()).problems).toEqual([]);
    expect((await it.baton.report("r5")).steps[0]).toMatchObject({ attempts: 1 });
  });

  test("holds over a restart: whoever takes over begins as if the burst had just been used", async () => {
    const clock = virtualClock();
    const { flow, times } = paced(clock, { calls: 6, per: "1m", burst: 3 });
    const store = memory({ now: () => clock.now() });
    let it = await opened({ workflows: [flow], store }, clock);
    await startAll(it, flow, upTo(12));
    for (let restart = 0; restart < 4; restart += 1) {
      await clock.advance(7_000);
      await clock.until(it.baton.close({ graceMs: 0 }));
      it = await opened({ workflows: [flow], store }, clock);
      await clock.settle();
    }
    await clock.advance(600_000);
    const all = times();
    expect(all).toHaveLength(12);
    for (const from of all)
      expect(all.filter((at) => at >= from && at < from + 60_000).length).toBeLessThan(6 + 3);
  });

  test("hundreds of waiting runs wake one after the other, each once", async () => {
    const clock = virtualClock();
    const { flow, begun, times } = paced(clock, { calls: 100, per: "1m" });
    const it = await opened({ workflows: [flow] }, clock);
    await startAll(it, flow, upTo(300));
    await clock.settle();
    // Nobody of them keeps its place to execute, but the few that wait in memory.
    expect((await it.baton.pressure()).runs.executing).toBeLessThanOrEqual(6);
    await clock.advance(300 * 600);
    expect(times()).toEqual(upTo(300).map((i) => i * 600));
    expect(begun.map(({ input }) => input)).toEqual(upTo(300));
    const entries = await Promise.all(upTo(300).map((i) => entriesOf(it.baton, `r${i}`)));
    expect(entries.flat().filter(({ kind }) => kind === "attempt.held")).toHaveLength(294);
  });

  test("counts by key, and other keys overtake, also where the agent has one place", async () => {
    const clock = virtualClock();
    const key = (input: unknown) => String(input).slice(0, 1);
    const { flow, begun } = paced(clock, { calls: 1, per: "2s", key }, { concurrency: 1 });
    const it = await opened({ workflows: [flow] }, clock);
    await startAll(it, flow, ["a1", "a2", "a3", "a4", "b1"]);
    await clock.settle();
    expect(begun.map(({ input }) => input)).toEqual(["a1", "b1"]);
    expect(await it.baton.pressure()).toMatchObject({
      agents: [{ agent: "score@1.0.0", executing: 0, waiting: 0, concurrency: 1 }],
      rates: [
        {
          name: "score",
          calls: 1,
          perMs: 2_000,
          keys: 2,
          waiting: 1,
          busiest: [
            { key: "a", used: 1, waiting: 1 },
            { key: "b", used: 1, waiting: 0 },
          ],
        },
      ],
    });
    await clock.advance(10_000);
    expect(begun.map(({ input }) => input)).toEqual(["a1", "b1", "a2", "a3", "a4"]);
  });

  test("is shared by all agents that name it, which must agree", async () => {
    const clock = virtualClock();
    const one = paced(clock, { calls: 1, per: "1s", name: "bureau" });
    const two = paced(clock, { calls: 1, per: "1s", name: "bureau" }, { name: "income" });
    const flow = workflow("both", "1.0.0", { input: of<unknown>() })
      .step("a", one.agent as never, { input: ({ input }) => input as never })
      .step("b", two.agent as never, { input: ({ input }) => input as never })
      .output(({ a }) => a);
    const { baton } = await opened({ workflows: [flow] }, clock);
    await clock.until((await baton.start(flow, 1)).result());
    expect([...one.times(), ...two.times()]).toEqual([0, 1_000]);
    expect((await baton.pressure()).rates).toMatchObject([
      { agents: ["score@1.0.0", "income@1.0.0"] },
    ]);

    const other = paced(clock, { calls: 2, per: "1s", name: "bureau" }, { name: "fraud" });
    await expectRefused(
      opened({ workflows: [flow, calling(other.agent)] }, clock),
      "DEFINITION_INVALID",
    );
  });

  test("a key that can't be had is counted without one, and said", async () => {
    const clock = virtualClock();
    const key = () => {
      throw new Error("no such field");
    };
    const { flow, times } = paced(clock, { calls: 1, per: "1s", key });
    const it = await opened({ workflows: [flow] }, clock);
    await startAll(it, flow, ["a", "b"]);
    await clock.advance(5_000);
    expect(times()).toEqual([0, 1_000]);
    expect(it.log).toContainEqual(expect.objectContaining({ level: "warn", run: "r0", path: "a" }));
  });

  test("a run that is cancelled while it waits leaves the line", async () => {
    const clock = virtualClock();
    const { flow, begun } = paced(clock, { calls: 1, per: "1s" });
    const it = await opened({ workflows: [flow] }, clock);
    await startAll(it, flow, upTo(8));
    for (const id of ["r1", "r6"])
      await clock.until(it.baton.cancel(id, { by: ADA, reason: "no more" }));
    await clock.settle();
    expect((await it.baton.pressure()).rates).toMatchObject([{ waiting: 2 }]);
    await clock.advance(20_000);
    expect(begun.map(({ input }) => input)).toEqual([0, 2, 3, 4, 5, 7]);
    expect((await it.baton.pressure()).rates).toMatchObject([{ keys: 0, waiting: 0 }]);
  });

  test("a retry waits for its turn as any call does", async () => {
    const clock = virtualClock();
    const began: number[] = [];
    const { flow } = paced(
      clock,
      { calls: 1, per: "10s" },
      {
        retry: { attempts: 3 },
        execute: () => {
          began.push(clock.monotonicMs());
          throw new Error("again");
        },
      },
    );
    const { baton } = await opened({ workflows: [flow] }, clock);
    await clock.until((await baton.start(flow, 1, { id: "r" })).outcome());
    expect(began).toEqual([0, 10_000, 20_000]);
    expect((await journalOf(baton, "r")).filter((line) => line.startsWith("attempt."))).toEqual([
      "attempt.failed a 1",
      "attempt.held a",
      "attempt.failed a 2",
      "attempt.held a",
      "attempt.failed a 3",
    ]);
  });

  test("items of a map go through one by one", async () => {
    const clock = virtualClock();
    const { agent: one, times } = paced(clock, { calls: 1, per: "1s" });
    const flow = workflow("mapping", "1.0.0", { input: of<readonly number[]>() })
      .map("all", one as never, { over: ({ input }) => input, input: (item) => item as never })
      .output(({ all }) => all);
    const { baton } = await opened({ workflows: [flow] }, clock);
    const run = await baton.start(flow, upTo(12));
    expect(await clock.until(run.result())).toEqual(upTo(12));
    expect(times()).toEqual(upTo(12).map((i) => i * 1_000));
  });
});

describe("a compensation", () => {
  test("waits for the rate of its agent, in its journal where it takes long", async () => {
    const clock = virtualClock();
    const undone: number[] = [];
    const { agent: pay } = paced(
      clock,
      { calls: 1, per: "30s" },
      {
        name: "pay",
        compensate: () => undone.push(clock.monotonicMs()),
      },
    );
    const boom = agentOf("boom", (): number => {
      throw new Error("it broke");
    });
    const flow = workflow("paying", "1.0.0", { input: of<unknown>() })
      .step("pay", pay as never, { input: ({ input }) => input as never })
      .step("end", boom, { needs: ["pay"], input: ({ pay: paid }) => paid as never })
      .output(({ end }) => end);
    const { baton } = await opened({ workflows: [flow] }, clock);
    const runs = [await baton.start(flow, 1, { id: "r" }), await baton.start(flow, 2, { id: "s" })];
    await clock.advance(1_000);
    expect(await payloadsOf(baton, "r", "compensation.held")).toEqual([
      { gate: "rate/pay", dueAt: expect.any(Number) },
    ]);
    for (const run of runs)
      expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
    expect(undone).toEqual([60_000, 90_000]);
    expect(await payloadsOf(baton, "r", "compensation.held")).toHaveLength(1);
    expect(await baton.replay("r")).toMatchObject({ same: true });
  });
});

describe("behind a breaker", () => {
  const BREAKER = { name: "bank", failures: 1, cooldown: "10s" } as const;

  test("a probe that waits for its rate keeps nobody waiting for ever", async () => {
    const clock = virtualClock();
    const key = (input: unknown) => String(input);
    const { flow, begun } = paced(clock, { calls: 1, per: "1m", key }, { breaker: BREAKER });
    const store: StoreFactory = memory({ now: () => clock.now() });
    const first = await opened({ workflows: [flow], store }, clock);
    await clock.until((await first.baton.start(flow, "a", { id: "a0" })).result());
    await first.baton.openBreaker("bank", { by: ADA, reason: "maintenance" });
    for (const id of ["a1", "b1"]) await first.baton.start(flow, id.slice(0, 1), { id });
    await clock.settle();
    await first.baton.closeBreaker("bank", { by: ADA, reason: "over" });
    await clock.settle();
    // The one whose key is spent waits; the other is through.
    expect(begun.map(({ input }) => input)).toEqual(["a", "b"]);
    await clock.advance(120_000);
    expect(begun.map(({ input }) => input)).toEqual(["a", "b", "a"]);
  });

  test("half-open, a probe that waits for its turn is one probe, and the breaker closes with it", async () => {
    const clock = virtualClock();
    let down = true;
    const calls: number[] = [];
    const { flow } = paced(
      clock,
      { calls: 1, per: "12s" },
      {
        breaker: BREAKER,
        retry: { attempts: 100 },
        execute: (input) => {
          calls.push(clock.monotonicMs());
          if (down) throw new Error("connect");
          return input;
        },
      },
    );
    const it = await opened({ workflows: [flow] }, clock);
    await startAll(it, flow, upTo(4));
    await clock.advance(9_000);
    expect(calls).toEqual([0]);
    down = false;
    await clock.advance(200_000);
    expect(calls).toEqual([0, 12_000, 24_000, 36_000, 48_000]);
    expect(await it.baton.runs({ status: "completed" })).toHaveLength(4);
    expect((await it.baton.breakers())[0]).toMatchObject({ state: "closed", waitingRuns: 0 });
  });

  test("a person who opens it meanwhile stops a probe that waits for its turn", async () => {
    const clock = virtualClock();
    let down = true;
    const calls: number[] = [];
    const { flow } = paced(
      clock,
      { calls: 1, per: "12s" },
      {
        breaker: BREAKER,
        retry: { attempts: 100 },
        execute: (input) => {
          calls.push(clock.monotonicMs());
          if (down) throw new Error("connect");
          return input;
        },
      },
    );
    const it = await opened({ workflows: [flow] }, clock);
    await startAll(it, flow, [1]);
    await clock.settle();
    down = false;
    await clock.advance(11_000);
    expect((await it.baton.breakers())[0]).toMatchObject({ state: "halfOpen" });
    await it.baton.openBreaker("bank", { by: ADA, reason: "maintenance" });
    await clock.advance(60_000);
    expect(calls).toEqual([0]);
    await it.baton.closeBreaker("bank", { by: ADA, reason: "over" });
    await clock.advance(60_000);
    expect(calls).toHaveLength(2);
  });
});

test("whoever is cancelled when, at rest every line is empty and every place free", async () => {
  const call = fc.record({
    inMs: fc.integer({ min: 0, max: 900 }),
    key: fc.constantFrom("a", "b", "c"),
    cancelInMs: fc.option(fc.integer({ min: 0, max: 6_000 })),
    tookMs: fc.constantFrom(0, 0, 300, 2_500),
    fails: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(call, { minLength: 1, maxLength: 25 }),
      fc.integer({ min: 1, max: 3 }),
      async (calls, concurrency) => {
        const clock = virtualClock();
        let executing = 0;
        let most = 0;
        const { flow } = paced(
          clock,
          { calls: 1, per: "1s", burst: 2, key: (input) => (input as (typeof calls)[number]).key },
          {
            concurrency,
            queue: 5,
            breaker: { failures: 4, cooldown: "3s" },
            retry: { attempts: 3, budget: { share: 0.5, least: 5 } },
            execute: async (input, { signal }) => {
              // What was given to the run.
              const { tookMs, fails } = input as (typeof calls)[number];
              executing += 1;
              most = Math.max(most, executing);
              const done = gate();
              const stop = clock.after(tookMs, () => done.open());
              signal.addEventListener("abort", () => done.open());
              await done.promise;
              stop();
              executing -= 1;
              if (fails) throw new Error("it broke");
              return input;
            },
          },
        );
        const { baton } = await opened({ workflows: [flow] }, clock);
        for (const [i, each] of calls.entries()) {
          await clock.advance(each.inMs);
          await clock.until(baton.start(flow, each, { id: `r${i}` }));
          if (each.cancelInMs !== null)
            clock.after(each.cancelInMs, () => {
              baton.cancel(`r${i}`, { by: ADA, reason: "no more" }).catch(() => undefined);
            });
        }
        await clock.advance(600_000);
        expect(await baton.runs({ open: true })).toEqual([]);
        expect(most).toBeLessThanOrEqual(concurrency);
        expect(await baton.pressure()).toMatchObject({
          runs: { executing: 0, queued: 0 },
          agents: [{ executing: 0, waiting: 0 }],
          rates: [{ keys: 0, waiting: 0 }],
        });
        expect((await baton.breakers())[0]).toMatchObject({ waitingRuns: 0 });
        await clock.until(baton.close({ graceMs: 0 }));
      },
    ),
    { numRuns: 12 },
  );
}, 120_000);

test("promise 6: a call that waited for its rate, and can be undone, is announced when it is let through", async () => {
  const undone: unknown[] = [];
  const seat = agent({
    name: "seat",
    version: "1.0.0",
    input: anything,
    output: anything,
    rate: { calls: 1, per: "10s" },
    retry: { attempts: 1 },
    execute: () => 1,
    compensate: (_, output) => void undone.push(output),
  });
  const flow = workflow("announced", "1.0.0", { input: anything })
    .step("a", seat, { input: () => 1 })
    .output(({ a }) => a);
  const { baton, clock } = await opened({ workflows: [flow] });
  await baton.start(flow, 1, { id: "first" });
  const run = await baton.start(flow, 1, { id: "second" });
  await clock.until(run.result());
  expect(await journalOf(baton, "second")).toEqual([
    "run.started",
    "attempt.held a",
    "attempt.begun a",
    "step.sealed a",
    "run.completed",
  ]);
  expect((await baton.replay("second")).differences).toEqual([]);
  expect(undone).toEqual([]);
});
