/**
 * A process that dies at each of its appends, and the next one that goes on: the runs end as they would have ended.
 * The workflow has every kind of step, so that each kind is met in each of its moments.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Baton, type Entry, memory, open, type StoreFactory, workflow } from "baton";
import { sqlite } from "baton/sqlite";
import {
  countedIds,
  type Fault,
  faultyStore,
  type VirtualClock,
  VIRTUAL_START_MS,
  virtualClock,
} from "baton/testing";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { ADA, agentOf, count, entriesOf, of } from "../support/opened.ts";

/** What the agents of one process did. Once it has died, what is still running in this test does nothing any more. */
interface World {
  readonly isDead: () => boolean;
  /** `run path turn` of each execution, and `run path turn once` of each effect. */
  readonly acts: string[];
}

const Tally = of<{ total: number }>();

/** Every kind of step; agents that fail at first, in a way that does not depend on what this process has seen. */
function everything(world: World) {
  const act = (what: string) => {
    if (world.isDead()) throw new Error("This process has died.");
    world.acts.push(what);
  };
  const add = agentOf("add", async (n: number, ctx) => {
    act(`${ctx.run} ${ctx.path} ${ctx.turn}`);
    const effect = await ctx.once("effect", () => {
      act(`${ctx.run} ${ctx.path} ${ctx.turn} effect`);
      return n + 1;
    });
    return effect;
  });
  const shaky = agentOf(
    "shaky",
    (n: number, ctx) => {
      act(`${ctx.run} ${ctx.path} ${ctx.turn}`);
      if (ctx.attempt < 2) throw new Error("not yet");
      return n * 2;
    },
    { attempts: 2 },
  );
  const drafting = agentOf("drafting", (_: number, ctx) => {
    act(`${ctx.run} ${ctx.path} ${ctx.turn}`);
    return { quality: ctx.turn };
  });
  const inner = workflow("inner", "1.0.0", { input: count })
    .step("x", add, { input: ({ input }) => input })
    .step("y", shaky, { needs: ["x"], input: ({ x }) => x })
    .output(({ y }) => y);
  return workflow("everything", "1.0.0", { input: count, output: Tally })
    .step("first", add, { input: ({ input }) => input })
    .step("skipped", add, { when: () => false, input: ({ input }) => input })
    .step("draft", drafting, { input: ({ input }) => input })
    .step("review", add, {
      needs: ["draft"],
      requires: { "the draft is good": ({ draft }) => draft.quality >= 1 },
      onRefused: { sendBack: "draft", turns: 2 },
      input: ({ draft }) => draft.quality,
    })
    .map("items", shaky, {
      needs: ["first"],
      over: ({ first }) => [first, first + 1, first + 2],
      input: (item) => item,
      concurrency: 2,
    })
    .branch("way", { needs: ["first"], choose: (): "flow" | "agent" => "flow" }, (take) =>
      take
        .case("flow", inner, { input: ({ first }) => first })
        .case("agent", add, { input: ({ first }) => first }),
    )
    .branch("other", { needs: ["first"], choose: (): "flow" | "agent" => "agent" }, (take) =>
      take
        .case("flow", inner, { input: ({ first }) => first })
        .case("agent", shaky, { input: ({ first }) => first }),
    )
    .repeat("grow", shaky, {
      needs: ["first"],
      input: ({ first }, previous) => previous ?? first,
      until: (n) => n >= 8,
      limit: 5,
    })
    .subflow("sub", inner, { needs: ["items"], input: ({ items }) => items.length })
    .sleep("nap", { needs: ["sub"], for: "10m" })
    .approval("ok", { needs: ["nap"], show: () => "please", timeout: "24h" })
    .awaitSignal("money", { needs: ["nap"], contract: count, timeout: "24h" })
    .step("last", add, {
      needs: ["review", "items", "way", "other", "grow", "sub", "ok", "money"],
      input: ({ review, items, way, other, grow, sub, ok, money }) =>
        review +
        items.reduce((a, b) => a + b, 0) +
        way +
        other +
        grow +
        sub +
        (ok.approved ? 1_000 : 0) +
        money,
    })
    .output(({ last }) => ({ total: last }));
}

