/** Deliveries are calls: breakers, budgets, rates and queues hold for them as they do for steps. */
import {
  agent,
  type Agent,
  type Baton,
  budget,
  choreography,
  type Contract,
  contract,
  exponential,
  memory,
  on,
  type OpenOptions,
  topic,
  workflow,
} from "baton";
import { virtualClock } from "baton/testing";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { ADA, entriesOf, gate, opened, payloadsOf } from "../support/opened.ts";

const Num: Contract<number> = contract("num", "1.0.0", z.number());
const Asked = topic("asked", Num);
const Answered = topic("answered", Num);
const BY = { by: ADA, reason: "to see" };

type Options = Parameters<typeof agent<number, number, number>>[0];
type Limits = Partial<Options>;
const RETRIES = { attempts: 3, backoff: exponential("100ms", { jitter: 0 }) } as const;

/** An agent, and when it was called with what. */
function limited(limits: Limits, execute: (n: number, call: number) => number | Promise<number>) {
  const clock = virtualClock();
  const calls: (readonly [ms: number, n: number])[] = [];
  const it = { atOnce: 0, most: 0 };
  const made = agent({
    name: "asks",
    version: "1.0.0",
    input: Num,
    output: Num,
    retry: RETRIES,
    execute: async (n: number) => {
      calls.push([clock.monotonicMs(), n]);
      it.atOnce += 1;
      it.most = Math.max(it.most, it.atOnce);
      try {
        return await execute(n, calls.length);
      } finally {
        it.atOnce -= 1;
      }
    },
    ...limits,
  } as Options) as Agent<number, number>;
  return { clock, calls, it, made };
}

function delivered(made: Agent<number, number>, onFailure: "deadLetter" | "skip" = "deadLetter") {
  return choreography("flow", "1.0.0", {
    starts: Asked,
    ends: Answered,
    deadline: "100h",
    subscriptions: { call: on(Asked, made, { publishes: Answered, onFailure }) },
  });
}

function stepped(made: Agent<number, number>) {
  return workflow("flow", "1.0.0", { input: Num })
    .step("call", made, { input: ({ input }) => input })
    .output(({ call }) => call);
}

async function startAll(
  baton: Baton,
  flow: Parameters<Baton["startUntyped"]>[0],
  runs: number,
): Promise<void> {
  const all = Array.from({ length: runs }, (_, n) => n);
  await Promise.all(all.map((n) => baton.startUntyped(flow, n, { id: `r${n}` })));
}

const down = (error = "ECONNREFUSED") => {
  throw Object.assign(new Error("connect"), { code: error });
};

const CASES: readonly {
  readonly name: string;
  readonly limits: () => Limits;
  readonly execute: (n: number, call: number) => number | Promise<number>;
  readonly options?: Partial<OpenOptions>;
}[] = [
  {
    name: "a breaker that opens, and closes by its probes",
    limits: () => ({ breaker: { failures: 3, cooldown: "30s", probes: 2 } }),
    execute: (n, call) => (call < 6 ? down() : n),
  },
  {
    name: "a breaker that opens by its rate",
    limits: () => ({ breaker: { window: { size: 10, rate: 0.5 }, cooldown: "10s" } }),
    execute: (n, call) => (call % 2 === 0 && call < 20 ? down() : n),
  },
  {
    name: "a budget whose window ends",
    limits: () => ({ budgets: [budget("spend", { calls: 4, per: "1h", whenSpent: "wait" })] }),
    execute: (n) => n,
  },
  {
    name: "a budget that is spent for good",
    limits: () => ({ budgets: [budget("spend", { calls: 4 })] }),
    execute: (n) => n,
  },
  {
    name: "a rate with a burst",
    limits: () => ({ rate: { calls: 2, per: "10s", burst: 3 } }),
    execute: (n) => n,
  },
  {
    name: "a rate by key, with retries",
    limits: () => ({ rate: { calls: 1, per: "1s", key: (n) => `k${n % 3}` } }),
    execute: (n, call) => (call % 4 === 0 ? down() : n),
  },
  {
    name: "two places and a queue of three",
    limits: () => ({ concurrency: 2, queue: 3 }),
    execute: async (n) => {
      for (let turns = 0; turns < 3; turns += 1) await new Promise((go) => setImmediate(go));
      return n;
    },
  },
  {
    name: "retries that are cut",
    limits: () => ({ retry: { ...RETRIES, attempts: 5, budget: { share: 0, least: 3 } } }),
    execute: () => down(),
  },
  {
    name: "few places for runs",
    limits: () => ({}),
    execute: (n) => n,
    options: { limits: { concurrentRunsMax: 2 } },
  },
];

