import { agent, choreography, contract, memory, on, topic, workflow } from "baton";
import { faultyStore } from "baton/testing";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { ADA, entriesOf, opened } from "../support/opened.ts";

const Order = contract("order", "1.0.0", z.object({ id: z.string(), n: z.int() }));
const Ordered = topic("ordered", Order, { key: ({ id }) => id });
const Packed = topic("packed", Order);
const seen: string[] = [];
const packing = agent({
  name: "packing",
  version: "1.0.0",
  input: Order,
  output: Order,
  execute: ({ id, n }) => {
    seen.push(`${id}${n}`);
    return { id, n };
  },
});
const pack = choreography("pack", "1.0.0", {
  starts: Ordered,
  ends: Packed,
  deadline: "10m",
  subscriptions: { pack: on(Ordered, packing, { publishes: Packed }) },
});
const Relayed = topic("relayed", Order);
/** Slow enough for the runs of several events to be open at the same time. */
const relay = choreography("relay", "1.0.0", {
  starts: Ordered,
  ends: Packed,
  deadline: "10m",
  concurrency: 10,
  subscriptions: {
    relay: on(Ordered, packing, { publishes: Relayed }),
    pack: on(Relayed, packing, { publishes: Packed }),
  },
});
const REASON = { by: ADA, reason: "to see" };

