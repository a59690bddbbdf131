/** Deployments that are connected by a bus outside of their stores: what crosses, what is kept, what is refused. */
import {
  agent,
  type BusMessage,
  choreography,
  contract,
  memory,
  on,
  open,
  topic,
  workflow,
} from "baton";
import { memoryBus, virtualClock } from "baton/testing";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { entriesOf, expectRefused, opened } from "../support/opened.ts";

const Order = contract("order", "1.0.0", z.object({ id: z.string(), n: z.int() }));
const Ordered = topic("ordered", Order, { key: ({ id }) => id });
const Packed = topic("packed", Order, { key: ({ id }) => id });
const packing = agent({
  name: "packing",
  version: "1.0.0",
  input: Order,
  output: Order,
  execute: ({ id, n }) => ({ id, n }),
});
const pack = choreography("pack", "1.0.0", {
  starts: Ordered,
  ends: Packed,
  deadline: "10m",
  subscriptions: { pack: on(Ordered, packing, { publishes: Packed }) },
});
/** Publishes, and awaits what another deployment makes of it. */
const order = workflow("order", "1.0.0", { input: Order })
  .emit("ordered", Ordered, { data: ({ input }) => input })
  .awaitEvent("packed", Packed, { needs: ["ordered"], timeout: "1h" })
  .output(({ packed }) => packed);

function message(id: string, data: unknown, attributes: Record<string, string> = {}): BusMessage {
  const required = { specversion: "1.0", id, source: "urn:another-program", type: "ordered" };
  return {
    topic: "ordered",
    attributes: { ...required, ...attributes },
    data: JSON.stringify(data),
  };
}

async function eventsIn(baton: Awaited<ReturnType<typeof opened>>["baton"], name: string) {
  const events = [];
  for await (const event of baton.events(name)) events.push(event);
  return events;
}

describe("two deployments", () => {
  test("a workflow of one awaits what a choreography of the other makes of its event", async () => {
    const [bus, clock] = [memoryBus(), virtualClock()];
    const shop = await opened({ workflows: [order], bus, group: "shop" }, clock);
    const store = { workflows: [pack], bus, group: "store" };
    const warehouse = await opened(store, clock);
    const run = await clock.until(shop.baton.start(order, { id: "o1", n: 1 }, { id: "web-1" }));
    expect(await clock.until(run.result())).toEqual({ id: "o1", n: 1 });

    const [came] = await clock.until(eventsIn(warehouse.baton, "ordered"));
    const [back] = await clock.until(eventsIn(shop.baton, "packed"));
    expect(came).toMatchObject({
      id: "shop+web-1@1",
      stream: "event/shop+web-1@1",
      origin: "//shop/baton/default/run/web-1",
      correlation: "web-1",
      key: "o1",
      hops: 0,
      by: { kind: "program", id: "//shop/baton/default/run/web-1" },
    });
    // Hops, causation and trace go through both.
    expect(back).toMatchObject({
      origin: expect.stringMatching(/^\/\/store\/baton\/default\/run\/web-1\/pack/),
      correlation: "web-1",
      causation: "shop+web-1@1",
      hops: 1,
      traceId: came?.traceId,
    });
    for (const { baton } of [shop, warehouse])
      expect(await clock.until(baton.verify())).toMatchObject({ problems: [] });
    // What came over the bus is not sent to it again.
    expect(bus.messages.map(({ attributes }) => attributes["type"])).toEqual(["ordered", "packed"]);
  });

  test("runs of one choreography in two deployments don't take each other's events", async () => {
    const [bus, clock] = [memoryBus(), virtualClock()];
    const [one, two] = [
      await opened({ workflows: [pack], bus, group: "one" }, clock),
      await opened({ workflows: [pack], bus, group: "two" }, clock),
    ];
    await clock.until(one.baton.publish(Ordered, { id: "o1", n: 1 }, { id: "e1" }));
    await clock.settle();
    for (const { baton } of [one, two]) {
      expect(await clock.until(baton.runs())).toMatchObject([
        { id: "e1/pack", status: "completed" },
      ]);
      const kinds = (await clock.until(entriesOf(baton, "e1/pack"))).map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === "event.received")).toHaveLength(1);
    }
    // Both have published a result of their own, and both came to the other.
    expect(bus.messages.map(({ attributes }) => attributes["id"] ?? "").sort()).toEqual([
      "e1",
      expect.stringMatching(/^one\+e1\/pack@\d+$/),
      expect.stringMatching(/^two\+e1\/pack@\d+$/),
    ]);
    expect(await clock.until(eventsIn(one.baton, "packed"))).toHaveLength(2);
  });

  test("a loop over the bus ends at the limit of hops", async () => {
    const [bus, clock] = [memoryBus(), virtualClock()];
    const back = choreography("back", "1.0.0", {
      starts: Packed,
      subscriptions: { back: on(Packed, packing, { publishes: Ordered }) },
    });
    const forth = choreography("forth", "1.0.0", {
      starts: Ordered,
      subscriptions: { forth: on(Ordered, packing, { publishes: Packed }) },
    });
    const one = await opened({ workflows: [forth], bus, group: "one" }, clock);
    const two = await opened({ workflows: [back], bus, group: "two" }, clock);
    await clock.until(one.baton.publish(Ordered, { id: "o1", n: 1 }, { id: "e1" }));
    await clock.advance(60_000);
    expect(bus.messages.map(({ attributes }) => Number(attributes["hops"]))).toEqual(
      Array.from({ length: 17 }, (_, hops) => hops),
    );
    const failed = await clock.until(one.baton.runs({ status: "failed" }));
    const others = await clock.until(two.baton.runs({ status: "failed" }));
    expect([...failed, ...others]).toHaveLength(1);
  });
});

