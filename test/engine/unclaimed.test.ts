/** Events that come before the run that takes them has begun, or after it has ended. */
import { agent, choreography, contract, memory, on, to, topic, workflow } from "baton";
import { faultyStore, virtualClock } from "baton/testing";
import { beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { entriesOf, opened } from "../support/opened.ts";

const Note = contract("note", "1.0.0", z.object({ id: z.string(), n: z.int() }));
const Paid = topic("paid", Note, { retention: "1d" });
const Begun = topic("begun", Note);
const Added = topic("added", Note, { key: ({ id }) => id });
const Closed = topic("closed", Note);

const awaiting = workflow("awaiting", "1.0.0", { input: Note })
  .awaitEvent("paid", Paid, { timeout: "1h" })
  .output(({ paid }) => paid);

const seen: number[] = [];
const passing = agent({
  ...{ name: "passing", version: "1.0.0", input: Note, output: Note },
  execute: ({ id, n }) => {
    seen.push(n);
    return { id, n };
  },
});
/** Takes what is added, by itself or from outside, until something below zero comes. */
const account = choreography("account", "1.0.0", {
  starts: Begun,
  ends: Closed,
  deadline: "1h",
  subscriptions: {
    open: on(Begun, passing, { publishes: to(Added, ({ id, n }) => ({ id, n: n + 1 })) }),
    add: on(Added, passing, {
      publishes: to(Closed, (given) => (given.n < 0 ? given : undefined)),
    }),
  },
});

const note = (n: number) => ({ id: "a", n });
beforeEach(() => {
  seen.length = 0;
});

describe("early events", () => {
  test("a workflow receives what came before its run began, and replay agrees", async () => {
    const { baton, clock } = await opened({ workflows: [awaiting] });
    await clock.until(baton.publish(Paid, note(7), { id: "e1", correlation: "r" }));
    await clock.settle();
    const run = await clock.until(baton.start(awaiting, note(1), { id: "r" }));
    expect(await clock.until(run.result())).toEqual(note(7));
    expect((await clock.until(baton.replay("r"))).differences).toEqual([]);
    expect(await clock.until(baton.verify())).toMatchObject({ problems: [] });
  });

  test("they are for the first run of a workflow under their correlation id", async () => {
    const twice = workflow("twice", "1.0.0", { input: Note })
      .subflow("one", awaiting, { input: ({ input }) => input })
      .subflow("two", awaiting, { needs: ["one"], input: ({ one }) => one })
      .output(({ one }) => one);
    const { baton, clock } = await opened({ workflows: [twice, awaiting] });
    await clock.until(baton.publish(Paid, note(7), { id: "e1", correlation: "r" }));
    await clock.settle();
    const run = await clock.until(baton.start(twice, note(1), { id: "r" }));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "failed", step: "two" });
    const received = async (id: string) =>
      (await clock.until(entriesOf(baton, id))).filter(({ kind }) => kind === "event.received");
    expect(await received("r/one")).toHaveLength(1);
    expect(await received("r/two")).toHaveLength(0);
  });

  test("what the topic does not keep any more is not handed over", async () => {
    const { baton, clock } = await opened({ workflows: [awaiting] });
    await clock.until(baton.publish(Paid, note(7), { id: "e1", correlation: "r" }));
    await clock.advance(25 * 3_600_000);
    const run = await clock.until(baton.start(awaiting, note(1), { id: "r" }));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "failed" });
  });

  test("those of one key keep their order: what came early first, then what came while the run began", async () => {
    const { baton, clock } = await opened({ workflows: [account] });
    const told: Promise<unknown>[] = [];
    for (let n = 10; n < 15; n += 1) {
      told.push(baton.publish(Added, note(n), { id: `e${n}`, correlation: "r" }));
      await clock.settle();
    }
    told.push(baton.start(account, note(1), { id: "r" }));
    for (let n = 15; n < 20; n += 1)
      told.push(baton.publish(Added, note(n), { id: `e${n}`, correlation: "r" }));
    await clock.until(Promise.all(told));
    await clock.settle();
    const added = seen.filter((n) => n >= 10);
    expect(added).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });
});

describe("late events", () => {
  test("what comes for a choreography after its run has ended is kept, and said", async () => {
    const { baton, clock } = await opened({ workflows: [account] });
    const run = await clock.until(baton.start(account, note(-5), { id: "r" }));
    expect(await clock.until(run.result())).toEqual(note(-4));
    await clock.until(baton.publish(Added, note(9), { id: "e9", correlation: "r" }));
    await clock.settle();
    expect(seen).toEqual([-5, -4]);
    expect(await clock.until(baton.lateEvents())).toMatchObject([
      { id: "e9", topic: "added", correlation: "r", choreographies: ["account"] },
    ]);
    // One that is early is no dead letter.
    await clock.until(baton.publish(Added, note(1), { id: "e1", correlation: "another" }));
    await clock.settle();
    expect(await clock.until(baton.lateEvents())).toHaveLength(1);
    expect(await clock.until(baton.verify())).toMatchObject({ problems: [] });
  });
});

test("promises 4 and 11: whenever the process dies, an early event is received once", async () => {
  const live = async (store: ReturnType<typeof memory>, crashAt: number, startMs: number) => {
    const faulty = faultyStore(store, (n) => (n === crashAt ? "crashAfter" : "commit"));
    const clock = virtualClock(startMs);
    const work = async () => {
      const { baton } = await opened({ workflows: [awaiting], store: faulty.factory }, clock);
      await baton.publish(Paid, note(7), { id: "e1", correlation: "r" });
      await clock.settle();
      const run = await baton.start(awaiting, note(1), { id: "r" });
      expect(await run.result()).toEqual(note(7));
      const entries = await entriesOf(baton, "r");
      expect(entries.filter(({ kind }) => kind === "event.received")).toHaveLength(1);
      return true;
    };
    const ended = await clock.until(
      Promise.race([work(), faulty.crashed.then(() => false)]).catch(() => false),
    );
    return { ended, appends: faulty.appends(), endMs: clock.now() };
  };
  const { ended, appends } = await live(memory(), 0, 1_790_000_000_000);
  expect(ended).toBe(true);
  for (let at = 1; at <= appends; at += 1) {
    const store = memory();
    const { endMs } = await live(store, at, 1_790_000_000_000);
    expect((await live(store, 0, endMs + 60_000)).ended, `crash at append ${at}`).toBe(true);
  }
});
