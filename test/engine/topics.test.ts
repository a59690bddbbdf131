import {
  agent,
  choreography,
  contract,
  memory,
  on,
  type RecordedEvent,
  type RunsFilter,
  to,
  topic,
  workflow,
} from "baton";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { ADA, opened } from "../support/opened.ts";

const Order = contract("order", "1.0.0", z.object({ id: z.string(), n: z.int() }));
const Ordered = topic("ordered", Order, { key: ({ id }) => id, retention: "30d" });
const Packed = topic("packed", Order);
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
const REASON = { by: ADA, reason: "to see" };

async function all(events: AsyncIterable<RecordedEvent>): Promise<readonly RecordedEvent[]> {
  const found: RecordedEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
}

describe("topics", () => {
  test("are listed with what they had, who publishes and who takes", async () => {
    const { baton, clock } = await opened({ workflows: [pack] });
    await clock.until(baton.publish(Ordered, { id: "a", n: 1 }, { id: "e1" }));
    await clock.until(baton.publish(Ordered, { id: "b", n: 2 }, { id: "e2" }));
    await clock.settle();
    expect(await clock.until(baton.topics())).toMatchObject([
      {
        name: "ordered",
        contract: "order@1.0.0",
        events: 2,
        newestAt: expect.any(Number),
        keyed: true,
        retentionMs: 30 * 86_400_000,
        publishers: ["pack"],
        subscribers: ["pack", "pack/pack"],
      },
      { name: "packed", events: 2, keyed: false, publishers: ["pack/pack"], subscribers: ["pack"] },
    ]);
  });

  test("one event is found by its id: from outside, of a run, and of a run that an event began", async () => {
    const { baton, clock } = await opened({ workflows: [pack] });
    await clock.until(baton.start(pack, { id: "a", n: 1 }, { id: "r@7" }));
    await clock.until(baton.publish(Ordered, { id: "b", n: 2 }, { id: "e1" }));
    await clock.settle();
    const every = [
      ...(await clock.until(all(baton.events("ordered")))),
      ...(await clock.until(all(baton.events("packed")))),
    ];
    expect(every.map(({ id }) => id)).toEqual(["r@7@1", "e1", "r@7@3", "e1/pack@3"]);
    for (const event of every) expect(await clock.until(baton.event(event.id))).toEqual(event);
    // Entry 1 of the second run is the event that it received, and entry 2 is none.
    for (const id of ["e1/pack@1", "e1/pack@2", "e1/pack@03", "r@7", "e2", "e1@0", "", "@1"])
      await expect(clock.until(baton.event(id)), id).rejects.toMatchObject({
        code: "EVENT_NOT_FOUND",
      });
  });

  test("runs of one correlation are found among all, with all other filters", async () => {
    const { baton, clock } = await opened({ workflows: [pack] });
    for (const id of ["a", "b", "a1"]) {
      await clock.until(baton.publish(Ordered, { id, n: 1 }, { id, correlation: "c" }));
      await clock.until(baton.publish(Ordered, { id, n: 1 }, { id: `${id}-other` }));
    }
    await clock.settle();
    await clock.until(baton.start(pack, { id: "c", n: 1 }, { id: "c" }));
    await clock.settle();
    const ids = async (filter: RunsFilter) =>
      (await clock.until(baton.runs({ correlation: "c", ...filter }))).map(({ id }) => id);
    expect(await ids({ order: "oldest" })).toEqual(["c/pack:a", "c/pack:b", "c/pack:a1", "c"]);
    const newest = ["c", "c/pack:a1", "c/pack:b", "c/pack:a"];
    expect(await ids({})).toEqual(newest);
    expect(await ids({ limit: 2 })).toEqual(newest.slice(0, 2));
    const [, second] = await clock.until(baton.runs({ correlation: "c", limit: 2 }));
    expect(await ids({ after: second?.no ?? 0 })).toEqual(newest.slice(2));
    expect(await ids({ order: "oldest", after: second?.no ?? 0 })).toEqual(["c"]);
    expect(await ids({ status: "completed", workflow: "pack@1.0.0", open: false })).toEqual(newest);
    for (const none of [{ open: true }, { status: "failed" }, { workflow: "pack@2.0.0" }] as const)
      expect(await ids(none)).toEqual([]);
    expect(await ids({ correlation: "a" })).toEqual([]);
  });

  test("events are read in the order of arrival, each with what led to it", async () => {
    const { baton, clock } = await opened({ workflows: [pack] });
    await clock.until(baton.publish(Ordered, { id: "a", n: 1 }, { id: "e1", by: ADA }));
    await clock.until(baton.publish(Ordered, { id: "b", n: 2 }, { id: "e2" }));
    await clock.settle();
    const ordered = await clock.until(all(baton.events("ordered")));
    expect(ordered.map(({ id, key, by }) => [id, key, by.id])).toEqual([
      ["e1", "a", "ada"],
      ["e2", "b", "caller"],
    ]);
    const [first] = ordered;
    const rest = await clock.until(all(baton.events("ordered", { after: first?.position ?? 0 })));
    expect(rest.map(({ id }) => id)).toEqual(["e2"]);
    const packed = await clock.until(all(baton.events("packed", { correlation: "e2" })));
    expect(packed).toMatchObject([
      { correlation: "e2", causation: "e2", hops: 1, traceId: ordered[1]?.traceId },
    ]);
    expect(await clock.until(all(baton.events("packed", { limit: 1 })))).toHaveLength(1);
    await expect(clock.until(all(baton.events("lost")))).rejects.toMatchObject({
      code: "TOPIC_NOT_FOUND",
      details: { known: ["ordered", "packed"] },
    });
  });

  test("are followed where events are written and from another handle, until Baton is closed", async () => {
    const store = memory();
    const { baton, clock } = await opened({ workflows: [pack], store });
    const reading = await opened({ workflows: [], store, readOnly: true });
    const signal = new AbortController();
    const here = all(baton.events("ordered", { follow: true }));
    await clock.until(baton.publish(Ordered, { id: "a", n: 1 }, { id: "e1" }));
    const there = all(
      reading.baton.events("ordered", { follow: true, limit: 2, signal: signal.signal }),
    );
    await clock.until(baton.publish(Ordered, { id: "a", n: 2 }, { id: "e2" }));
    const followed = await reading.clock.until(there);
    expect(followed.map(({ id }) => id)).toEqual(["e1", "e2"]);
    await clock.until(baton.close());
    expect(await here).toHaveLength(2);
  });
});

