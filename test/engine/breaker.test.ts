import {
  agent,
  type AgentDefinition,
  type Baton,
  type BreakerSnapshot,
  type Entry,
  memory,
  open,
  type OpenOptions,
  workflow,
  type WorkflowDefinition,
} from "baton";
import {
  countedIds,
  type Fault,
  faultyStore,
  type VirtualClock,
  virtualClock,
} from "baton/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  ADA,
  anything,
  count,
  entriesOf,
  gate,
  journalOf,
  of,
  opened,
  payloadsOf,
} from "../support/opened.ts";

type Breaker = NonNullable<Parameters<typeof agent>[0]["breaker"]>;

/** A downstream that can be down, and the agent in front of it. */
function downstream(
  breaker: Breaker,
  more: { readonly name?: string; readonly attempts?: number; readonly concurrency?: number } = {},
) {
  const it = { down: true, calls: 0 };
  const { name = "score", attempts = 100, concurrency } = more;
  const made = agent({
    name,
    version: "1.0.0",
    input: anything,
    output: anything,
    retry: { attempts },
    ...(concurrency === undefined ? {} : { concurrency }),
    breaker,
    execute: async (input) => {
      it.calls += 1;
      await Promise.resolve();
      if (it.down) throw Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
      return input;
    },
  });
  return { it, agent: made };
}

function calling(...agents: readonly AgentDefinition[]) {
  const [first] = agents;
  // What a test gives is an agent between contracts that take anything.
  const used = first as ReturnType<typeof agent<unknown, unknown, unknown>>;
  return workflow("calling", "1.0.0", { input: of<unknown>() })
    .step("score", used, { input: ({ input }) => input })
    .output(({ score }) => score);
}

async function breakerOf(baton: Baton, name = "score"): Promise<BreakerSnapshot> {
  const found = (await baton.breakers()).find((each) => each.name === name);
  if (found === undefined) throw new Error(`no breaker ${name}`);
  return found;
}