describe("events from outside", () => {
  test("an event begins a run of each choreography that starts with its topic, once", async () => {
    seen.length = 0;
    const { baton, clock } = await opened({ workflows: [pack] });
    const event = { id: "o1", n: 1 };
    const told = await clock.until(baton.publish(Ordered, event, { id: "e1" }));
    expect(told).toEqual({ id: "e1", topic: "ordered", correlation: "e1" });
    expect(await clock.until(baton.publish(Ordered, event, { id: "e1" }))).toEqual(told);
    await clock.settle();
    expect(seen).toEqual(["o11"]);
    expect(await clock.until(baton.runs({}))).toMatchObject([
      { id: "e1/pack", status: "completed" },
    ]);
    await expect(
      clock.until(baton.publish(Ordered, { id: "o1", n: 2 }, { id: "e1" })),
    ).rejects.toMatchObject({ code: "EVENT_CONFLICT" });
    const both = [
      { id: "o2", n: 1 },
      { id: "o2", n: 2 },
    ].map((each) => baton.publish(Ordered, each, { id: "e2" }));
    expect(await clock.until(Promise.allSettled(both))).toMatchObject([
      { status: "fulfilled" },
      { status: "rejected", reason: { code: "EVENT_CONFLICT" } },
    ]);
    await expect(
      // @ts-expect-error The data is not an order.
      clock.until(baton.publish(Ordered, { id: 7 })),
    ).rejects.toMatchObject({ code: "EVENT_REFUSED" });
    expect(await clock.until(baton.verify())).toMatchObject({ problems: [] });
  });

  test("an event that two publish in the same moment is published once; another of its id is a conflict", async () => {
    const { baton, clock } = await opened({ workflows: [pack] });
    const ways = [
      { data: { id: "o1", n: 1 }, by: ADA },
      { data: { id: "o1", n: 1 }, by: { kind: "person", id: "grace" } },
      { data: { id: "o1", n: 2 }, by: ADA },
    ] as const;
    const told = await clock.until(
      Promise.allSettled(
        ways.map(({ data, by }) => baton.publish(Ordered, data, { id: "e1", by })),
      ),
    );
    expect(told).toMatchObject([
      { status: "fulfilled", value: { id: "e1" } },
      { status: "fulfilled", value: { id: "e1" } },
      { status: "rejected", reason: { code: "EVENT_CONFLICT" } },
    ]);
    await clock.settle();
    expect(await clock.until(baton.runs({}))).toMatchObject([{ id: "e1/pack" }]);
    expect(await clock.until(baton.event("e1"))).toMatchObject({ by: ADA, data: { n: 1 } });
  });

  test("a subscription is paused, resumed and rewound; each is in the journal", async () => {
    seen.length = 0;
    const { baton, clock } = await opened({ workflows: [pack] });
    await clock.until(baton.pauseSubscription("pack", REASON));
    for (const n of [1, 2, 3]) await clock.until(baton.publish(Ordered, { id: "a", n }));
    await clock.settle();
    expect(seen).toEqual([]);
    expect(await clock.until(baton.subscriptions())).toMatchObject([
      { name: "pack", topic: "ordered", lag: 3, paused: true },
    ]);
    await clock.until(baton.resumeSubscription("pack", REASON));
    await clock.settle();
    expect(seen).toEqual(["a1", "a2", "a3"]);
    expect(await clock.until(baton.subscriptions())).toMatchObject([{ lag: 0, paused: false }]);
    await clock.until(baton.rewindSubscription("pack", REASON));
    await clock.settle();
    expect(seen).toEqual(["a1", "a2", "a3", "a1", "a2", "a3"]);
  });

  test("promise 11: what was published while nobody was there is taken when somebody is", async () => {
    seen.length = 0;
    const store = memory();
    const first = await opened({ workflows: [pack], store });
    await first.clock.until(first.baton.pauseSubscription("pack", REASON));
    await first.clock.until(first.baton.publish(Ordered, { id: "a", n: 1 }, { id: "e1" }));
    await first.clock.until(first.baton.resumeSubscription("pack", REASON));
    await first.clock.until(first.baton.close({ graceMs: 0 }));
    const { baton, clock } = await opened({ workflows: [pack], store });
    await clock.settle();
    expect(await clock.until((await clock.until(baton.run("e1/pack"))).result())).toEqual({
      id: "a",
      n: 1,
    });
    expect(seen).toEqual(["a1"]);
  });

  test("a workflow publishes, and awaits what a choreography makes of it, under one correlation id", async () => {
    const order = workflow("order", "1.0.0", { input: Order })
      .emit("ordered", Ordered, { data: ({ input }) => input })
      .awaitEvent("packed", Packed, { needs: ["ordered"], timeout: "1h" })
      .output(({ packed }) => packed);
    const { baton, clock } = await opened({ workflows: [order, pack] });
    const run = await clock.until(baton.start(order, { id: "x", n: 1 }, { id: "r" }));
    expect(await clock.until(run.result())).toEqual({ id: "x", n: 1 });
    const runs = await clock.until(baton.runs({}));
    expect(runs.map(({ id, status }) => [id, status])).toEqual([
      ["r/pack@1", "completed"],
      ["r", "completed"],
    ]);
  });

  test("runs of one choreography under one correlation id don't hear of each other", async () => {
    const twice = workflow("twice", "1.0.0", { input: Order })
      .emit("one", Ordered, { data: ({ input }) => input })
      .emit("two", Ordered, {
        needs: ["input", "one"],
        data: ({ input }) => ({ id: `${input.id} again`, n: input.n }),
      })
      .output(() => null);
    const { baton, clock } = await opened({ workflows: [twice, relay] });
    await clock.until(baton.start(twice, { id: "x", n: 1 }, { id: "r" }));
    await clock.settle();
    for (const run of ["r/relay@1", "r/relay@3"]) {
      const said = (await clock.until(entriesOf(baton, run))).map(({ kind }) => kind);
      expect(said.filter((kind) => kind === "step.sealed")).toHaveLength(2);
      expect(said.filter((kind) => kind === "event.received")).toHaveLength(1);
    }
  });
});

test("promise 11: what a run has published is taken, though the answer to its very first append was lost", async () => {
  let isLost = false;
  const faulty = faultyStore(memory(), (_, { streams }) => {
    if (isLost || !streams.some(({ stream }) => stream === "run/r")) return "commit";
    isLost = true;
    return "loseAnswer";
  });
  const { baton, clock } = await opened({
    workflows: [pack, relay],
    store: faulty.factory,
    watchdog: 0,
  });
  await clock.settle();
  await expect(
    clock.until(baton.start(pack, { id: "a", n: 1 }, { id: "r" })),
  ).rejects.toMatchObject({ code: "STORE_FAILED" });
  await clock.settle();
  const runs = await clock.until(baton.runs({}));
  // The event with which the one begins begins the other.
  expect(runs.map(({ id, status }) => [id, status])).toEqual([
    ["r/relay@1", "completed"],
    ["r", "completed"],
  ]);
});