describe("subscriptions", () => {
  test("are read from the journal alone, as they stand where they execute", async () => {
    const store = memory();
    const { baton, clock } = await opened({ workflows: [pack], store });
    await clock.until(baton.publish(Ordered, { id: "a", n: 1 }));
    await clock.settle();
    await clock.until(baton.pauseSubscription("pack", REASON));
    for (const n of [2, 3]) await clock.until(baton.publish(Ordered, { id: "a", n }));
    await clock.settle();
    const executing = await clock.until(baton.subscriptions());
    expect(executing).toMatchObject([{ name: "pack", lag: 2, paused: true, underWay: 0 }]);
    for (const workflows of [[pack], []]) {
      const reading = await opened({ workflows, store, readOnly: true });
      expect(await reading.clock.until(reading.baton.subscriptions())).toEqual(executing);
    }
    await clock.until(baton.resumeSubscription("pack", REASON));
    await clock.settle();
    const reading = await opened({ workflows: [pack], store, readOnly: true });
    // The place is written down now and then only: the runs say how far it really is.
    expect(await reading.clock.until(reading.baton.subscriptions())).toEqual(
      await clock.until(baton.subscriptions()),
    );
  });
});

describe("a topic's contract", () => {
  const versioned = (version: string, shape: z.ZodType<{ id: string }>) => {
    const Id = contract("id", version, shape);
    const taking = agent({
      name: "taking",
      version,
      input: Id,
      output: Id,
      execute: ({ id }) => ({ id }),
    });
    const Taken = topic("taken", Id);
    const taker = choreography("taker", version, {
      starts: Taken,
      from: "beginning",
      subscriptions: { take: on(Taken, taking) },
    });
    return { Taken, taker };
  };
  const first = versioned("1.0.0", z.object({ id: z.string() }));

  async function afterFirst(events: readonly string[] = []) {
    const store = memory();
    const { baton, clock } = await opened({ workflows: [first.taker], store });
    await clock.until(baton.pauseSubscription("taker", REASON));
    for (const id of events) await clock.until(baton.publish(first.Taken, { id }, { id }));
    await clock.until(baton.close());
    return store;
  }

  test("may accept more in a newer version, and takes what was published under the older", async () => {
    const store = await afterFirst(["a"]);
    const next = versioned("1.1.0", z.object({ id: z.string(), note: z.string().optional() }));
    const { baton, clock } = await opened({ workflows: [first.taker, next.taker], store });
    await clock.until(baton.resumeSubscription("taker", REASON));
    await clock.settle();
    expect(await clock.until(baton.runs({}))).toMatchObject([
      { workflow: "taker@1.1.0", status: "completed" },
    ]);
    expect(await clock.until(baton.verify())).toMatchObject({ problems: [] });
  });

  test("that refuses what was published under an older version is not opened", async () => {
    const store = await afterFirst();
    const next = versioned("2.0.0", z.object({ id: z.string(), note: z.string() }));
    await expect(opened({ workflows: [next.taker], store })).rejects.toMatchObject({
      code: "TOPIC_CHANGED",
      details: { problems: [expect.stringContaining("id@2.0.0 refuses")] },
    });
    // Nothing was registered: the older code opens as before.
    await opened({ workflows: [first.taker], store });
  });

  test("of the same version with another schema is not opened", async () => {
    const store = await afterFirst();
    const other = versioned("1.0.0", z.object({ id: z.string(), note: z.string().optional() }));
    const emitting = workflow("emitting", "1.0.0", { input: Order })
      .emit("taken", other.Taken, { data: ({ input: { id } }) => ({ id }) })
      .output(({ taken }) => taken.id);
    await expect(opened({ workflows: [emitting], store })).rejects.toMatchObject({
      code: "TOPIC_CHANGED",
      details: { problems: [expect.stringContaining("registered with another schema")] },
    });
    await expect(
      opened({ workflows: [first.taker, emitting], store: memory() }),
    ).rejects.toMatchObject({ code: "DEFINITION_INVALID" });
  });

  test("promise 7: an event of an older version that does not fit is refused when it is delivered", async () => {
    // Whether one pattern accepts what another does is not decided: it is seen when an event comes.
    const older = topic(
      "noted",
      contract("note", "1.0.0", z.object({ text: z.string().regex(/^a/) })),
    );
    const Note = contract("note", "1.1.0", z.object({ text: z.string().regex(/^[ab]c/) }));
    const Noted = topic("noted", Note);
    const taking = agent({
      name: "noting",
      version: "1.0.0",
      input: contract("any-note", "1.0.0", z.object({ text: z.string() })),
      output: Order,
      execute: ({ text }) => ({ id: text, n: 1 }),
    });
    const noting = choreography("noting", "1.0.0", {
      starts: Ordered,
      ends: Packed,
      deadline: "1h",
      subscriptions: {
        pass: on(Ordered, packing, {
          when: ({ event }) => event.n > 1,
          publishes: [to(Noted, ({ id }) => ({ text: id })), Packed],
        }),
        note: on(Noted, taking, { input: ({ event }) => event }),
      },
    });
    const { baton, clock } = await opened({ workflows: [noting] });
    await clock.until(baton.start(noting, { id: "a", n: 1 }, { id: "r" }));
    await clock.until(baton.publish(older, { text: "acorn" }, { correlation: "r" }));
    await clock.until(baton.publish(older, { text: "apple" }, { correlation: "r" }));
    await clock.settle();
    const refused: unknown[] = [];
    for await (const { entry } of baton.entries("r"))
      if (entry.kind === "handoff.refused") refused.push(entry.payload);
    expect(refused).toMatchObject([{ violations: [{ contract: "note@1.1.0", path: "/text" }] }]);
  });
});