describe("an open breaker", () => {
  test("lets the run wait, recorded once, and lets it go on when a probe has succeeded", async () => {
    const { it, agent: score } = downstream({ failures: 2, cooldown: "10s" });
    const flow = calling(score);
    const { baton, clock, log } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, 1, { id: "r" });
    await clock.advance(35_000);
    expect(it.calls).toBe(2 + 3);
    expect(await breakerOf(baton)).toMatchObject({
      state: "open",
      openedCount: 4,
      waitingRuns: 1,
      agents: ["score@1.0.0"],
      reason: "A probe failed: ECONNREFUSED.",
      evidence: expect.arrayContaining([
        { code: "ECONNREFUSED", run: "r", path: "score", at: expect.any(Number) },
      ]),
    });
    expect(await baton.runs({ status: "waiting" })).toMatchObject([{ id: "r" }]);
    it.down = false;
    expect(await clock.until(run.result())).toBe(1);
    expect(await journalOf(baton, "r")).toEqual([
      "run.started",
      "attempt.failed score 1",
      "attempt.failed score 2",
      "attempt.held score",
      "attempt.failed score 3",
      "attempt.held score",
      "attempt.failed score 4",
      "attempt.held score",
      "attempt.failed score 5",
      "attempt.held score",
      "step.sealed score",
      "run.completed",
    ]);
    const failed = await payloadsOf(baton, "r", "attempt.failed");
    expect(failed[0]).not.toHaveProperty("breaker");
    expect(failed[1]).toMatchObject({ breaker: { name: "score", to: "open" } });
    expect(failed[2]).toMatchObject({ breaker: { name: "score", probe: true, to: "open" } });
    expect(await payloadsOf(baton, "r", "step.sealed")).toMatchObject([
      { breaker: { name: "score", probe: true, to: "closed" } },
    ]);
    expect(log.filter(({ message }) => message.startsWith("Breaker score"))).toHaveLength(9);
    expect((await baton.verify()).problems).toEqual([]);
    expect(await baton.replay("r")).toMatchObject({ same: true });
  });

  test("fails fast where the agent says so, and uses up no call", async () => {
    const { it, agent: score } = downstream({ failures: 1, whenOpen: "fail" }, { attempts: 1 });
    const flow = calling(score);
    const { baton, clock } = await opened({ workflows: [flow] });
    await clock.until((await baton.start(flow, 1, { id: "first" })).outcome());
    const run = await baton.start(flow, 2, { id: "second" });
    expect(await clock.until(run.outcome())).toMatchObject({
      kind: "failed",
      step: "score",
      error: { code: "BREAKER_OPEN" },
    });
    expect(it.calls).toBe(1);
    expect(await payloadsOf(baton, "second", "attempt.failed")).toMatchObject([
      { breaker: { name: "score" }, error: { code: "BREAKER_OPEN" } },
    ]);
    expect(await baton.replay("second")).toMatchObject({ same: true });
  });

  test("a fallback agent stands in, and is marked in the journal, the report and the lineage", async () => {
    const cached = agent({
      name: "cached-score",
      version: "2.0.0",
      input: anything,
      output: anything,
      execute: async (input, context) => await context.once("look", () => ({ cached: input })),
    });
    const { it, agent: score } = downstream(
      { name: "bureau", failures: 1, whenOpen: { fallback: cached } },
      { attempts: 2 },
    );
    const flow = calling(score);
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, 7, { id: "r" });
    expect(await clock.until(run.result())).toEqual({ cached: 7 });
    expect(it.calls).toBe(1);
    const sealed = (await entriesOf(baton, "r")).find(({ kind }) => kind === "step.sealed");
    expect(sealed).toMatchObject({
      agent: "cached-score@2.0.0",
      by: { kind: "agent", id: "cached-score" },
      attempt: 2,
      payload: { fallback: { for: "score@1.0.0", breaker: "bureau" } },
    });
    expect(await payloadsOf(baton, "r", "once.recorded")).toMatchObject([
      { name: "cached-score/look" },
    ]);
    expect((await baton.report("r")).steps[0]).toMatchObject({
      agent: "cached-score@2.0.0",
      fallback: { for: "score@1.0.0" },
    });
    expect((await baton.lineage("r", "score")).nodes.at(-1)).toMatchObject({
      fallback: { for: "score@1.0.0", breaker: "bureau" },
    });
    expect(await baton.replay("r")).toMatchObject({ same: true });
  });

  test("items of a map wait in their places: no more of them than the map executes at a time", async () => {
    const { it, agent: score } = downstream({ failures: 2, cooldown: "10s" });
    const flow = workflow("mapping", "1.0.0", { input: of<readonly number[]>() })
      .map("score", score, {
        over: ({ input }) => input,
        input: (item) => item,
        concurrency: 3,
      })
      .output(({ score: all }) => all);
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, [1, 2, 3, 4, 5, 6, 7, 8], { id: "r" });
    await clock.advance(9_000);
    expect(await payloadsOf(baton, "r", "attempt.held")).toHaveLength(3);
    it.down = false;
    expect(await clock.until(run.result())).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect((await baton.verify()).problems).toEqual([]);
  });

  test("a run that waits can be cancelled, and the next in line gets the probe", async () => {
    const { it, agent: score } = downstream({ failures: 1, cooldown: "10s" });
    const flow = calling(score);
    const { baton, clock } = await opened({ workflows: [flow] });
    await baton.start(flow, 1, { id: "a" });
    await clock.advance(1_000);
    const b = await baton.start(flow, 2, { id: "b" });
    await clock.advance(1_000);
    expect((await breakerOf(baton)).waitingRuns).toBe(2);
    await clock.until(baton.cancel("a", { by: ADA, reason: "no longer wanted" }));
    it.down = false;
    await clock.advance(9_000);
    expect(await clock.until(b.result())).toBe(2);
    expect(clock.now() - 1_790_000_000_000).toBeLessThan(12_000);
  });
});

