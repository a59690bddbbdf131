/** Publishing, choreographies and workflows that await their events, in a process that dies at each of its appends. */
import {
  choreography,
  contract,
  type Entry,
  memory,
  on,
  open,
  type StoreFactory,
  topic,
  workflow,
} from "baton";
import { countedIds, type Fault, faultyStore, VIRTUAL_START_MS, virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { agentOf, entriesOf } from "../support/opened.ts";

const Order = contract("order", "1.0.0", z.object({ id: z.string(), n: z.int() }));
interface Order {
  readonly id: string;
  readonly n: number;
}
const Ordered = topic("ordered", Order, { key: ({ id }) => id });
const Picked = topic("picked", Order);
const Packed = topic("packed", Order);

/** A workflow that emits and awaits; a choreography of two hops, of which one is a workflow of its own. */
function hybrid(act: (what: string) => void) {
  const working = (name: string) =>
    agentOf<Order, Order>(
      name,
      ({ id, n }, { run, path, attempt }) => {
        act(`${run} ${path}`);
        if (name === "packing" && attempt === 1) throw new Error("not yet");
        return { id, n: n + 1 };
      },
      { attempts: 2 },
    );
  const picking = workflow("picking", "1.0.0", { input: Order, output: Order })
    .step("pick", working("picker"), { input: ({ input }) => input })
    .output(({ pick }) => ({ id: pick.id, n: pick.n }));
  const pack = choreography("pack", "1.0.0", {
    starts: Ordered,
    ends: Packed,
    deadline: "10h",
    from: "beginning",
    subscriptions: {
      pick: on(Ordered, picking, { input: ({ event }) => event, publishes: Picked }),
      pack: on(Picked, working("packing"), {
        input: ({ event }) => event,
        publishes: [{ topic: Packed, data: ({ id, n }) => ({ id, n }) }],
      }),
    },
  });
  const order = workflow("order", "1.0.0", { input: Order, output: Order })
    .emit("ordered", Ordered, { data: ({ input }) => input })
    .awaitEvent("packed", Packed, { needs: ["ordered"], timeout: "9h" })
    .output(({ packed }) => packed);
  return { order, workflows: [order, pack, picking] };
}

async function live(store: StoreFactory, fault: (append: number) => Fault, startMs: number) {
  const faulty = faultyStore(store, fault);
  const acts: string[] = [];
  const clock = virtualClock(startMs);
  const { order, workflows } = hybrid((what) => {
    if (faulty.isDead()) throw new Error("This process has died.");
    acts.push(what);
  });
  const insist = async <X>(ask: () => Promise<X>): Promise<X> => {
    for (;;) {
      try {
        return await ask();
      } catch {
        await new Promise<void>((resolve) => clock.after(1_000, resolve));
      }
    }
  };
  const work = async () => {
    const ids = countedIds(0, `id-${startMs}`);
    const baton = await open({ store: faulty.factory, workflows, clock, ids });
    const run = await insist(() => baton.start(order, { id: "a", n: 1 }, { id: "r" }));
    await insist(() => baton.publish(Ordered, { id: "b", n: 5 }, { id: "e" }));
    expect(await run.outcome()).toEqual({ kind: "completed", output: { id: "a", n: 3 } });
    const begun = await insist(() => baton.run("e/pack"));
    expect(await begun.outcome()).toEqual({ kind: "completed", output: { id: "b", n: 7 } });
    await baton.close({ graceMs: 0 });
    return true;
  };
  const ended = await clock.until(Promise.race([work(), faulty.crashed.then(() => false)]));
  return { ended, acts, appends: faulty.appends(), clock };
}

interface Story {
  readonly ends: Readonly<Record<string, string>>;
  readonly sealed: readonly string[];
  readonly events: readonly string[];
}

async function storyOf(store: StoreFactory): Promise<Story> {
  const baton = await open({ store, workflows: [], readOnly: true });
  const ends: Record<string, string> = {};
  const sealed: string[] = [];
  const events: string[] = [];
  const seqFree = (path = "") => path.replace(/[@#]\d+/g, "#");
  for (const { id } of await baton.runs()) {
    const entries: readonly Entry[] = await entriesOf(baton, id);
    ends[seqFree(id)] = entries.at(-1)?.kind ?? "";
    for (const { kind, path, payload } of entries) {
      if (kind === "step.sealed") sealed.push(`${id} ${path}`);
      if (kind.startsWith("event."))
        events.push(`${seqFree(id)} ${kind} ${JSON.stringify(payload["topic"])}`);
    }
  }
  expect((await baton.verify()).problems).toEqual([]);
  await baton.close();
  return { ends, sealed: sealed.sort(byText), events: events.sort(byText) };
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}

test("promises 3 and 4: whenever the process dies, each event has reached each of its runs once, and all ends as it would have", async () => {
  const smooth = memory();
  const { appends, ended } = await live(smooth, () => "commit", VIRTUAL_START_MS);
  expect(ended).toBe(true);
  const expected = await storyOf(smooth);
  expect(Object.values(expected.ends)).toHaveLength(5);
  expect(appends).toBeGreaterThan(20);
  for (const kind of ["crashBefore", "crashAfter", "loseAnswer", "fail"] as const) {
    for (let at = 1; at <= appends; at += 1) {
      const store = memory();
      const acts: string[] = [];
      const first = await live(store, (n) => (n === at ? kind : "commit"), VIRTUAL_START_MS).catch(
        (error: unknown) => ({ error, ended: false, acts: [], clock: undefined }),
      );
      // The appends with which it opens, when the store refuses them, fail the opening.
      acts.push(...first.acts);
      const laterMs = (first.clock?.now() ?? VIRTUAL_START_MS) + 60_000;
      const second = first.ended ? undefined : await live(store, () => "commit", laterMs);
      acts.push(...(second?.acts ?? []));
      const story = await storyOf(store);
      const where = `${kind} at append ${at}`;
      expect({ ends: story.ends, events: story.events }, where).toEqual({
        ends: expected.ends,
        events: expected.events,
      });
      expect(new Set(story.sealed).size, where).toBe(story.sealed.length);
      expect(story.sealed.length, where).toBe(expected.sealed.length);
    }
  }
}, 60_000);
