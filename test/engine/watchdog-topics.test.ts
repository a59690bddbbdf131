/** Readers of topics that stand still: each is named, with its topic, and set going again where that is safe. */
import {
  type Author,
  choreography,
  type JournalStore,
  memory,
  on,
  open,
  type StoreFactory,
  to,
  topic,
  workflow,
} from "baton";
import { virtualClock } from "baton/testing";
import { describe, expect, test } from "vitest";
import { ADA, agentOf, count, gate, type Opened, opened } from "../support/opened.ts";

const Asked = topic("asked", count);
const Keyed = topic("keyed", count, { key: (n) => `k${n % 2}` });
const Answered = topic("answered", count);
const BY: { readonly by: Author; readonly reason: string } = { by: ADA, reason: "to see" };

function asking(answer: (n: number) => number | Promise<number> = (n) => n, concurrency = 1_000) {
  return choreography("asking", "1.0.0", {
    starts: Asked,
    ends: Answered,
    deadline: "10h",
    from: "beginning",
    concurrency,
    subscriptions: {
      answer: on(Asked, agentOf<number, number>("answerer", answer), {
        input: ({ event }) => event,
        publishes: to(Answered, (n) => n),
      }),
    },
  });
}

/** The store, with some of what it does done differently. */
function storeWith(
  inner: StoreFactory,
  change: (store: JournalStore) => Partial<JournalStore>,
): StoreFactory {
  return async (mode) => {
    const store = await inner(mode);
    return { ...store, ...change(store) };
  };
}

function stuckTold({ log }: Opened): readonly string[] {
  return log.flatMap(({ data = {} }) =>
    data["stuck"] === undefined ? [] : [[data["subscription"], data["stuck"]].join(" ")],
  );
}

/** A store in which one look at a topic finds nothing, though there is something: as if nobody had told of it. */
function overlooking(label: string) {
  const clock = virtualClock();
  const faults = { overlooks: false };
  const store = storeWith(memory({ now: () => clock.now() }), (inner) => ({
    labelled: async (namespace, asked, ...more) => {
      if (!faults.overlooks || asked !== label)
        return await inner.labelled(namespace, asked, ...more);
      faults.overlooks = false;
      return [];
    },
  }));
  return { clock, store, faults };
}

