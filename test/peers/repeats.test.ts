/**
 * Reported of AgentKit: a network's state is reset on replay, and its router is called 11 times for 3 decisions (#196, PR#206;
 * inngest #212). Of Conductor: tasks are scheduled twice from stale reads (#208).
 */
import { type JournalStore, type StoreFactory, workflow } from "baton";
import { expect, test } from "vitest";
import { agentOf, count, entriesOf, of, opened } from "../support/opened.ts";
import { restarting, sqlitePlace } from "../support/restarting.ts";
import { virtualClock } from "baton/testing";

interface Route {
  readonly next: string;
  readonly notes: readonly string[];
}

test("a router that decides three times is called three times, and keeps its state, over as many restarts", async () => {
  const calls: string[] = [];
  const router = agentOf("router", async ({ previous }: { previous?: Route }, { path, run }) => {
    calls.push(`${run} ${path}`);
    const notes = [...(previous?.notes ?? []), `note ${previous?.notes.length ?? 0}`];
    return { next: notes.length < 3 ? "again" : "done", notes };
  });
  const flow = workflow("routing", "1.0.0", { input: count, output: of<Route>() })
    .repeat("route", router, {
      input: (_state, previous) => (previous === undefined ? {} : { previous }),
      until: ({ next }) => next === "done",
      limit: 10,
    })
    .sleep("nap", { needs: ["route"], for: "1h" })
    .output(({ route }) => route);
  const here = await restarting({ workflows: [flow] });
  await here.baton().start(flow, 1, { id: "r" });
  await here.clock.settle();
  for (let times = 0; times < 5; times += 1) await here.restart();
  const run = await here.baton().run("r");
  expect(await here.clock.until(run.result())).toEqual({
    next: "done",
    notes: ["note 0", "note 1", "note 2"],
  });
  expect(calls).toEqual(["r route#0", "r route#1", "r route#2"]);
});

test("between the rounds, too: a process that ends after each decision calls the router once for each", async () => {
  const calls: string[] = [];
  const { store } = sqlitePlace();
  const clock = virtualClock();
  // The process ends while the round after the next is being decided.
  for (let life = 0; life < 4; life += 1) {
    let mine = 0;
    const router = agentOf("router", async (n: number, { path }) => {
      mine += 1;
      if (mine > 1) return await new Promise<number>(() => {});
      calls.push(path);
      return n + 1;
    });
    const flow = workflow("routing", "1.0.0", { input: count })
      .repeat("route", router, {
        input: (_state, previous) => previous ?? 0,
        until: (n) => n >= 4,
        limit: 10,
      })
      .output(({ route }) => route);
    const { baton } = await opened({ workflows: [flow], store }, clock);
    const run = await baton.start(flow, 1, { id: "r" });
    if (life === 3) expect(await clock.until(run.result())).toBe(4);
    else await clock.settle();
    await clock.until(baton.close({ graceMs: 0 }));
  }
  expect(calls).toEqual(["route#0", "route#1", "route#2", "route#3"]);
});

/** A store whose index answers with what it knew a while ago, as a replica that lags behind does. */
function lagging(store: StoreFactory): StoreFactory {
  return async (mode) => {
    const made = await store(mode);
    const known = new Map<string, Awaited<ReturnType<JournalStore["head"]>>>();
    return {
      ...made,
      head: async (stream) => {
        const now = await made.head(stream);
        const before = known.has(stream.stream) ? known.get(stream.stream) : now;
        known.set(stream.stream, now);
        return before;
      },
    };
  };
}

test("promise 3: a stale index schedules nothing twice, and ends nothing", async () => {
  const { store } = sqlitePlace();
  const clock = virtualClock();
  const calls: string[] = [];
  const add = agentOf("add", async (n: number, { run, path }) => {
    calls.push(`${run} ${path}`);
    return n + 1;
  });
  const inner = workflow("inner", "1.0.0", { input: count })
    .step("x", add, { input: ({ input }) => input })
    .output(({ x }) => x);
  const flow = workflow("stale", "1.0.0", { input: count })
    .step("a", add, { input: ({ input }) => input })
    .subflow("inner", inner, { needs: ["a"], input: ({ a }) => a })
    .step("b", add, { needs: ["inner"], input: ({ inner: given }) => given })
    .output(({ b }) => b);
  const { baton } = await opened({ workflows: [flow, inner], store: lagging(store) }, clock);
  const ids = Array.from({ length: 20 }, (_, i) => `r${i}`);
  // Each is started, asked for and started again while it goes on.
  for (const id of ids) {
    await baton.start(flow, 1, { id });
    await baton.start(flow, 1, { id });
    await baton.run(id).catch(() => {});
  }
  const runs = await Promise.all(ids.map((id) => baton.start(flow, 1, { id })));
  expect(await clock.until(Promise.all(runs.map((run) => run.result())))).toEqual(ids.map(() => 4));
  expect(new Set(calls).size).toBe(calls.length);
  expect(calls).toHaveLength(60);
  for (const id of ids) {
    const kinds = (await entriesOf(baton, id)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "step.sealed")).toHaveLength(3);
  }
});
