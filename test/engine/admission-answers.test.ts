import { agent, BatonError, memory, workflow } from "baton";
import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { asKnown, known, outside } from "../support/admitted.ts";
import { ADA, agentOf, count, gate, opened, payloadsOf, single } from "../support/opened.ts";

test("a registry that can't be reached is asked again, as the agent's policy says, and nothing is called meanwhile", async () => {
  let [failures, calls] = [2, 0];
  const flow = known(
    single(
      agentOf("plain", (n: number) => ((calls += 1), n), { attempts: 3 }),
      "single",
    ),
  );
  const { factory } = outside(async (question) => {
    if (question === "workflow single" || (failures -= 1) < 0) return true;
    throw new Error("connect ECONNREFUSED");
  });
  const { baton, clock } = await opened({ workflows: [flow], registry: factory });
  const run = await baton.start(flow, 1, { id: "r", by: ADA });
  await clock.settle();
  expect(calls).toBe(0);
  expect(await clock.until(run.result())).toBe(1);
  expect(calls).toBe(1);
  expect(await payloadsOf(baton, "r", "attempt.failed")).toMatchObject([
    {
      error: {
        code: "REGISTRY_UNAVAILABLE",
        message: expect.stringContaining("connect ECONNREFUSED"),
      },
      retryAt: expect.any(Number),
      admission: { registry: "main.default elsewhere", item: "plain@1.0.0" },
    },
    { error: { code: "REGISTRY_UNAVAILABLE" }, retryAt: expect.any(Number) },
  ]);
});

test("a registry that never answers refuses after ten seconds", async () => {
  const flow = known(single(agentOf("plain", (n: number) => n)));
  const { factory } = outside((question) =>
    question === "workflow single" ? Promise.resolve(true) : new Promise(() => {}),
  );
  const { baton, clock } = await opened({ workflows: [flow], registry: factory });
  const begunMs = clock.now();
  const run = await baton.start(flow, 1, { id: "r", by: ADA });
  expect(await clock.until(run.outcome())).toMatchObject({
    kind: "failed",
    error: { code: "REGISTRY_UNAVAILABLE" },
  });
  expect(clock.now() - begunMs).toBe(10_000);
});

test("Baton is open, and runs go on, before the registry has said what of the code is registered", async () => {
  const flow = known(single(agentOf("plain", (n: number) => n)));
  const idle = agentOf("idle", (n: number) => n);
  const { factory } = outside(
    async () => true,
    (key) => (key.name === "idle" ? new Promise(() => {}) : Promise.resolve(asKnown(key))),
  );
  const clock = virtualClock();
  const begunMs = clock.now();
  const parts = { workflows: [flow], agents: [idle], registry: factory };
  const { baton, log } = await opened(parts, clock);
  const run = await baton.start(flow, 1, { id: "r", by: ADA });
  expect(await run.result()).toBe(1);
  expect([clock.now() - begunMs, log]).toEqual([0, []]);
  await clock.advance(10_000);
  expect(log.map(({ level, message }) => `${level}: ${message}`)).toEqual([
    "warn: The registry main.default elsewhere did not answer within 10 seconds. It will not be called as long as that is so.",
  ]);
});

test("what the registry was asked when Baton was opened is waited for no longer than Baton is open", async () => {
  const { factory } = outside(
    async () => true,
    () => new Promise(() => {}),
  );
  const idle = agentOf("idle", (n: number) => n);
  const { baton, clock, log } = await opened({ workflows: [], agents: [idle], registry: factory });
  await clock.settle();
  expect(clock.pending()).toContain(10_000);
  await clock.until(baton.close());
  await clock.settle();
  expect(clock.pending()).toEqual([]);
  await clock.advance(10_000);
  expect(log).toEqual([]);
});

test("a mistake of Baton's own is told as that, and not tried again", async () => {
  const flow = known(single(agentOf("plain", (n: number) => n, { attempts: 3 })));
  const { factory } = outside(async (question) => {
    if (question === "workflow single") return true;
    throw new BatonError("INVARIANT_BROKEN", "this cannot be");
  });
  const { baton, clock } = await opened({ workflows: [flow], registry: factory });
  const run = await baton.start(flow, 1, { id: "r", by: ADA });
  expect(await clock.until(run.outcome())).toMatchObject({ error: { code: "INVARIANT_BROKEN" } });
  expect(await payloadsOf(baton, "r", "attempt.failed")).toHaveLength(1);
});