describe("the lines", () => {
  test("while the bus is away everything else goes on; what was published crosses when it is back", async () => {
    const [bus, clock] = [memoryBus(), virtualClock()];
    bus.away(true);
    const { baton } = await opened({ workflows: [pack], bus, group: "one" }, clock);
    for (const n of [1, 2, 3])
      await clock.until(baton.publish(Ordered, { id: "o1", n }, { id: `e${n}` }));
    await clock.settle();
    expect(await clock.until(baton.runs({ status: "completed" }))).toHaveLength(3);
    const lines = [
      {
        direction: "out",
        topic: "ordered",
        bus: "memory bus",
        lag: 3,
        trouble: "It was taken away.",
      },
      { direction: "out", topic: "packed", lag: 3 },
      { direction: "in", topic: "ordered", lag: 0 },
      { direction: "in", topic: "packed", lag: 0 },
    ];
    expect(await clock.until(baton.busLines())).toMatchObject(lines);
    expect(await clock.until(baton.health())).toMatchObject({ ok: true, bus: lines });
    bus.away(false);
    await clock.settle();
    expect(bus.messages.map(({ data }) => (JSON.parse(data) as { readonly n: number }).n)).toEqual(
      expect.arrayContaining([1, 2, 3, 1, 2, 3]),
    );
    for (const line of await clock.until(baton.busLines())) {
      expect(line.lag).toBe(0);
      expect(line).not.toHaveProperty("trouble");
    }
  });

  test("a topic that can't be read from a bus that is there is the trouble of its own line", async () => {
    const [bus, clock] = [memoryBus(), virtualClock()];
    const refusing: typeof bus = {
      ...bus,
      open: async (context) => {
        const outside = await bus.open(context);
        const consume: typeof outside.consume = async (consumption) => {
          const consumer = await outside.consume(consumption);
          return consumption.topic === "packed"
            ? { ...consumer, trouble: () => "It is refused." }
            : consumer;
        };
        return { ...outside, consume };
      },
    };
    const { baton } = await opened({ workflows: [pack], bus: refusing, group: "store" }, clock);
    const lines = await clock.until(baton.busLines());
    expect(lines.map(({ direction, topic, trouble }) => [direction, topic, trouble])).toEqual([
      ["out", "ordered", undefined],
      ["out", "packed", undefined],
      ["in", "ordered", undefined],
      ["in", "packed", "It is refused."],
    ]);
  });

  test("a process that comes after goes on where the journal says, and a reader sees what is left", async () => {
    const [bus, clock] = [memoryBus(), virtualClock()];
    const store = memory({ now: () => clock.now() });
    const options = { workflows: [pack], topics: [], store, bus, group: "one" };
    const first = await opened(options, clock);
    await clock.until(first.baton.publish(Ordered, { id: "o1", n: 1 }, { id: "e1" }));
    await clock.settle();
    bus.away(true);
    await clock.until(first.baton.publish(Ordered, { id: "o1", n: 2 }, { id: "e2" }));
    bus.send(message("from-outside", { id: "o2", n: 7 }));
    await clock.settle();
    await clock.until(first.baton.close());
    const reader = await clock.until(open({ store, workflows: [pack], readOnly: true, clock }));
    expect(await clock.until(reader.busLines())).toMatchObject([
      { direction: "out", topic: "ordered", lag: 1 },
      { direction: "out", topic: "packed", lag: 1 },
      { direction: "in", topic: "ordered" },
      { direction: "in", topic: "packed" },
    ]);
    expect(await clock.until(reader.health())).toMatchObject({ bus: { length: 4 } });
    await reader.close();
    bus.away(false);
    const second = await opened(options, clock);
    await clock.settle();
    expect(bus.messages.map(({ attributes }) => attributes["id"])).toEqual([
      "e1",
      "one+e1/pack@3",
      "from-outside",
      "e2",
      expect.stringMatching(/^one\+/),
      expect.stringMatching(/^one\+/),
    ]);
    const runs = await clock.until(second.baton.runs({ status: "completed" }));
    expect(runs.map(({ id }) => id).sort()).toEqual(["e1/pack", "e2/pack", "from-outside/pack"]);
  });

  test("only the topics that the bus was made for cross", async () => {
    const [bus, clock] = [memoryBus({ topics: ["packed"] }), virtualClock()];
    const { baton } = await opened({ workflows: [pack], bus, group: "one" }, clock);
    await clock.until(baton.publish(Ordered, { id: "o1", n: 1 }));
    await clock.settle();
    expect(bus.messages.map(({ topic: name }) => name)).toEqual(["packed"]);
    expect(await clock.until(baton.busLines())).toHaveLength(2);
  });

  test("a bus needs a group, and knows its topics", async () => {
    const opening = (options: object) => open({ store: memory(), workflows: [pack], ...options });
    await expectRefused(opening({ bus: memoryBus() }), "ARGUMENT_INVALID");
    await expectRefused(opening({ bus: memoryBus(), group: "A b" }), "ARGUMENT_INVALID");
    await expectRefused(opening({ group: "one" }), "ARGUMENT_INVALID");
    const lost = memoryBus({ topics: ["lost"] });
    await expectRefused(opening({ bus: lost, group: "one" }), "TOPIC_NOT_FOUND");
  });
});