describe("what holds for a step holds for a delivery, call by call, at the very millisecond:", () => {
  test.each(CASES)("$name", async ({ limits, execute, options = {} }) => {
    const told = [];
    for (const make of [stepped, delivered]) {
      const { clock, calls, made } = limited(limits(), execute);
      const flow = make(made);
      const { baton } = await opened({ workflows: [flow], ...options }, clock);
      await startAll(baton, flow, 12);
      await clock.advance(4 * 3_600_000);
      const errors = [];
      for (let n = 0; n < 12; n += 1)
        for (const { kind, payload } of await entriesOf(baton, `r${n}`))
          if (kind === "attempt.failed" || kind === "attempt.held")
            errors.push(JSON.stringify([kind, payload["gate"] ?? payload["error"]]));
      const completed = await baton.runs({ status: "completed" });
      expect((await clock.until(baton.verify())).problems).toEqual([]);
      // Of those that wait for the same moment it is chance who is first.
      told.push({
        times: calls.map(([ms]) => ms),
        errors: errors.sort(),
        completed: completed.length,
      });
    }
    const [steps, deliveries] = told;
    expect(deliveries).toEqual(steps);
    expect(steps?.times.length).toBeGreaterThan(3);
  });
});

describe("a breaker", () => {
  test("that steps have opened holds deliveries of the same agent, and the probe of one lets all go on", async () => {
    let isDown = true;
    const { clock, calls, made } = limited({ breaker: { failures: 2, cooldown: "10s" } }, (n) =>
      isDown ? down() : n,
    );
    const steps = workflow("steps", "1.0.0", { input: Num })
      .step("call", made, { input: ({ input }) => input })
      .output(({ call }) => call);
    const flow = delivered(made);
    const { baton } = await opened({ workflows: [steps, flow] }, clock);
    await clock.until(baton.start(steps, 1, { id: "s" }));
    await clock.advance(1_000);
    expect(calls).toHaveLength(2);
    for (let n = 0; n < 5; n += 1) await clock.until(baton.publish(Asked, n, { id: `e${n}` }));
    await clock.settle();
    expect(calls).toHaveLength(2);
    expect(await clock.until(baton.waits("e0/flow"))).toMatchObject({
      waits: [{ what: "breaker", path: "call#1", gate: "breaker/asks" }],
    });
    isDown = false;
    await clock.advance(11_000);
    expect(await baton.runs({ status: "completed" })).toHaveLength(6);
    expect(await baton.breakers()).toMatchObject([{ state: "closed", openedCount: 1 }]);
  });

  test("that a person opens holds deliveries until a person closes it", async () => {
    const { clock, calls, made } = limited({ breaker: { failures: 2 } }, (n) => n);
    const { baton } = await opened({ workflows: [delivered(made)] }, clock);
    await clock.until(baton.openBreaker("asks", BY));
    await clock.until(baton.publish(Asked, 1, { id: "e1" }));
    await clock.advance(3_600_000);
    expect(calls).toEqual([]);
    await clock.until(baton.closeBreaker("asks", BY));
    await clock.settle();
    expect(await baton.runs({ status: "completed" })).toHaveLength(1);
  });

  test("has a fallback called for a delivery, whose output is published", async () => {
    const spare = agent({
      name: "spare",
      version: "1.0.0",
      input: Num,
      output: Num,
      execute: (n) => n + 100,
    });
    const limits = { breaker: { failures: 1, cooldown: "1h", whenOpen: { fallback: spare } } };
    const { clock, made } = limited(limits as Limits, () => down());
    const flow = delivered(made);
    const { baton } = await opened({ workflows: [flow] }, clock);
    const run = await clock.until(baton.start(flow, 1, { id: "r" }));
    expect(await clock.until(run.result())).toBe(101);
    expect(await clock.until(payloadsOf(baton, "r", "step.sealed"))).toMatchObject([
      { fallback: { for: "asks@1.0.0", breaker: "asks" } },
    ]);
  });

  test.each(["deadLetter", "skip"] as const)(
    "that does not let wait makes a delivery fail: %s",
    async (onFailure) => {
      const { clock, calls, made } = limited(
        { breaker: { failures: 1, whenOpen: "fail" }, retry: { attempts: 1 } },
        () => down(),
      );
      const flow = delivered(made, onFailure);
      const { baton } = await opened({ workflows: [flow] }, clock);
      await startAll(baton, flow, 1);
      await clock.settle();
      await clock.until(baton.start(flow, 7, { id: "late" }));
      await clock.settle();
      expect(calls).toHaveLength(1);
      const letters = await clock.until(baton.deadLettersOf("late"));
      const errors = letters.map((letter) => [letter.path, letter.error.code]);
      expect(errors).toEqual(onFailure === "skip" ? [] : [["call#1", "BREAKER_OPEN"]]);
      expect(await clock.until(payloadsOf(baton, "late", "step.skipped"))).toEqual(
        onFailure === "skip" ? [{ reason: "failed" }] : [],
      );
    },
  );

  test.each([
    ["steps", stepped],
    ["deliveries", delivered],
  ] as const)(
    "promise 4: that is open holds %s over a restart, and no call is made before its cooldown",
    async (_, make) => {
      const { clock, calls, made } = limited(
        { breaker: { failures: 2, cooldown: "1h" } },
        (n, call) => (call <= 2 ? down() : n),
      );
      const flow = make(made);
      const store = memory({ now: () => clock.now() });
      const first = await opened({ workflows: [flow], store }, clock);
      await startAll(first.baton, flow, 4);
      await clock.advance(1_000);
      await clock.until(first.baton.close({ graceMs: 0 }));
      const { baton } = await opened({ workflows: [flow], store }, clock);
      await clock.advance(50 * 60_000);
      expect(calls).toHaveLength(2);
      // The first is the probe; what waits on disk asks again after another cooldown.
      await clock.advance(11 * 60_000);
      expect(await baton.runs({ status: "completed" })).toHaveLength(1);
      await clock.advance(60 * 60_000);
      expect(await baton.runs({ status: "completed" })).toHaveLength(4);
      expect(calls).toHaveLength(6);
    },
  );
});

