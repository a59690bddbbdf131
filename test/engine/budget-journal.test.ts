/** The stream of a budget: batched, verifiable, and read from its end only. */
import {
  agent,
  type Baton,
  budget,
  type JournalStore,
  memory,
  open,
  type StoreFactory,
} from "baton";
import { countedIds, virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { anything, gate, of, opened, payloadsOf, single } from "../support/opened.ts";

/** The entries of the budget's stream, as they are stored. */
async function stored(factory: StoreFactory) {
  const store = await factory({ readOnly: true });
  const entries = await store.read({ namespace: "default", stream: "budget/spend" }, 0, 10_000);
  await store.close();
  return entries.map(
    ({ text }) => JSON.parse(text) as { kind: string; payload: Record<string, unknown> },
  );
}

function asking(calls: number, execute: (input: number) => unknown, concurrency?: number) {
  return single(
    agent({
      name: "asks",
      version: "1.0.0",
      input: of<number>(),
      output: anything,
      budgets: [budget("spend", { calls })],
      ...(concurrency === undefined ? {} : { concurrency }),
      execute,
    }),
  );
}

async function startAll(baton: Baton, flow: ReturnType<typeof asking>, from: number, to: number) {
  return await Promise.all(
    Array.from({ length: to - from }, (_, i) =>
      baton.start(flow, from + i, { id: `run-${from + i}` }),
    ),
  );
}

test("calls that come together share entries", async () => {
  const store = memory();
  const flow = asking(1_000, () => 1);
  const { baton, clock } = await opened({ store, workflows: [flow] });
  const runs = await startAll(baton, flow, 0, 500);
  await clock.until(Promise.all(runs.map((run) => run.outcome())));
  await clock.settle();
  const entries = await stored(store);
  expect(entries.length).toBeLessThan(50);
  expect(entries.at(-1)?.payload["spent"]).toEqual({ calls: 500 });
  expect((await baton.verify()).problems).toEqual([]);
});

test("a call that takes long does not make its budget's end long: what is open is written again", async () => {
  const clock = virtualClock();
  const hangs = gate();
  const factory = memory({ now: () => clock.now() });
  const flow = asking(10_000, async (input) => {
    if (input === 0) await hangs.promise;
    return input;
  });
  let most = 0;
  const counting: StoreFactory = async (mode) => {
    const store: JournalStore = await factory(mode);
    return {
      ...store,
      read: async (stream, from, limit) => {
        const entries = await store.read(stream, from, limit);
        if (stream.stream === "budget/spend") most = Math.max(most, entries.length);
        return entries;
      },
    };
  };
  const first = await opened({ store: factory, workflows: [flow] }, clock);
  await first.baton.start(flow, 0, { id: "run-0" });
  // One after the other: each makes entries of its own.
  for (let i = 1; i < 150; i += 1) {
    const run = await first.baton.start(flow, i, { id: `run-${i}` });
    await run.outcome();
  }
  await clock.settle();
  await clock.until(first.baton.close({ graceMs: 0 }));
  expect((await stored(factory)).length).toBeGreaterThan(250);
  const second = await clock.until(
    open({ store: counting, workflows: [flow], clock, ids: countedIds() }),
  );
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(201);
  // The call that hung was lost with its process: it may have been made, and is made again.
  hangs.open();
  await clock.until((await second.run("run-0")).outcome());
  await clock.settle();
  expect((await second.budgets())[0]).toMatchObject({
    spent: { calls: 151 },
    reserved: { calls: 0 },
  });
  expect(await payloadsOf(second, "run-0", "attempt.unknown")).toMatchObject([{ lost: true }]);
  expect((await second.replay("run-0")).differences).toEqual([]);
  expect((await second.verify()).problems).toEqual([]);
  await clock.until(second.close({ graceMs: 0 }));
});

test("a reader sees how budgets stand, and a process without the code what was spent", async () => {
  const store = memory();
  const flow = asking(10, () => 1);
  const { baton, clock } = await opened({ store, workflows: [flow] });
  await clock.until((await baton.start(flow, 1, { id: "a" })).outcome());
  await clock.settle();
  const reader = await open({ store, workflows: [flow], readOnly: true, clock });
  expect(await reader.budgets()).toMatchObject([
    { name: "spend", limit: { calls: 10 }, left: { calls: 9 } },
  ]);
  await reader.close();
  const stranger = await open({ store, workflows: [], readOnly: true, clock });
  const [spend] = await stranger.budgets();
  expect(spend).toMatchObject({ name: "spend", spent: { calls: 1 }, users: [] });
  expect(spend).not.toHaveProperty("limit");
  await stranger.close();
});