describe("promise 11", () => {
  test("an intake that does not read on is named, and reads on", async () => {
    const { clock, store, faults } = overlooking("topic/asked");
    const here = await opened({ workflows: [asking()], store }, clock);
    await clock.settle();
    faults.overlooks = true;
    await clock.until(here.baton.publish(Asked, 1, { id: "e1" }));
    await clock.advance(29_000);
    expect(await here.baton.runs({})).toEqual([]);
    await clock.advance(32_000);
    expect(stuckTold(here)).toEqual(["asking notReading"]);
    expect(here.log[0]?.message).toBe(
      "Subscription asking is stuck: It could take event e1 of asked, and does not read on. It is set going again.",
    );
    expect(await here.baton.runs({})).toMatchObject([{ id: "e1/asking", status: "completed" }]);
    expect(await here.baton.health()).toMatchObject({
      ok: true,
      healed: 1,
      stuckSubscriptions: [],
    });
  });

  test("a route that does not hand on is named with who takes from it, and hands on", async () => {
    const { clock, store, faults } = overlooking("topic/answered");
    const waiting = workflow("waiting", "1.0.0", { input: count })
      .awaitEvent("answer", Answered, { timeout: "10h" })
      .output(({ answer }) => answer);
    const here = await opened({ workflows: [waiting], store }, clock);
    const run = await clock.until(here.baton.start(waiting, 1, { id: "r" }));
    await clock.settle();
    faults.overlooks = true;
    await clock.until(here.baton.publish(Answered, 7, { id: "e1", correlation: "r" }));
    await clock.advance(61_000);
    expect(stuckTold(here)).toEqual(["to-runs.answered notReading"]);
    expect(here.log[0]?.message).toContain(
      "Event e1 of answered is not handed to the runs of waiting",
    );
    expect(await clock.until(run.result())).toBe(7);
  });

  test("a store that does not give an intake its events is named for as long as it does not", async () => {
    const clock = virtualClock();
    const held = gate();
    let hangs = false;
    const store = storeWith(memory({ now: () => clock.now() }), (inner) => ({
      labelled: async (...asked) => {
        if (hangs) await held.promise;
        return await inner.labelled(...asked);
      },
    }));
    const here = await opened({ workflows: [asking()], store }, clock);
    hangs = true;
    await clock.until(here.baton.publish(Asked, 1, { id: "e1" }));
    await clock.advance(70_000);
    expect(stuckTold(here)).toEqual(["asking storeSilent", "to-runs.answered storeSilent"]);
    const asked = here.baton.health();
    await clock.advance(2_000);
    expect(await asked).toMatchObject({
      ok: false,
      stuckSubscriptions: [
        { subscription: "asking", topic: "asked", reason: "storeSilent" },
        { subscription: "to-runs.answered", topic: "answered", reason: "storeSilent" },
      ],
    });
    hangs = false;
    held.open();
    await clock.settle();
    expect(await here.baton.health()).toMatchObject({ ok: true, stuckSubscriptions: [] });
    expect(await here.baton.runs({})).toMatchObject([{ status: "completed" }]);
  });

  test("an event whose run the store does not begin is named by its place", async () => {
    const clock = virtualClock();
    const store = storeWith(memory({ now: () => clock.now() }), (inner) => ({
      append: async (request) =>
        request.streams.some(({ stream }) => stream.startsWith("run/"))
          ? await new Promise(() => {})
          : await inner.append(request),
    }));
    const here = await opened({ workflows: [asking()], store }, clock);
    await clock.until(here.baton.publish(Asked, 1, { id: "e1" }));
    await clock.advance(61_000);
    expect(stuckTold(here)).toContain("asking notBegun");
  });

  test("a topic that is damaged is named by the name of who reads it", async () => {
    const clock = virtualClock();
    let breaks = false;
    const store = storeWith(memory({ now: () => clock.now() }), (inner) => ({
      labelled: async (...asked) => {
        const found = await inner.labelled(...asked);
        return breaks ? found.map((each) => ({ ...each, text: "{}" })) : found;
      },
    }));
    const here = await opened({ workflows: [asking()], store }, clock);
    breaks = true;
    await clock.until(here.baton.publish(Asked, 1, { id: "e1" }));
    await clock.advance(61_000);
    const { ok, stuckSubscriptions } = await here.baton.health();
    expect({ ok, stuckSubscriptions }).toMatchObject({
      ok: false,
      stuckSubscriptions: [
        {
          subscription: "asking",
          reason: "unreadable",
          message: expect.stringContaining("event/e1"),
        },
      ],
    });
  });

  test("a subscription whose choreography was removed is named once events wait for it, until it is paused", async () => {
    const clock = virtualClock();
    const store = memory({ now: () => clock.now() });
    const first = await opened({ workflows: [asking()], store }, clock);
    await clock.until(first.baton.publish(Asked, 1, { id: "e1" }));
    await clock.settle();
    await clock.until(first.baton.close());
    const here = await opened({ workflows: [], topics: [Asked], store }, clock);
    await clock.advance(61_000);
    expect(await here.baton.health()).toMatchObject({ ok: true });
    await clock.until(here.baton.publish(Asked, 2, { id: "e2" }));
    await clock.advance(61_000);
    expect(await here.baton.health()).toMatchObject({
      ok: false,
      stuckSubscriptions: [
        {
          subscription: "asking",
          topic: "asked",
          reason: "noCode",
          message:
            "Event e2 of asked waits for it, and its choreography is not among the workflows here.",
        },
      ],
    });
    await clock.until(
      Promise.all([
        here.baton.pauseSubscription("asking", BY),
        here.baton.pauseSubscription("asking", BY),
      ]),
    );
    expect(await here.baton.health()).toMatchObject({ ok: true, stuckSubscriptions: [] });
    await expect(
      clock.until(here.baton.pauseSubscription("to-runs.answered", BY)),
    ).rejects.toMatchObject({ code: "SUBSCRIPTION_NOT_FOUND" });
    // Whoever has it again finds it paused, and takes what came meanwhile once it is resumed.
    await clock.until(here.baton.close());
    const again = await opened({ workflows: [asking()], store }, clock);
    await clock.settle();
    expect(await again.baton.runs({})).toHaveLength(1);
    await clock.until(again.baton.resumeSubscription("asking", BY));
    await clock.settle();
    expect(await again.baton.runs({})).toMatchObject([{ id: "e2/asking" }, { id: "e1/asking" }]);
    expect((await clock.until(again.baton.verify())).problems).toEqual([]);
  });
});

