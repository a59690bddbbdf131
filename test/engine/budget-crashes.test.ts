/** A budget of calls, and processes that end and die: no more calls than it has, and nothing that is lost for ever. */
import {
  agent,
  type Baton,
  budget,
  memory,
  open,
  type StoreFactory,
  type Workflow,
  workflow,
} from "baton";
import {
  countedIds,
  type Fault,
  faultyStore,
  type VirtualClock,
  virtualClock,
} from "baton/testing";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { anything, of } from "../support/opened.ts";

interface World {
  calls: number;
  isDead: () => boolean;
}

/** Each run wants three calls, two of them at the same time. */
function asking(world: World, calls: number): Workflow<number, unknown> {
  const asks = agent({
    name: "asks",
    version: "1.0.0",
    input: of<number>(),
    output: anything,
    retry: { attempts: 1 },
    concurrency: 7,
    budgets: [budget("spend", { calls })],
    execute: async (input) => {
      // What still runs in this test after its process has died makes no call.
      if (!world.isDead()) world.calls += 1;
      await new Promise<void>((resolve) => setImmediate(resolve));
      return input;
    },
  });
  return workflow("asking", "1.0.0", { input: of<number>() })
    .step("a", asks, { input: ({ input }) => input })
    .step("b", asks, { input: ({ input }) => input })
    .step("c", asks, { needs: ["input", "a", "b"], input: ({ input }) => input })
    .output(() => 1);
}

async function opening(
  clock: VirtualClock,
  store: StoreFactory,
  flow: Workflow<number, unknown>,
): Promise<Baton> {
  return await clock.until(open({ store, workflows: [flow], clock, ids: countedIds() }));
}

async function startAll(baton: Baton, flow: Workflow<number, unknown>, runs: number) {
  return await Promise.all(
    Array.from({ length: runs }, (_, i) => baton.start(flow, i, { id: `run-${i}` })),
  );
}

test("promise 13: 200 runs side by side make exactly as many calls as their budget has, over two restarts", async () => {
  const world: World = { calls: 0, isDead: () => false };
  const flow = asking(world, 50);
  const clock = virtualClock();
  const store = memory({ now: () => clock.now() });
  let baton = await opening(clock, store, flow);
  void startAll(baton, flow, 200).catch(() => {});
  for (let restart = 0; restart < 2; restart += 1) {
    // Closed in the middle of its work: calls that are under way may end, and no other begins.
    while (world.calls < 15 * (restart + 1))
      await new Promise<void>((resolve) => setImmediate(resolve));
    await clock.until(baton.close({ graceMs: 1_000 }));
    expect(world.calls).toBeLessThan(25 * (restart + 1));
    baton = await opening(clock, store, flow);
  }
  const runs = await clock.until(startAll(baton, flow, 200));
  await clock.until(Promise.all(runs.map((run) => run.outcome())));
  await clock.settle();
  expect(world.calls).toBe(50);
  expect((await baton.budgets())[0]).toMatchObject({
    spent: { calls: 50 },
    reserved: { calls: 0 },
    left: { calls: 0 },
  });
  expect((await baton.verify()).problems).toEqual([]);
  await clock.until(baton.close({ graceMs: 0 }));
});

const RUNS = 6;
const LIMIT = 9;

/** Runs all of it, through as many processes as it takes. `fault` is asked for each append of each process but the last. */
async function lived(faults: readonly Parameters<typeof faultyStore>[1][]) {
  const clock = virtualClock();
  const store = memory({ now: () => clock.now() });
  const world: World = { calls: 0, isDead: () => false };
  let begun = 0;
  let appends = 0;
  for (const fault of [...faults, () => "commit" as const]) {
    const dying = faultyStore(store, fault);
    world.isDead = dying.isDead;
    // An agent of its own for each process: what one that died still does is its own matter.
    const mine: World = { calls: 0, isDead: dying.isDead };
    const flow = asking(mine, LIMIT);
    const ended = (async () => {
      const baton = await open({
        store: dying.factory,
        workflows: [flow],
        clock,
        ids: countedIds(),
      });
      const runs = await startAll(baton, flow, RUNS);
      await Promise.all(runs.map((run) => run.outcome()));
      await clock.settle();
      await baton.close({ graceMs: 1_000 });
    })();
    ended.catch(() => {});
    await clock.until(Promise.race([ended, dying.crashed]));
    world.calls += mine.calls;
    appends = dying.appends();
  }
  const baton = await opening(clock, store, asking({ calls: 0, isDead: () => false }, LIMIT));
  onTestFinished(() => clock.until(baton.close({ graceMs: 0 })).catch(() => {}));
  for (const { id } of await baton.runs())
    for await (const { entry } of baton.entries(id)) if (entry.kind === "attempt.begun") begun += 1;
  const [spend] = await baton.budgets();
  const { problems } = await baton.verify();
  return { calls: world.calls, begun, appends, spend, problems };
}

function expectKept({ calls, begun, spend, problems }: Awaited<ReturnType<typeof lived>>): void {
  expect(calls).toBeLessThanOrEqual(LIMIT);
  // Whatever was begun counts, whether its process lived to make the call or not; nothing is left set aside.
  expect(begun).toBe(LIMIT);
  expect(spend).toMatchObject({ spent: { calls: LIMIT }, reserved: { calls: 0 } });
  expect(problems).toEqual([]);
}

test("promise 13: a process that dies at any of its appends neither overshoots a budget nor loses a part of it", async () => {
  const calm = await lived([]);
  expectKept(calm);
  expect(calm.calls).toBe(LIMIT);
  for (const kind of ["crashBefore", "crashAfter"] as const)
    for (let at = 1; at <= calm.appends; at += 1)
      expectKept(await lived([(append) => (append === at ? kind : "commit")]));
}, 60_000);

test("promise 13: nor do several that die one after the other, with answers that are lost in between", async () => {
  const fault = fc.constantFrom<Fault>(
    "commit",
    "commit",
    "commit",
    "commit",
    "fail",
    "loseAnswer",
  );
  const life = fc.record({
    dies: fc.integer({ min: 2, max: 30 }),
    how: fc.constantFrom<Fault>("crashBefore", "crashAfter"),
    before: fc.array(fault, { minLength: 30, maxLength: 30 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 3 }), async (lives) => {
      expectKept(
        await lived(
          lives.map(({ dies, how, before }) => (append, { streams }) => {
            if (append === dies) return how;
            // Whoever starts a run, or registers a workflow, is told of a failure, and there is nobody here to try again.
            const isFirst = streams.some(
              ({ expectedSeq, stream }) => expectedSeq < 0 && !stream.startsWith("budget/"),
            );
            return isFirst ? "commit" : (before[append] ?? "commit");
          }),
        ),
      );
    }),
    { numRuns: 25 },
  );
}, 60_000);