/** The first appends register the two workflows; without them Baton rightly refuses to open. */
const AT_OPEN = 2;

interface Process {
  readonly acts: readonly string[];
  readonly ended: boolean;
  readonly appends: number;
  readonly clock: VirtualClock;
}

/** One process: it opens the store, starts or joins the run, answers what it waits for, and sees it to its end or dies. */
async function live(
  store: StoreFactory,
  fault: (append: number) => Fault,
  startMs: number,
): Promise<Process> {
  const faulty = faultyStore(store, fault);
  const acts: string[] = [];
  const clock = virtualClock(startMs);
  const flow = everything({ isDead: faulty.isDead, acts });
  const work = async (): Promise<boolean> => {
    const baton = await open({
      store: faulty.factory,
      workflows: [flow],
      clock,
      ids: countedIds(0, `id-${startMs}`),
    });
    const run = await insist(clock, () => baton.start(flow, 1, { id: "r" }));
    const outcome = run.outcome();
    await answered(baton, clock, outcome);
    expect(await outcome).toEqual({ kind: "completed", output: { total: 1_054 } });
    await baton.close({ graceMs: 0 });
    return true;
  };
  const ended = await clock.until(Promise.race([work(), faulty.crashed.then(() => false)]));
  return { acts: [...acts], ended, appends: faulty.appends(), clock };
}

/** A start that the store refuses is made again, with the same id. */
async function insist<X>(clock: VirtualClock, start: () => Promise<X>): Promise<X> {
  for (;;) {
    try {
      return await start();
    } catch {
      await new Promise<void>((resolve) => clock.after(1_000, resolve));
    }
  }
}

/** Answers every minute, with the same id each time, until the run has ended. */
async function answered(baton: Baton, clock: VirtualClock, outcome: Promise<unknown>) {
  let over = false;
  outcome.then(
    () => {
      over = true;
    },
    () => {
      over = true;
    },
  );
  const answer = async () => {
    while (!over) {
      await new Promise<void>((resolve) => clock.after(60_000, resolve));
      await baton.approve("r", "ok", { approved: true, by: ADA }).catch(() => {});
      await baton.signal("r", "money", 7, { by: ADA, id: "s" }).catch(() => {});
    }
  };
  void answer();
  await outcome;
}

interface Story {
  readonly entries: ReadonlyMap<string, readonly Entry[]>;
  /** `run path turn`, or with `effect`, of all that is committed. */
  readonly committed: readonly string[];
}

async function read(store: StoreFactory): Promise<Story> {
  const baton = await open({ store, workflows: [], readOnly: true });
  const entries = new Map<string, readonly Entry[]>();
  for (const { id } of await baton.runs()) entries.set(id, await entriesOf(baton, id));
  const report = await baton.verify();
  expect(report.problems).toEqual([]);
  await baton.close();
  const committed: string[] = [];
  for (const [run, each] of entries) {
    for (const { kind, path, turn } of each) {
      const place = `${run} ${path} ${turn ?? 0}`;
      if (kind === "step.sealed" || kind === "item.sealed") committed.push(place);
      if (kind === "once.recorded") committed.push(`${place} effect`);
    }
  }
  return { entries, committed };
}

/** The values of every run by step, without the times that they hold. */
function statesOf({ entries }: Story): unknown {
  const states: Record<string, Record<string, unknown>> = {};
  for (const [run, each] of entries) {
    const state: Record<string, unknown> = {};
    for (const { kind, path, payload } of each) {
      if (kind === "step.sealed" && path !== "nap") state[path ?? ""] = payload["output"];
      if (kind === "step.skipped") state[path ?? ""] = "skipped";
    }
    states[run] = { ...state, end: each.at(-1)?.kind };
  }
  return states;
}

function expectWhole(story: Story, before: unknown): void {
  const { committed } = story;
  expect(statesOf(story)).toEqual(before);
  // Promise 3: at most one result for each run, path and turn.
  expect(new Set(committed).size).toBe(committed.length);
  for (const each of story.entries.values())
    expect(each.map(({ seq }) => seq)).toEqual([...each.keys()]);
}