test("what lawfully waits is accused of nothing: for a place, for one of its key, paused, or of concern to nobody", async () => {
  const held = gate<number>();
  const full = asking(() => held.promise, 2);
  const keyed = choreography("keyed", "1.0.0", {
    starts: Keyed,
    subscriptions: {
      answer: on(
        Keyed,
        agentOf<number, number>("slow", () => held.promise),
        { input: ({ event }) => event },
      ),
    },
  });
  const paused = choreography("paused", "1.0.0", {
    starts: Asked,
    subscriptions: {
      answer: on(
        Asked,
        agentOf<number, number>("idle", (n) => n),
        {
          input: ({ event }) => event,
        },
      ),
    },
  });
  const here = await opened({ workflows: [full, keyed, paused] });
  const { baton, clock } = here;
  await clock.until(baton.pauseSubscription("paused", BY));
  for (let n = 0; n < 5; n += 1) {
    await clock.until(baton.publish(Asked, n));
    await clock.until(baton.publish(Keyed, n));
  }
  await clock.advance(5 * 60_000);
  expect(stuckTold(here)).toEqual([]);
  expect(await baton.health()).toMatchObject({ ok: true, healed: 0 });
  held.open(1);
  await clock.advance(5 * 60_000);
  expect(stuckTold(here)).toEqual([]);
  // What runs publish to those who took part in them concerns nobody else, and is passed over in time.
  expect(await baton.runs({ status: "completed" })).toHaveLength(10);
});

test("from outside: an event that has waited for a minute is named, while nobody works on the store and while its holder does not take it", async () => {
  const clock = virtualClock();
  const store = memory({ now: () => clock.now() });
  const flow = asking();
  const first = await opened({ workflows: [flow], store }, clock);
  await clock.until(first.baton.pauseSubscription("asking", BY));
  await clock.until(first.baton.publish(Asked, 1, { id: "e1" }));
  const outside = await open({ store, workflows: [flow], readOnly: true, clock });
  const look = async () => {
    const { ok, stuckSubscriptions } = await clock.until(outside.health());
    return [ok, ...stuckSubscriptions.map(({ subscription, reason }) => [subscription, reason])];
  };
  await clock.advance(2 * 60_000);
  // One that is paused waits for the person who has paused it.
  expect(await look()).toEqual([true]);
  await clock.until(first.baton.close());
  const without = await opened({ workflows: [], topics: [Asked], store }, clock);
  await clock.until(without.baton.resumeSubscription("asking", BY));
  expect(await look()).toEqual([false, ["asking", "overdue"]]);
  await clock.until(without.baton.publish(Asked, 2, { id: "e2" }));
  await clock.until(without.baton.close());
  const { stuckSubscriptions } = await clock.until(outside.health());
  expect(stuckSubscriptions).toMatchObject([
    {
      reason: "unattended",
      message: "Event e1 of asked waits for it, and nobody works on this store.",
    },
  ]);
  const second = await opened({ workflows: [flow], store }, clock);
  await clock.advance(2 * 60_000);
  expect(await look()).toEqual([true]);
  expect(await clock.until(second.baton.runs({ status: "completed" }))).toHaveLength(2);
  await clock.until(outside.close());
});

test("from outside: events that wait for a place, or for one of their key, are not called stuck", async () => {
  const clock = virtualClock();
  const store = memory({ now: () => clock.now() });
  const held = gate<number>();
  const full = asking(() => held.promise, 2);
  const keyed = choreography("keyed", "1.0.0", {
    starts: Keyed,
    subscriptions: {
      answer: on(
        Keyed,
        agentOf<number, number>("slow", () => held.promise),
        { input: ({ event }) => event },
      ),
    },
  });
  const here = await opened({ workflows: [full, keyed], store }, clock);
  for (let n = 0; n < 5; n += 1) {
    await clock.until(here.baton.publish(Asked, n));
    await clock.until(here.baton.publish(Keyed, n));
  }
  const outside = await open({ store, workflows: [full, keyed], readOnly: true, clock });
  await clock.advance(2 * 60_000);
  expect(await clock.until(outside.health())).toMatchObject({ ok: true, stuckSubscriptions: [] });
  held.open(1);
  await clock.until(outside.close());
});