test("two stores of one group are noticed", async () => {
  const [bus, clock] = [memoryBus(), virtualClock()];
  const one = await opened({ workflows: [pack], bus, group: "one" }, clock);
  const two = await opened({ workflows: [pack], bus, group: "one" }, clock);
  await clock.until(one.baton.publish(Ordered, { id: "o1", n: 1 }, { id: "e1" }));
  await clock.settle();
  expect(await clock.until(one.baton.refusedMessages())).toEqual([]);
  const refused = await clock.until(two.baton.refusedMessages());
  expect(refused.map(({ error }) => error.code)).toEqual(["EVENT_CONFLICT", "EVENT_CONFLICT"]);
  expect(refused[0]?.error.message).toContain("another store has the same group");
});

describe("messages of other programs", () => {
  test("one that comes twice is one event; others under its id, or that break the contract, are refused and kept", async () => {
    const [bus, clock] = [memoryBus({ from: "beginning" }), virtualClock()];
    const good = message(
      "e1",
      { id: "o1", n: 1 },
      {
        correlationid: "web-1",
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        hops: "3",
      },
    );
    for (const each of [
      good,
      good,
      message("e1", { id: "o1", n: 2 }),
      message("e2", { id: "o1", n: "many" }),
      { ...message("e3", {}), data: "{ no JSON" },
      { topic: "ordered", attributes: {}, data: "{}" },
      message("e4", { id: "o1", n: 1 }, { type: "packed" }),
      message("r1@4", { id: "o1", n: 1 }),
      message("e5", { id: "o1", n: 1 }, { hops: "-1" }),
      message("e6", { id: "o1", n: 1 }, { datacontenttype: "text/xml" }),
      // Half of a character: JSON can say it, and nothing that is kept can.
      message("e7", { id: "\ud800", n: 1 }),
      message("e8", { id: "o1", n: "\ud800" }),
      message("e9", { id: "o1", n: 1 }, { causationid: "\ud800" }),
      message("last", { id: "o2", n: 2 }),
    ])
      bus.send(each);
    const { baton, log } = await opened({ workflows: [pack], bus, group: "one" }, clock);
    await clock.settle();
    const events = await clock.until(eventsIn(baton, "ordered"));
    expect(events.map(({ id }) => id).sort()).toEqual(["e1", "last"]);
    expect(events.find(({ id }) => id === "e1")).toMatchObject({
      correlation: "web-1",
      hops: 3,
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      data: { id: "o1", n: 1 },
    });
    // What was there before it was opened begins runs like any other.
    const runs = await clock.until(baton.runs({ status: "completed" }));
    expect(runs.map(({ id }) => id).sort()).toEqual(["last/pack", "web-1/pack:e1"]);
    const refused = await clock.until(baton.refusedMessages());
    const said = new Map(refused.map(({ position, error }) => [position, error]));
    expect([...said.keys()].sort((a, b) => a - b)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    expect(said.get(3)).toMatchObject({ code: "EVENT_CONFLICT" });
    expect(said.get(4)).toMatchObject({
      code: "EVENT_REFUSED",
      violations: [{ contract: "order@1.0.0", path: "/n" }],
    });
    expect([5, 6, 7, 8, 9, 10].map((at) => said.get(at)?.message)).toEqual([
      "Its data is not JSON.",
      "It is no CloudEvent 1.0: it has no id.",
      "Its type is packed, its topic ordered.",
      expect.stringContaining("does not say of which deployment"),
      "Its hops are not a whole number.",
      "Its data is text/xml, and not JSON.",
    ]);
    expect(refused[0]).toMatchObject({ topic: "ordered", direction: "in", bus: "memory bus" });
    expect(log.filter(({ level }) => level === "error")).toHaveLength(11);
    expect(await clock.until(baton.verify())).toMatchObject({ problems: [] });
    for (const line of await clock.until(baton.busLines())) expect(line.lag).toBe(0);
  });
});
