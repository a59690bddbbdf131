/** Faults planted under the engine, which it can't see by itself: the watchdog names the run, and it goes on to its right end. */
import { BatonError, type JournalStore, memory, open, type StoreFactory, workflow } from "baton";
import { type VirtualClock, virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { agentOf, anything, count, gate, type Opened, opened, single } from "../support/opened.ts";

const BROKEN = new BatonError("STORE_CORRUPT", "The page could not be read, says the test.");

/** A store in front of another, some of whose operations are the test's. */
function storeWith(
  inner: StoreFactory,
  change: (store: JournalStore) => Partial<JournalStore>,
): StoreFactory {
  return async (mode) => {
    const store = await inner(mode);
    return { ...store, ...change(store) };
  };
}

const napping = workflow("napping", "1.0.0", { input: count })
  .sleep("nap", { for: "10m" })
  .output(({ nap }) => nap);
const twice = single(agentOf("twice", async (n: number) => n * 2));

function stuckTold({ log }: Opened): readonly string[] {
  return log.flatMap(({ run, data }) =>
    data?.["stuck"] === undefined ? [] : [`${run} ${JSON.stringify(data["stuck"]).slice(1, -1)}`],
  );
}

test("promise 11: a wake-up that was never set is named and set, and the run goes on at its time", async () => {
  const clock = virtualClock();
  const store = memory({ now: () => clock.now() });
  const first = await opened({ workflows: [napping], store }, clock);
  const run = await first.baton.start(napping, 1, { id: "r" });
  await clock.settle();
  await clock.until(first.baton.close());
  let forgets = true;
  const forgetful = storeWith(store, (inner) => ({
    heads: async (filter) => {
      const found = await inner.heads(filter);
      if (!forgets || filter.open !== true) return found;
      forgets = false;
      return [];
    },
  }));
  const second = await opened({ workflows: [napping], store: forgetful }, clock);
  await clock.advance(61_000);
  expect(stuckTold(second)).toEqual(["r wakeLost"]);
  expect(await second.baton.health()).toMatchObject({ ok: true, healed: 1, runs: { waiting: 1 } });
  await clock.advance(10 * 60_000);
  expect(await second.baton.runs({ status: "completed" })).toHaveLength(1);
  expect(run.id).toBe("r");
});

/** A clock that forgets to wake: timers of the foreground that `swallows` says, and ticks while `losesTicks`. */
function faultyClock(inner: VirtualClock) {
  const faults = { swallows: (_delayMs: number) => false, losesTicks: false };
  const clock: VirtualClock = {
    ...inner,
    after: (delayMs, wake, background) => {
      if (background !== true && faults.swallows(delayMs)) return () => {};
      return inner.after(delayMs, wake, background);
    },
    soon: (run) => {
      if (!faults.losesTicks) setImmediate(run);
    },
  };
  return { clock, faults };
}

test("promise 11: a timer that never fires is named, and the run is woken late rather than never", async () => {
  const { clock, faults } = faultyClock(virtualClock());
  faults.swallows = (delayMs) => delayMs === 600_000;
  const here = await opened({ workflows: [napping] }, clock);
  const run = await here.baton.start(napping, 1, { id: "r" });
  await clock.advance(600_000);
  expect(await here.baton.runs({ status: "completed" })).toHaveLength(0);
  await clock.advance(90_000);
  expect(stuckTold(here)).toEqual(["r wakeOverdue"]);
  await clock.until(run.result());
});

test("a wall clock that is put forward wakes whom it passes, and nobody is accused", async () => {
  const inner = virtualClock();
  let aheadMs = 0;
  const clock: VirtualClock = { ...inner, now: () => inner.now() + aheadMs };
  const here = await opened({ workflows: [napping] }, clock);
  await here.baton.start(napping, 1, { id: "r" });
  await clock.advance(1_000);
  aheadMs = 3_600_000;
  await clock.advance(31_000);
  expect(await here.baton.runs({ status: "completed" })).toHaveLength(1);
  expect(stuckTold(here)).toEqual([]);
});

test("promise 11: a tick that was lost is named, and all that was listed goes on", async () => {
  const { clock, faults } = faultyClock(virtualClock());
  const held = gate<number>();
  const slow = single(agentOf("slow", () => held.promise));
  const here = await opened({ workflows: [slow] }, clock);
  const run = await here.baton.start(slow, 1, { id: "r" });
  await clock.settle();
  faults.losesTicks = true;
  held.open(7);
  await clock.settle();
  faults.losesTicks = false;
  await clock.advance(61_000);
  expect(stuckTold(here)).toEqual(["r tickLost"]);
  expect(await clock.until(run.result())).toBe(7);
});

test("promise 11: a run that left memory with work to do is named, and ends as it would have", async () => {
  const clock = virtualClock();
  let breaks = false;
  const store = storeWith(memory({ now: () => clock.now() }), (inner) => ({
    append: async (request) => {
      const isSealing = request.streams.some(({ entries }) =>
        entries.some(({ text }) => text.includes("step.sealed")),
      );
      if (!breaks || !isSealing) return await inner.append(request);
      breaks = false;
      throw BROKEN;
    },
  }));
  let calls = 0;
  const flow = single(
    agentOf("counting", (n: number) => {
      calls += 1;
      return n + 1;
    }),
  );
  const here = await opened({ workflows: [flow], store }, clock);
  breaks = true;
  await here.baton.start(flow, 1, { id: "r" });
  await clock.advance(30_000);
  expect(await here.baton.runs({ status: "running" })).toHaveLength(1);
  await clock.advance(31_000);
  expect(stuckTold(here)).toEqual(["r notInMemory"]);
  expect(await clock.until((await here.baton.run("r")).result())).toBe(2);
  expect(calls).toBe(2);
});

test("promise 11: a parent that was not told of its child's end is named, and told", async () => {
  const clock = virtualClock();
  let breaks = true;
  const store = storeWith(memory({ now: () => clock.now() }), (inner) => ({
    append: async (request) => {
      const given = await inner.append(request);
      const ends = request.streams.some(
        ({ stream, entries }) =>
          stream === "run/r/inner" && entries.some(({ text }) => text.includes("run.completed")),
      );
      if (!breaks || !ends) return given;
      breaks = false;
      throw BROKEN;
    },
  }));
  const outer = workflow("outer", "1.0.0", { input: count })
    .subflow("inner", twice, { input: ({ input }) => input })
    .output(({ inner }) => inner);
  const here = await opened({ workflows: [outer, twice], store }, clock);
  const run = await here.baton.start(outer, 4, { id: "r" });
  await clock.advance(61_000);
  expect(stuckTold(here)).toEqual(["r childLost"]);
  expect(await clock.until(run.result())).toBe(8);
});

test("an attempt that was ended and does not return is named with its agent for as long as it has its place", async () => {
  const never = gate<number>();
  let calls = 0;
  const stubborn = single(
    agentOf(
      "stubborn",
      (n: number) => {
        calls += 1;
        return calls === 1 ? never.promise : n;
      },
      { timeout: "10s", concurrency: 1 },
    ),
  );
  const here = await opened({ workflows: [stubborn] });
  const { baton, clock } = here;
  const first = await baton.start(stubborn, 1, { id: "first" });
  const second = await baton.start(stubborn, 2, { id: "second" });
  expect(await clock.until(first.outcome())).toMatchObject({ error: { code: "TIMEOUT" } });
  await clock.advance(61_000);
  const { ok, stuck } = await baton.health();
  expect(ok).toBe(false);
  expect(stuck).toMatchObject([{ run: "first", reason: "attemptOutstays" }]);
  expect(stuck[0]?.message).toContain("stubborn@1.0.0");
  expect(calls).toBe(1);
  never.open(0);
  expect(await clock.until(second.result())).toBe(2);
  expect(await baton.health()).toMatchObject({ ok: true, stuck: [] });
});

test("a run that can't be loaded is named and tried a few times, and does not hold up the others", async () => {
  const clock = virtualClock();
  const inner = memory({ now: () => clock.now() });
  const held = gate<number>();
  const slow = single(agentOf("slow", () => held.promise));
  const first = await opened({ workflows: [slow], store: inner }, clock);
  await first.baton.start(slow, 1, { id: "bad" });
  await first.baton.start(slow, 1, { id: "good" });
  await clock.settle();
  await clock.until(first.baton.close({ graceMs: 0 }));
  held.open(3);
  const store = storeWith(inner, (made) => ({
    read: async (stream, fromSeq, limit) => {
      const found = await made.read(stream, fromSeq, limit);
      return stream.stream === "run/bad" ? found.map((each) => ({ ...each, text: "{}" })) : found;
    },
  }));
  const second = await opened({ workflows: [slow], store }, clock);
  expect(await clock.until((await second.baton.run("good")).result())).toBe(3);
  await clock.advance(10 * 60_000);
  const { ok, stuck } = await second.baton.health();
  expect({ ok, stuck }).toMatchObject({
    ok: false,
    stuck: [{ run: "bad", reason: "notInMemory" }],
  });
  expect(stuckTold(second)).toEqual(["bad notInMemory", "bad notInMemory", "bad notInMemory"]);
});

test("a journal that the store never gives is named, and those behind it are brought back all the same", async () => {
  const clock = virtualClock();
  const inner = memory({ now: () => clock.now() });
  const held = gate<number>();
  const slow = single(agentOf("slow", () => held.promise));
  const first = await opened({ workflows: [slow], store: inner }, clock);
  for (const id of ["a", "b", "c"]) await first.baton.start(slow, 1, { id });
  await clock.settle();
  await clock.until(first.baton.close({ graceMs: 0 }));
  held.open(3);
  const store = storeWith(inner, (made) => ({
    read: async (stream, ...more) =>
      stream.stream === "run/a" ? await new Promise(() => {}) : await made.read(stream, ...more),
  }));
  const second = await opened({ workflows: [slow], store }, clock);
  await clock.advance(61_000);
  expect(stuckTold(second).toSorted()).toEqual(["a storeSilent", "b notResumed", "c notResumed"]);
  await clock.advance(1_000);
  expect(await second.baton.runs({ status: "completed" })).toHaveLength(2);
});

test("what lawfully waits is accused of nothing: a time, a person, code, a child, a breaker, a place", async () => {
  const held = gate<number>();
  const asking = workflow("asking", "1.0.0", { input: anything })
    .approval("ok", { show: () => null, remindEvery: "1h" })
    .output(() => 1);
  const outer = workflow("outer", "1.0.0", { input: anything })
    .subflow("inner", asking, { input: ({ input }) => input })
    .output(() => 1);
  const broken = single(
    agentOf("broken", (): number => {
      throw new Error("down");
    }),
    "broken",
  );
  const slow = single(
    agentOf("slow", () => held.promise),
    "slow",
  );
  const clock = virtualClock();
  const store = memory({ now: () => clock.now() });
  const gone = single(
    agentOf("gone", () => held.promise),
    "gone",
  );
  const before = await opened({ workflows: [gone], store }, clock);
  await before.baton.start(gone, 1, { id: "gone" });
  await clock.settle();
  await clock.until(before.baton.close({ graceMs: 0 }));
  const workflows = [asking, outer, broken, slow, napping];
  const here = await opened({ workflows, store, limits: { concurrentRunsMax: 2 } }, clock);
  const { baton } = here;
  await baton.start(asking, 1, { id: "asking" });
  await baton.start(outer, 1, { id: "outer" });
  await baton.start(napping, 1, { id: "napping" });
  for (const id of ["s1", "s2", "s3", "s4"]) await baton.start(slow, 1, { id });
  await clock.advance(5 * 60_000);
  expect(stuckTold(here)).toEqual([]);
  expect(await baton.health()).toMatchObject({
    ok: true,
    stuck: [],
    healed: 0,
    runs: { queued: 2, waiting: 4, parked: 0 },
    store: { worked: "here" },
  });
});

test("with the watchdog off nobody looks, but who asks for the health does", async () => {
  const { clock, faults } = faultyClock(virtualClock());
  faults.swallows = (delayMs) => delayMs === 600_000;
  const here = await opened({ workflows: [napping], watchdog: 0 }, clock);
  await here.baton.start(napping, 1, { id: "r" });
  await clock.advance(3_600_000);
  expect(stuckTold(here)).toEqual([]);
  // What is found once may be in transit.
  expect(await here.baton.health()).toMatchObject({ ok: true });
  await clock.advance(6_000);
  expect(await here.baton.health()).toMatchObject({
    ok: false,
    stuck: [{ reason: "wakeOverdue" }],
  });
  await clock.settle();
  expect(await here.baton.health()).toMatchObject({ ok: true, healed: 1 });
});

test("from outside: a run whose time passed a minute ago is named, while nobody works on the store and while its holder sleeps", async () => {
  const { clock, faults } = faultyClock(virtualClock());
  faults.swallows = (delayMs) => delayMs === 600_000;
  const store = memory({ now: () => clock.now() });
  const writer = await opened({ workflows: [napping, twice], store, watchdog: 0 }, clock);
  await writer.baton.start(napping, 1, { id: "r" });
  await clock.settle();
  const outside = await open({ store, workflows: [], readOnly: true, clock });
  const look = async () => {
    const { ok, stuck, store: place } = await clock.until(outside.health());
    return { ok, stuck: stuck.map(({ run, reason }) => `${run} ${reason}`), worked: place.worked };
  };
  expect(await look()).toEqual({ ok: true, stuck: [], worked: "elsewhere" });
  await clock.advance(12 * 60_000);
  expect(await look()).toEqual({ ok: false, stuck: ["r overdue"], worked: "elsewhere" });
  await clock.until(writer.baton.close());
  expect(await look()).toEqual({ ok: false, stuck: ["r unattended"], worked: "nobody" });
  await clock.until(outside.close());
});

test("from outside: a run that could go on is named once nobody has worked on it for a minute", async () => {
  const clock = virtualClock();
  const store = memory({ now: () => clock.now() });
  const held = gate<number>();
  const slow = single(agentOf("slow", () => held.promise));
  const writer = await opened({ workflows: [slow], store }, clock);
  await writer.baton.start(slow, 1, { id: "r" });
  await clock.settle();
  const outside = await open({ store, workflows: [], readOnly: true, clock });
  expect(await clock.until(outside.health())).toMatchObject({ ok: true, runs: { executing: 1 } });
  await clock.until(writer.baton.close({ graceMs: 0 }));
  expect(await clock.until(outside.health())).toMatchObject({ ok: true });
  await clock.advance(61_000);
  expect(await clock.until(outside.health())).toMatchObject({
    ok: false,
    stuck: [{ run: "r", reason: "unattended", message: expect.stringContaining("nobody works") }],
  });
  await clock.until(outside.close());
});

test("a holder that gives no sign of life counts as nobody", async () => {
  const clock = virtualClock();
  const inner = memory({ now: () => clock.now() });
  const hung = storeWith(inner, () => ({ renew: async () => await new Promise(() => {}) }));
  const { clock: deaf, faults } = faultyClock(clock);
  faults.swallows = (delayMs) => delayMs === 600_000;
  const writer = await opened({ workflows: [napping], store: hung, watchdog: 0 }, deaf);
  await writer.baton.start(napping, 1, { id: "r" });
  await clock.advance(12 * 60_000);
  const outside = await open({ store: inner, workflows: [], readOnly: true, clock });
  expect(await clock.until(outside.health())).toMatchObject({
    stuck: [{ reason: "unattended", message: expect.stringContaining("no sign of life") }],
    store: { worked: "nobody", holder: expect.any(String) },
  });
  await clock.until(outside.close());
});
