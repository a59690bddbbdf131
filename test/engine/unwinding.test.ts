/** A saga over several runs: a failure event takes back what was done under its correlation id. */
import { agent, choreography, contract, memory, on, to, topic } from "baton";
import { faultyStore, virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { opened } from "../support/opened.ts";

const Order = contract("order", "1.0.0", z.object({ id: z.string(), n: z.int() }));
const Ordered = topic("ordered", Order);
const Paid = topic("paid", Order);
const Packed = topic("packed", Order);
const Shipped = topic("shipped", Order);
const Lost = topic("lost", Order);

/** Three choreographies, each begun by what the one before has published; the first two have completed when the third fails. */
function shop(acts: string[], shipDied: () => boolean = () => false) {
  const acting = (name: string) =>
    agent({
      ...{ name, version: "1.0.0", input: Order, output: Order },
      execute: ({ id, n }) => {
        if (shipDied()) throw new Error("This process has died.");
        return { id, n };
      },
      compensate: ({ id }) => {
        if (shipDied()) throw new Error("This process has died.");
        acts.push(`undo ${name} ${id}`);
      },
    });
  const common = { failsOn: Lost, deadline: "1h" } as const;
  const payment = choreography("payment", "1.0.0", {
    ...common,
    starts: Ordered,
    ends: Paid,
    subscriptions: {
      reserve: on(Ordered, acting("reserve"), { publishes: Packed }),
      pay: on(Packed, acting("pay"), { publishes: Paid }),
    },
  });
  const shipping = choreography("shipping", "1.0.0", {
    ...common,
    starts: Paid,
    ends: Shipped,
    subscriptions: { ship: on(Paid, acting("ship"), { publishes: Shipped }) },
  });
  const delivery = choreography("delivery", "1.0.0", {
    starts: Shipped,
    subscriptions: {
      deliver: on(Shipped, acting("deliver"), {
        publishes: to(Lost, (order) => (order.n > 100 ? order : undefined)),
      }),
    },
  });
  return [payment, shipping, delivery];
}

const ENDS = [
  ["delivery@1.0.0", "completed"],
  ["shipping@1.0.0", "compensated"],
  ["payment@1.0.0", "compensated"],
];

test("promise 6: a failure event takes back the completed runs of its correlation id, the newest first", async () => {
  const acts: string[] = [];
  const workflows = shop(acts);
  const { baton, clock } = await opened({ workflows });
  const [payment] = workflows;
  if (payment === undefined) throw new Error("There is a payment.");
  await clock.until(baton.start(payment, { id: "a", n: 500 }, { id: "r" }));
  await clock.settle();
  await clock.settle();
  expect(acts).toEqual(["undo ship a", "undo pay a", "undo reserve a"]);
  const runs = await clock.until(baton.runs({}));
  expect(runs.map(({ workflow, status }) => [workflow, status])).toEqual(ENDS);
  expect(await clock.until(baton.verify())).toMatchObject({ problems: [] });
  // Nothing fails another order.
  await clock.until(baton.start(payment, { id: "b", n: 5 }, { id: "s" }));
  await clock.settle();
  expect(acts).toHaveLength(3);
});

test("promises 4 and 6: whenever the process dies, everything is taken back, in that order", async () => {
  const live = async (store: ReturnType<typeof memory>, crashAt: number, startMs: number) => {
    const faulty = faultyStore(store, (n) => (n === crashAt ? "crashAfter" : "commit"));
    const clock = virtualClock(startMs);
    const acts: string[] = [];
    const workflows = shop(acts, faulty.isDead);
    const work = async () => {
      const { baton } = await opened({ workflows, store: faulty.factory }, clock);
      const [payment] = workflows;
      if (payment === undefined) throw new Error("There is a payment.");
      await baton.start(payment, { id: "a", n: 500 }, { id: "r" });
      for (;;) {
        const runs = await baton.runs({});
        const undone = runs.filter(({ status }) => status === "compensated");
        if (undone.length === 2) return true;
        await new Promise<void>((resolve) => clock.after(1_000, resolve));
      }
    };
    const ended = await clock.until(
      Promise.race([work(), faulty.crashed.then(() => false)]).catch(() => false),
    );
    return { ended, acts, appends: faulty.appends(), endMs: clock.now() };
  };
  const smooth = await live(memory(), 0, 1_790_000_000_000);
  expect(smooth.ended).toBe(true);
  for (let at = 1; at <= smooth.appends; at += 1) {
    const store = memory();
    const first = await live(store, at, 1_790_000_000_000);
    const second = await live(store, 0, first.endMs + 60_000);
    expect(second.ended, `crash at append ${at}`).toBe(true);
    // What was under way when the process died may have been done twice: the order in which each came first is that of the walk.
    expect([...new Set([...first.acts, ...second.acts])], `crash at append ${at}`).toEqual(
      smooth.acts,
    );
  }
});