const smooth = async () => {
  const store = memory();
  const { ended, appends } = await live(store, () => "commit", VIRTUAL_START_MS);
  expect(ended).toBe(true);
  return { appends, states: statesOf(await read(store)) };
};

test("promises 3 and 4: a process may die before or after any of its appends, and the next one ends the run as it would have ended", async () => {
  const { appends, states } = await smooth();
  expect(appends).toBeGreaterThan(25);
  for (let k = 1; k <= appends; k += 1) {
    for (const fault of ["crashBefore", "crashAfter"] as const) {
      const store = memory();
      const first = await live(store, (n) => (n === k ? fault : "commit"), VIRTUAL_START_MS);
      expect(first.ended).toBe(false);
      const { committed } = await read(store);
      const second = await live(store, () => "commit", first.clock.now());
      expect(second.ended).toBe(true);
      expectWhole(await read(store), states);
      const again = second.acts.filter((act) => committed.includes(act));
      expect({ k, fault, again }).toEqual({ k, fault, again: [] });
    }
  }
}, 120_000);

test("promise 4: it may die again and again", async () => {
  const { states } = await smooth();
  const store = memory();
  let startMs = VIRTUAL_START_MS;
  for (let lives = 0; lives < 100; lives += 1) {
    const { committed } = await read(store);
    const { ended, acts, clock } = await live(
      store,
      (n) => (n === 4 ? "crashAfter" : "commit"),
      startMs,
    );
    expect(acts.filter((act) => committed.includes(act))).toEqual([]);
    startMs = clock.now();
    if (ended) break;
  }
  expectWhole(await read(store), states);
}, 60_000);

