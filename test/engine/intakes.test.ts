/** Intakes under pressure: loops, rewinds under way, overload, order by key, closing. */
import { type Baton, choreography, contract, memory, on, type Topic, topic, workflow } from "baton";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { ADA, agentOf, type Gate, gate, opened } from "../support/opened.ts";

interface Order {
  readonly id: string;
  readonly n: number;
}

const Order = contract("order", "1.0.0", z.object({ id: z.string(), n: z.int() }));
const Keyed = topic("keyed", Order, { key: ({ id }) => id });
const Plain = topic("plain", Order);
const REASON = { by: ADA, reason: "to see" };

function taking(
  name: string,
  execute: (order: Order) => unknown,
  source: Topic<Order, string> = Plain,
) {
  const taker = agentOf<Order, unknown>(`${name}-agent`, execute);
  return choreography(name, "1.0.0", {
    starts: source,
    subscriptions: { take: on(source, taker, { input: ({ event }) => event, onFailure: "fail" }) },
  });
}

async function runIds(baton: Baton): Promise<readonly string[]> {
  return (await baton.runs({ limit: 1_000 })).map(({ id }) => id).sort();
}

describe("an intake", () => {
  test("begins no run for what a run of the same choreography publishes to the topic that it starts with", async () => {
    const next = agentOf<Order, Order>("next", ({ id, n }) => ({ id, n: n + 1 }));
    const loop = choreography("loop", "1.0.0", {
      starts: Plain,
      subscriptions: {
        next: on(Plain, next, {
          input: ({ event }) => event,
          when: ({ event }) => event.n < 3,
          publishes: [{ topic: Plain, data: ({ id, n }) => ({ id, n }) }],
        }),
      },
    });
    const { baton, clock } = await opened({ workflows: [loop] });
    await clock.until(baton.publish(Plain, { id: "a", n: 0 }, { id: "e" }));
    await clock.settle();
    expect(await clock.until(runIds(baton))).toEqual(["e/loop"]);
  });

  test("waits where the process is overloaded: no event is passed over", async () => {
    const seen: number[] = [];
    const slow = taking("slow", async ({ n }) => {
      seen.push(n);
      return n;
    });
    const { baton, clock, log } = await opened({
      workflows: [slow],
      limits: { queuedRunsMax: 2, concurrentRunsMax: 1 },
    });
    for (let n = 0; n < 20; n += 1) await clock.until(baton.publish(Plain, { id: "a", n }));
    await clock.advance(60_000);
    expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(log.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("that is rewound while events are under way begins each of them again, and none is passed over", async () => {
    const gates: Gate[] = [];
    const seen: string[] = [];
    const order = taking(
      "order",
      async ({ id, n }) => {
        seen.push(`${id}${n}`);
        const held = gate();
        gates.push(held);
        await held.promise;
      },
      Keyed,
    );
    const { baton, clock } = await opened({ workflows: [order] });
    for (const n of [1, 2, 3])
      await clock.until(baton.publish(Keyed, { id: "a", n }, { id: `a${n}` }));
    await clock.settle();
    expect(seen).toEqual(["a1"]);
    await clock.until(
      Promise.all([
        baton.rewindSubscription("order", REASON),
        baton.rewindSubscription("order", REASON),
      ]),
    );
    for (let i = 0; i < 8; i += 1) {
      await clock.settle();
      gates.shift()?.open();
    }
    await clock.settle();
    expect(seen).toEqual(["a1", "a1", "a2", "a3"]);
    expect(await clock.until(baton.subscriptions())).toMatchObject([{ generation: 2, lag: 0 }]);
  });

  test("names what holds up events of a key, and goes on with all others", async () => {
    const seen: string[] = [];
    const order = choreography("order", "1.0.0", {
      starts: Keyed,
      concurrency: 1,
      subscriptions: {
        take: on(
          Keyed,
          agentOf<Order, null>("picky", ({ id, n }) => {
            if (id === "a") throw new Error("never");
            seen.push(`${id}${n}`);
            return null;
          }),
          { input: ({ event }) => event },
        ),
      },
    });
    const { baton, clock } = await opened({ workflows: [order] });
    for (const [id, n] of [
      ["a", 1],
      ["a", 2],
      ["b", 1],
      ["a", 3],
      ["b", 2],
    ] as const)
      await clock.until(baton.publish(Keyed, { id, n }, { id: `${id}${n}` }));
    await clock.advance(10_000);
    expect(seen).toEqual(["b1", "b2"]);
    expect(await clock.until(baton.subscriptions())).toMatchObject([
      { heldUp: [{ key: "a", run: "a1/order", events: 2 }], lag: 3 },
    ]);
  });

  test("promise 11: whenever the process is closed, what was published is taken afterwards, in order", async () => {
    for (let closesAt = 0; closesAt < 12; closesAt += 1) {
      const seen = new Map<string, number[]>();
      const order = taking(
        "order",
        ({ id, n }) => {
          const known = seen.get(id) ?? [];
          if (known.at(-1) !== n) known.push(n);
          seen.set(id, known);
        },
        Keyed,
      );
      const store = memory();
      const first = await opened({ workflows: [order], store });
      await first.clock.until(first.baton.pauseSubscription("order", REASON));
      for (let n = 0; n < 6; n += 1)
        await first.clock.until(first.baton.publish(Keyed, { id: n % 2 === 0 ? "a" : "b", n }));
      await first.clock.until(first.baton.resumeSubscription("order", REASON));
      for (let i = 0; i < closesAt; i += 1) await Promise.resolve();
      await first.clock.until(first.baton.close({ graceMs: 0 }));
      const second = await opened({ workflows: [order], store });
      await second.clock.settle();
      expect(Object.fromEntries(seen), `closed after ${closesAt}`).toEqual({
        a: [0, 2, 4],
        b: [1, 3, 5],
      });
      await second.clock.until(second.baton.close({ graceMs: 0 }));
    }
  });

  test("gives each event a run of its own, however its id looks", async () => {
    const count = taking("take", () => null);
    const { baton, clock } = await opened({ workflows: [count] });
    const events = [
      { id: "e", correlation: "e" },
      { id: "e1", correlation: "e" },
      { id: "e~1", correlation: "e" },
      { id: "x".repeat(128), correlation: "c".repeat(128) },
    ];
    for (const event of events)
      await clock.until(baton.publish(Plain, { id: event.id, n: 1 }, event));
    await clock.settle();
    await clock.until(baton.rewindSubscription("take", REASON));
    await clock.settle();
    const ids = await clock.until(runIds(baton));
    expect(new Set(ids).size).toBe(8);
    expect(ids).toEqual(expect.arrayContaining(["e/take", "e/take:e1", "e/take~1", "e/take~1:e1"]));
  });

  test("takes what a workflow publishes that a delivery has begun", async () => {
    const heard = taking("heard", () => null);
    const telling = workflow("telling", "1.0.0", { input: Order })
      .emit("tell", Plain, { data: ({ input }) => input })
      .output(() => null);
    const tells = choreography("tells", "1.0.0", {
      starts: Keyed,
      subscriptions: { tell: on(Keyed, telling, { input: ({ event }) => event }) },
    });
    const { baton, clock, log } = await opened({ workflows: [heard, tells, telling] });
    await clock.until(baton.publish(Keyed, { id: "a", n: 1 }, { id: "e" }));
    await clock.settle();
    const runs = await clock.until(baton.runs({}));
    expect(log.filter(({ level }) => level === "error")).toEqual([]);
    expect(runs.map(({ status }) => status)).toEqual(["completed", "completed", "completed"]);
  });
});