describe("what counts", () => {
  test("an output that breaks its contract does not open it", async () => {
    const wrong = agent({
      name: "wrong",
      version: "1.0.0",
      input: anything,
      output: count,
      retry: { attempts: 3 },
      breaker: { failures: 1 },
      // What no compiler lets through, a model gives.
      execute: () => "seven" as unknown as number,
    });
    const flow = calling(wrong);
    const { baton, clock } = await opened({ workflows: [flow] });
    expect(await clock.until((await baton.start(flow, 1, { id: "r" })).outcome())).toMatchObject({
      error: { code: "CONTRACT_VIOLATED" },
    });
    expect(await breakerOf(baton, "wrong")).toMatchObject({ state: "closed", openedCount: 0 });
  });

  test("timeouts open it", async () => {
    const never = gate();
    const slow = agent({
      name: "slow",
      version: "1.0.0",
      input: anything,
      output: anything,
      timeout: "1s",
      retry: { attempts: 3 },
      breaker: { failures: 2, whenOpen: "fail" },
      execute: async () => await never.promise,
    });
    const flow = calling(slow);
    const { baton, clock } = await opened({ workflows: [flow] });
    expect(await clock.until((await baton.start(flow, 1, { id: "r" })).outcome())).toMatchObject({
      error: { code: "BREAKER_OPEN" },
    });
    expect((await breakerOf(baton, "slow")).evidence.map(({ code }) => code)).toEqual([
      "TIMEOUT",
      "TIMEOUT",
    ]);
  });

  test("the agent's own policy decides where there is one", async () => {
    const { it, agent: score } = downstream(
      { failures: 1, counts: (error) => !(error instanceof Error && error.message === "connect") },
      { attempts: 3 },
    );
    const flow = calling(score);
    const { baton, clock } = await opened({ workflows: [flow] });
    await clock.until((await baton.start(flow, 1, { id: "r" })).outcome());
    expect(it.calls).toBe(3);
    expect(await breakerOf(baton)).toMatchObject({ state: "closed", failuresInARow: 0 });
  });

  test("what is aborted because its run was cancelled says nothing of the downstream", async () => {
    const waiting = agent({
      name: "waiting",
      version: "1.0.0",
      input: anything,
      output: anything,
      breaker: { failures: 1 },
      execute: (_input, { signal }) =>
        new Promise<unknown>((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new Error("aborted")));
        }),
    });
    const flow = calling(waiting);
    const { baton, clock } = await opened({ workflows: [flow] });
    await baton.start(flow, 1, { id: "r" });
    await clock.settle();
    await clock.until(baton.cancel("r", { by: ADA, reason: "stop" }));
    await clock.advance(1_000);
    expect(await baton.runs({ status: "cancelled" })).toHaveLength(1);
    expect(await breakerOf(baton, "waiting")).toMatchObject({ state: "closed" });
  });
});

describe("shared", () => {
  test("two agents behind one breaker open it together, and both are stopped", async () => {
    const shared = { name: "bureau", failures: 2, whenOpen: "fail" } as const;
    const one = downstream(shared, { name: "one", attempts: 1 });
    const two = downstream(shared, { name: "two", attempts: 1 });
    const flows = [one, two].map(({ agent: made }, i) =>
      workflow(`flow-${i}`, "1.0.0", { input: of<unknown>() })
        .step("call", made, { input: ({ input }) => input })
        .output(({ call }) => call),
    );
    const [first, second] = flows;
    if (first === undefined || second === undefined) throw new Error("two flows");
    const { baton, clock } = await opened({ workflows: flows });
    await clock.until((await baton.start(first, 1)).outcome());
    await clock.until((await baton.start(second, 1)).outcome());
    await clock.until((await baton.start(first, 1)).outcome());
    await clock.until((await baton.start(second, 1)).outcome());
    expect([one.it.calls, two.it.calls]).toEqual([1, 1]);
    expect(await breakerOf(baton, "bureau")).toMatchObject({
      state: "open",
      agents: ["one@1.0.0", "two@1.0.0"],
    });
  });

  test("agents that share a breaker and disagree on it are refused when opened", async () => {
    const one = downstream({ name: "bureau", failures: 2 }, { name: "one" });
    const two = downstream({ name: "bureau", failures: 3 }, { name: "two" });
    await expect(
      opened({ workflows: [calling(one.agent)], agents: [two.agent] }),
    ).rejects.toMatchObject({
      code: "DEFINITION_INVALID",
      message: expect.stringContaining('share the breaker "bureau"'),
    });
  });
});