test("promise 4: the same holds in a real file", async () => {
  const { appends, states } = await smooth();
  const folder = mkdtempSync(join(tmpdir(), "baton-recovery-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (let k = 2; k <= appends; k += 8) {
    const store = sqlite(join(folder, `${k}.db`));
    const first = await live(store, (n) => (n === k ? "crashAfter" : "commit"), VIRTUAL_START_MS);
    const { committed } = await read(store);
    const second = await live(store, () => "commit", first.clock.now());
    expect(second.acts.filter((act) => committed.includes(act))).toEqual([]);
    expectWhole(await read(store), states);
  }
}, 120_000);

test("promise 3: an append whose answer was lost is recognised, whichever it is, and nothing is executed twice for it", async () => {
  const { appends, states } = await smooth();
  for (let k = AT_OPEN + 1; k <= appends; k += 1) {
    const store = memory();
    const { ended, acts } = await live(
      store,
      (n) => (n === k ? "loseAnswer" : "commit"),
      VIRTUAL_START_MS,
    );
    expect(ended).toBe(true);
    expectWhole(await read(store), states);
    const effects = acts.filter((act) => act.endsWith("effect"));
    expect(new Set(effects).size).toBe(effects.length);
  }
}, 120_000);

test("promise 11: a store that fails for a while holds a run up, wherever it is, and loses and doubles nothing", async () => {
  const { appends, states } = await smooth();
  for (let k = AT_OPEN + 1; k <= appends; k += 1) {
    const store = memory();
    const { ended } = await live(
      store,
      (n) => (n >= k && n < k + 5 ? "fail" : "commit"),
      VIRTUAL_START_MS,
    );
    expect(ended).toBe(true);
    expectWhole(await read(store), states);
  }
}, 120_000);

test("promise 8: journals of processes that died replay through today's code without a difference", async () => {
  const store = memory();
  const first = await live(store, (n) => (n === 20 ? "crashAfter" : "commit"), VIRTUAL_START_MS);
  await live(store, () => "commit", first.clock.now());
  const flow = everything({ isDead: () => false, acts: [] });
  const baton = await open({ store, workflows: [flow], readOnly: true });
  for (const { id } of await baton.runs()) {
    expect(await baton.replay(id)).toMatchObject({ differences: [] });
  }
  await baton.close();
});

/** A run that fails while a child run waits, a sibling is in its pause and a map is half done. */
function failing(world: World) {
  const act = () => {
    if (world.isDead()) throw new Error("This process has died.");
  };
  const boom = agentOf(
    "boom",
    (_: number): number => {
      act();
      throw new Error("it broke");
    },
    { attempts: 2 },
  );
  const echo = agentOf("echo", (n: number) => {
    act();
    return n;
  });
  const inner = workflow("inner", "1.0.0", { input: count })
    .step("x", echo, { input: ({ input }) => input })
    .approval("never", { needs: ["x"], show: () => 1, timeout: "24h" })
    .output(({ x }) => x);
  return workflow("failing", "1.0.0", { input: count })
    .subflow("sub", inner, { input: ({ input }) => input })
    .step("a", echo, { input: ({ input }) => input })
    .step("b", boom, { needs: ["a"], input: ({ a }) => a })
    .output(({ b }) => b);
}

test.each(["it fails", "it is cancelled"])(
  "promise 4: wherever the process dies, a run ends as it would have ended when %s, and no child run is left behind",
  async (how) => {
    const isCancelled = how === "it is cancelled";
    const go = async (store: StoreFactory, fault: (append: number) => Fault, startMs: number) => {
      const faulty = faultyStore(store, fault);
      const clock = virtualClock(startMs);
      const flow = failing({ isDead: faulty.isDead, acts: [] });
      const work = async () => {
        const baton = await open({ store: faulty.factory, workflows: [flow], clock });
        const run = await baton.start(flow, 1, { id: "r" });
        const outcome = run.outcome();
        if (isCancelled) await new Promise<void>((resolve) => clock.after(50, resolve));
        if (isCancelled) await baton.cancel("r", { by: ADA, reason: "enough" }).catch(() => {});
        const { kind } = await outcome;
        // A process that begins late may find that the run has failed before it is cancelled.
        expect(isCancelled ? ["cancelled", "failed"] : ["failed"]).toContain(kind);
        await baton.close({ graceMs: 0 });
      };
      await clock.until(Promise.race([work(), faulty.crashed]));
      return { appends: faulty.appends(), nowMs: clock.now() };
    };
    const { appends } = await go(memory(), () => "commit", VIRTUAL_START_MS);
    for (let k = AT_OPEN + 1; k <= appends; k += 1) {
      for (const fault of ["crashBefore", "crashAfter"] as const) {
        const store = memory();
        const first = await go(store, (n) => (n === k ? fault : "commit"), VIRTUAL_START_MS);
        await go(store, () => "commit", first.nowMs);
        const { entries } = await read(store);
        const ends = [...entries.values()].map((each) => each.at(-1)?.kind);
        expect({ k, fault, ends }).toEqual({
          k,
          fault,
          ends: ends.map((kind) => kind?.match(/^run\.(failed|cancelled)$/)?.[0]),
        });
      }
    }
  },
  60_000,
);

test("promises 3, 4 and 11: whatever mixture of faults there is, the run ends as it would have ended", async () => {
  const { states } = await smooth();
  const fault = fc.oneof(
    { weight: 6, arbitrary: fc.constant<Fault>("commit") },
    {
      weight: 4,
      arbitrary: fc.constantFrom<Fault>("fail", "loseAnswer", "crashBefore", "crashAfter"),
    },
  );
  const lives = fc.array(fc.array(fault, { minLength: 1, maxLength: 40 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(lives, async (plan) => {
      const store = memory();
      let startMs = VIRTUAL_START_MS;
      for (const faults of [...plan, []]) {
        const { committed } = await read(store);
        const { acts, clock, ended } = await live(
          store,
          (n) => faults[n - 1 - AT_OPEN] ?? "commit",
          startMs,
        );
        expect(acts.filter((act) => committed.includes(act))).toEqual([]);
        startMs = clock.now();
        if (ended) break;
      }
      expectWhole(await read(store), states);
    }),
    { numRuns: 40 },
  );
}, 120_000);