test("promise 13: a budget is not overshot by deliveries; those that come too late are dead letters that go on once it is raised", async () => {
  const held = gate();
  const spend = budget("spend", { calls: 3 });
  const { clock, calls, made } = limited({ budgets: [spend] }, async (n) => {
    await held.promise;
    return n;
  });
  const { baton } = await opened({ workflows: [delivered(made)] }, clock);
  for (let n = 0; n < 8; n += 1) await clock.until(baton.publish(Asked, n, { id: `e${n}` }));
  await clock.settle();
  expect(await baton.budgets()).toMatchObject([{ reserved: { calls: 3 }, left: { calls: 0 } }]);
  held.open();
  await clock.advance(1_000);
  expect(calls).toHaveLength(3);
  const letters = await clock.until(baton.deadLetters());
  expect(letters).toHaveLength(5);
  expect(letters[0]).toMatchObject({ path: "call#1", error: { code: "BUDGET_SPENT" } });
  await clock.until(baton.raiseBudget("spend", { calls: 10 }, BY));
  for (const { run, path } of letters)
    await clock.until(baton.resolveStep(run, path, { action: "retry", by: ADA }));
  await clock.settle();
  expect(await baton.runs({ status: "completed" })).toHaveLength(8);
  expect(await baton.budgets()).toMatchObject([{ spent: { calls: 8 }, left: { calls: 5 } }]);
});

test("an overloaded process keeps events waiting instead of refusing them, and every one is taken", async () => {
  const held = gate();
  const { clock, calls, it, made } = limited({ concurrency: 2 }, async (n) => {
    await held.promise;
    return n;
  });
  const flow = delivered(made);
  const { baton, log } = await opened(
    { workflows: [flow], limits: { concurrentRunsMax: 2, queuedRunsMax: 3 } },
    clock,
  );
  for (let n = 0; n < 40; n += 1) await clock.until(baton.publish(Asked, n, { id: `e${n}` }));
  await clock.advance(60_000);
  expect((await baton.pressure()).runs).toMatchObject({ executing: 2, queued: 3 });
  expect(await baton.runs({ open: true })).toHaveLength(5);
  expect(await clock.until(baton.subscriptions())).toMatchObject([{ lag: 35 }]);
  await expect(clock.until(baton.start(flow, 1, { id: "r" }))).rejects.toMatchObject({
    code: "OVERLOADED",
  });
  expect(await baton.health()).toMatchObject({ ok: true });
  held.open();
  await clock.advance(120_000);
  expect(await baton.runs({ status: "completed", limit: 100 })).toHaveLength(40);
  expect(calls.map(([, n]) => n).sort((a, b) => a - b)).toEqual([...Array(40).keys()]);
  expect(it.most).toBe(2);
  expect(log.filter(({ level }) => level === "error")).toEqual([]);
});