describe("a person", () => {
  test("opens and closes it; both are in its stream with who and why", async () => {
    const { it, agent: score } = downstream({ failures: 5 });
    it.down = false;
    const flow = calling(score);
    const { baton, clock } = await opened({ workflows: [flow] });
    const seen: Entry[] = [];
    const watching = new AbortController();
    onTestFinished(() => watching.abort());
    void (async () => {
      for await (const { entry } of baton.watchBreakers({ signal: watching.signal }))
        seen.push(entry);
    })();
    await clock.settle();
    await clock.until(baton.openBreaker("score", { by: ADA, reason: "the bureau moves house" }));
    const run = await baton.start(flow, 1, { id: "r" });
    await clock.advance(3_600_000);
    expect(it.calls).toBe(0);
    expect(await payloadsOf(baton, "r", "attempt.held")).toHaveLength(1);
    await clock.until(baton.closeBreaker("score", { by: ADA, reason: "they have moved" }));
    const closedAt = clock.now();
    await clock.settle();
    expect(await clock.until(run.result())).toBe(1);
    // It was woken, and did not wait for its own time.
    expect(clock.now()).toBe(closedAt);
    expect(seen).toMatchObject([
      {
        kind: "breaker.opened",
        by: ADA,
        payload: { cause: "person", reason: "the bureau moves house" },
      },
      { kind: "breaker.closed", by: ADA, payload: { cause: "person", reason: "they have moved" } },
    ]);
  });

  test("a breaker that nobody knows can't be opened", async () => {
    const flow = calling(downstream({}).agent);
    const { baton } = await opened({ workflows: [flow] });
    await expect(baton.openBreaker("nobody", { by: ADA, reason: "x" })).rejects.toMatchObject({
      code: "BREAKER_NOT_FOUND",
    });
  });
});

/** What becomes of the appends of the first process, counted from `at`. */
const TROUBLES: Readonly<Record<string, (append: number, at: number) => Fault>> = {
  "a crash before it is kept": (append, at) => (append === at ? "crashBefore" : "commit"),
  "a crash after it is kept": (append, at) => (append === at ? "crashAfter" : "commit"),
  "an answer that is lost": (append, at) => (append === at ? "loseAnswer" : "commit"),
  "a full disk": (append, at) => (append === at ? "fail" : "commit"),
  "a full disk, then a crash": (append, at) =>
    append === at ? "fail" : append === at + 2 ? "crashBefore" : "commit",
};