test("many calls of one moment share a question", async () => {
  const plain = agentOf("plain", (n: number) => n);
  const flow = known(
    workflow("wide", "1.0.0", { input: count })
      .map("each", plain, {
        over: () => Array.from({ length: 50 }, (_, i) => i),
        input: (n) => n,
        concurrency: 50,
      })
      .output(({ each }) => each),
  );
  const { factory, asked } = outside(async () => true);
  const { baton, clock } = await opened({ workflows: [flow], registry: factory });
  const run = await baton.start(flow, 1, { id: "r", by: ADA });
  await clock.until(run.result());
  const ofAgent = asked.filter((question) => question === "agent plain ada");
  expect(ofAgent.length).toBeGreaterThan(0);
  expect(ofAgent.length).toBeLessThan(10);
});

test("a registry that comes back is asked once or twice for a version, however many had waited for it", async () => {
  const flow = known(single(agentOf("plain", (n: number) => n)));
  const asked = new Map<string, number>();
  let isDown = true;
  const { factory } = outside(
    async () => true,
    async (key) => {
      if (isDown) throw new Error("connect ECONNREFUSED");
      const what = `${key.kind} ${key.name}`;
      asked.set(what, (asked.get(what) ?? 0) + 1);
      return asKnown(key);
    },
  );
  const { baton, clock } = await opened({ workflows: [flow], registry: factory });
  await clock.settle();
  isDown = false;
  const runs = await Promise.all(
    Array.from({ length: 50 }, () => baton.start(flow, 1, { by: ADA })),
  );
  await clock.until(Promise.all(runs.map((run) => run.result())));
  expect([...asked.keys()].sort()).toEqual([
    "agent plain",
    "contract anything",
    "contract count",
    "workflow single",
  ]);
  expect(Math.max(...asked.values())).toBeLessThanOrEqual(2);
});

test("a breaker that opened while the registry was asked lets nothing through", async () => {
  let calls = 0;
  const answer = gate<boolean>();
  const guarded = agent({
    name: "guarded",
    version: "1.0.0",
    input: count,
    output: count,
    breaker: { failures: 1, cooldown: "1h", whenOpen: "fail" },
    execute: (n) => ((calls += 1), n),
  });
  const flow = known(single(guarded));
  const { factory, asked } = outside(async (question) =>
    question === "workflow single" ? true : await answer.promise,
  );
  const { baton, clock } = await opened({ workflows: [flow], registry: factory });
  const run = await baton.start(flow, 1, { id: "r", by: ADA });
  await clock.settle();
  expect(asked).toContain("agent guarded ada");
  await baton.openBreaker("guarded", { by: ADA, reason: "it is on fire" });
  answer.open(true);
  expect(await clock.until(run.outcome())).toMatchObject({ error: { code: "BREAKER_OPEN" } });
  expect(calls).toBe(0);
});

test("what is asked for while Baton closes is not called; it goes on when Baton is opened again", async () => {
  let calls = 0;
  const answers = [gate<boolean>(), gate<boolean>()];
  const store = memory();
  const flow = known(single(agentOf("plain", (n: number) => ((calls += 1), n))));
  let nth = 0;
  const { factory } = outside(async (question) =>
    question === "workflow single" ? true : await (answers[nth]?.promise ?? false),
  );
  const { baton, clock } = await opened({ store, workflows: [flow], registry: factory });
  await baton.start(flow, 1, { id: "r", by: ADA });
  await clock.settle();
  clock.after(500, () => answers[0]?.open(true));
  await clock.until(baton.close({ graceMs: 1_000 }));
  expect(calls).toBe(0);
  nth = 1;
  const again = await opened({ store, workflows: [flow], registry: factory }, clock);
  answers[1]?.open(true);
  expect(await clock.until((await again.baton.run("r")).result())).toBe(1);
  expect(calls).toBe(1);
});