test.each(Object.keys(TROUBLES))(
  "K2, at any append, %s: no run speaks of a transition that was lost, nobody hammers, nobody is stuck",
  async (name) => {
    // The first append registers the workflow.
    for (let at = 2; at <= 14; at += 1) {
      const { it, agent: score } = downstream({ failures: 2, cooldown: "10s" });
      const flow = calling(score);
      const clock = virtualClock();
      const store = memory({ now: () => clock.now() });
      const faulty = faultyStore(store, (append) => TROUBLES[name]?.(append, at) ?? "commit");
      const first = await clock.until(openedHere(faulty.factory, flow, clock));
      first.start(flow, 1, { id: "r" }).catch(() => {});
      await clock.advance(25_000);
      const before = it.calls;
      if (!faulty.isDead()) await clock.until(first.close({ graceMs: 0 }));
      const second = await clock.until(openedHere(store, flow, clock));
      await clock.advance(1_000);
      // At most the calls that open it, and one probe.
      expect(it.calls - before).toBeLessThanOrEqual(3);
      it.down = false;
      const run = await clock.until(second.start(flow, 1, { id: "r" }));
      expect(await clock.until(run.result())).toBe(1);
      const opened = (await entriesOf(second, "r")).filter(({ payload }) => {
        const mark = payload["breaker"];
        return typeof mark === "object" && mark !== null && "to" in mark && mark["to"] === "open";
      });
      const breaker = await breakerOf(second);
      expect(opened.length).toBeLessThanOrEqual(breaker.openedCount);
      expect(breaker.state).toBe("closed");
      expect((await second.verify()).problems).toEqual([]);
      await clock.until(second.close({ graceMs: 0 }));
    }
  },
);

test("K1: a probe begins only when its transition is in the journal", async () => {
  const { it, agent: score } = downstream({ failures: 2, cooldown: "10s" });
  const flow = calling(score);
  const clock = virtualClock();
  let failed = 0;
  const { factory } = faultyStore(memory({ now: () => clock.now() }), (_append, { streams }) => {
    const isHalfOpened = streams.some(({ entries }) =>
      entries.some(({ text }) => text.includes('"kind":"breaker.halfOpened"')),
    );
    if (!isHalfOpened || failed > 0) return "commit";
    failed += 1;
    return "fail";
  });
  const { baton } = await opened({ store: factory, workflows: [flow] }, clock);
  await baton.start(flow, 1, { id: "r" });
  await clock.advance(1_000);
  expect(it.calls).toBe(2);
  await clock.advance(9_900);
  expect([failed, it.calls]).toEqual([1, 2]);
  await clock.advance(2_000);
  expect(it.calls).toBe(3);
});

test("a restarted process goes on half-open, and another one reads how the breaker stands", async () => {
  const never = gate();
  const slow = agent({
    name: "slow",
    version: "1.0.0",
    input: anything,
    output: anything,
    timeout: "60s",
    breaker: { failures: 1, cooldown: "10s" },
    execute: async (input, { attempt }) => {
      if (attempt === 1) throw new Error("down");
      if (attempt === 2) await never.promise;
      return input;
    },
  });
  const flow = calling(slow);
  const clock = virtualClock();
  const store = memory({ now: () => clock.now() });
  const first = await clock.until(openedHere(store, flow, clock));
  await clock.until(first.start(flow, 1, { id: "r" }));
  await clock.advance(11_000);
  const watcher = await clock.until(open({ store, workflows: [flow], clock, readOnly: true }));
  expect(await breakerOf(watcher, "slow")).toMatchObject({
    state: "halfOpen",
    openedCount: 1,
    agents: ["slow@1.0.0"],
    reason: expect.stringContaining("one probe"),
  });
  await expect(watcher.openBreaker("slow", { by: ADA, reason: "x" })).rejects.toMatchObject({
    code: "STORE_READ_ONLY",
  });
  await watcher.close();
  await clock.until(first.close({ graceMs: 0 }));
  const second = await clock.until(openedHere(store, flow, clock));
  expect(await breakerOf(second, "slow")).toMatchObject({ state: "halfOpen" });
  never.open();
  const run = await clock.until(second.run("r"));
  expect(await clock.until(run.result())).toBe(1);
  expect(await breakerOf(second, "slow")).toMatchObject({ state: "closed" });
  await clock.until(second.close({ graceMs: 0 }));
});

async function openedHere(
  store: OpenOptions["store"],
  flow: WorkflowDefinition,
  clock: VirtualClock,
): Promise<Baton> {
  return await open({ store, workflows: [flow], clock, ids: countedIds() });
}
