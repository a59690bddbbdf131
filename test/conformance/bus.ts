/**
 * What every bus must do: the promises U1 to U5 of the port. Call it in a test file of each bus. U6 needs a bus that can be taken
 * away, and is tested where there is one.
 */
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Bus, BusMessage, Consumer, Consumption } from "../../src/ports/bus.ts";

/** A bus, fresh for each test; `open` gives handles on it, one after the other, as processes come and go. */
export interface BusFixture {
  readonly open: () => Promise<Bus>;
  readonly dispose: () => Promise<void>;
}

/** What buses of this suite carry: data are `{ "key": ..., "n": ... }`. */
export const TOPIC = "conformance.events";
/** A second topic, whose name begins as the first one's does. */
export const OTHER_TOPIC = "conformance.events.other";

interface Seen {
  readonly key: string | undefined;
  readonly n: number;
}

export function busMessage(n: number, key?: string, topic = TOPIC): BusMessage {
  const attributes = {
    specversion: "1.0",
    id: `m${n}`,
    source: "//elsewhere/tests",
    type: topic,
    datacontenttype: "application/json",
    ...(key === undefined ? {} : { subject: key, partitionkey: key }),
  };
  const data = JSON.stringify({ key: key ?? null, n });
  return { topic, ...(key === undefined ? {} : { key }), attributes, data };
}

function seen({ key, data }: BusMessage): Seen {
  const { n } = JSON.parse(data) as { readonly n: number };
  return { key, n };
}

/** Runs the suite against the bus that `makeFixture` gives. */
export function busConformance(name: string, makeFixture: () => Promise<BusFixture>): void {
  describe(`bus: ${name}`, () => {
    let fixture: BusFixture;
    let bus: Bus;

    beforeEach(async () => {
      fixture = await makeFixture();
      bus = await fixture.open();
    });
    afterEach(async () => {
      await bus.close();
      await fixture.dispose();
    });

    const reopen = async () => {
      await bus.close();
      bus = await fixture.open();
    };
    const consume = (
      handle: (seen: Seen, message: BusMessage) => Promise<void> | void,
      more: Partial<Consumption> = {},
    ): Promise<Consumer> =>
      bus.consume({
        topic: TOPIC,
        group: "readers",
        from: "beginning",
        inFlightMax: 20,
        handle: async (message) => await handle(seen(message), message),
        ...more,
      });
    const publish = (...messages: readonly BusMessage[]) => bus.publish(messages);
    const numbered = (from: number, to: number, keys: readonly string[] = []) =>
      Array.from({ length: to - from + 1 }, (_, i) =>
        busMessage(from + i, keys[(from + i) % keys.length]),
      );
    const until = (check: () => void | Promise<void>) =>
      vi.waitFor(check, { timeout: 10_000, interval: 5 });

    test("U1: what was published is there for whoever comes later, as it was", async () => {
      const message = busMessage(1, "a key.with > signs* and umläute");
      await publish(message);
      await reopen();
      const got: BusMessage[] = [];
      await consume((_, each) => void got.push(each));
      await until(() => expect(got).toHaveLength(1));
      const [only] = got;
      expect(only).toMatchObject({ topic: TOPIC, key: message.key });
      expect(only?.attributes).toMatchObject(message.attributes);
      expect(JSON.parse(only?.data ?? "")).toEqual(JSON.parse(message.data));
    });

    test("U1: a topic whose name begins as another's is another", async () => {
      await publish(busMessage(1, "other", OTHER_TOPIC), busMessage(2, "events"), busMessage(3));
      const got: number[] = [];
      await consume(({ n }) => void got.push(n));
      await publish(busMessage(4));
      await until(() => expect(got).toContain(4));
      expect([...got].sort((a, b) => a - b)).toEqual([2, 3, 4]);
    });

    test("U2: a group goes on where it was, another begins where it says", async () => {
      await publish(...numbered(1, 30));
      const first: number[] = [];
      await consume(({ n }) => void first.push(n));
      await until(() => expect(first).toHaveLength(30));
      await reopen();
      await publish(...numbered(31, 35));
      const [next, others]: [number[], number[]] = [[], []];
      await consume(({ n }) => void next.push(n));
      await consume(({ n }) => void others.push(n), { group: "others" });
      await until(() => expect([next.length, others.length]).toEqual([5, 35]));
      expect([...next].sort((a, b) => a - b)).toEqual([31, 32, 33, 34, 35]);
    });

    test("U2: what was in hand when the reader went is handed on again", async () => {
      await publish(...numbered(1, 10));
      const before: number[] = [];
      await consume(({ n }) => {
        before.push(n);
        return n === 4 ? new Promise(() => {}) : undefined;
      });
      await until(() => expect(before).toHaveLength(10));
      await reopen();
      const after: number[] = [];
      await consume(({ n }) => void after.push(n));
      await until(() => expect(after).toContain(10));
      expect([...after].sort((a, b) => a - b)).toEqual([4, 5, 6, 7, 8, 9, 10]);
    });

    test("U2: from now on, and from a time on", async () => {
      await publish(...numbered(1, 3));
      const [fromNow, fromThen]: [number[], number[]] = [[], []];
      const consumer = await consume(({ n }) => void fromNow.push(n), { from: "now" });
      await until(async () => expect(await consumer.lag()).toBe(0));
      const between = Date.now() + 1;
      await until(() => expect(Date.now()).toBeGreaterThan(between));
      await publish(...numbered(4, 6));
      const from = new Date(between).toISOString();
      await consume(({ n }) => void fromThen.push(n), { from, group: "late" });
      await until(() => expect([fromNow.length, fromThen.length]).toEqual([3, 3]));
      expect([...fromNow].sort((a, b) => a - b)).toEqual([4, 5, 6]);
      expect([...fromThen].sort((a, b) => a - b)).toEqual([4, 5, 6]);
    });

    test("U3: of each key in order, one at a time; keys beside each other", async () => {
      const keys = ["a", "b", "c", "d"];
      const got = new Map<string | undefined, number[]>();
      const busy = new Set<string | undefined>();
      let most = 0;
      await consume(async ({ key, n }) => {
        expect(busy.has(key)).toBe(false);
        busy.add(key);
        most = Math.max(most, busy.size);
        for (let turns = (n * 7) % 5; turns > 0; turns -= 1) await turn();
        busy.delete(key);
        got.set(key, [...(got.get(key) ?? []), n]);
      });
      await publish(...numbered(1, 100, keys));
      await until(() => expect([...got.values()].flat()).toHaveLength(100));
      for (const numbers of got.values())
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      expect(most).toBeGreaterThan(1);
    });

    test("U4: what was not handled is handed on again, and its key waits for it", async () => {
      const got: string[] = [];
      let refusals = 2;
      await consume(({ key, n }) => {
        if (n === 1 && refusals > 0) {
          refusals -= 1;
          throw new Error("not now");
        }
        got.push(`${key}${n}`);
      });
      await publish(busMessage(1, "a"), busMessage(2, "a"), busMessage(3, "b"));
      await until(() => expect(got).toHaveLength(3));
      expect(got).toEqual(["b3", "a1", "a2"]);
    });

    test("U5: no more is in hand than was asked for", async () => {
      await publish(...numbered(1, 20));
      let inHand = 0;
      const waiting: (() => void)[] = [];
      const got: number[] = [];
      const consumer = await consume(
        async ({ n }) => {
          inHand += 1;
          expect(inHand).toBeLessThanOrEqual(3);
          await new Promise<void>((resolve) => waiting.push(resolve));
          inHand -= 1;
          got.push(n);
        },
        { inFlightMax: 3 },
      );
      await until(async () => {
        expect(inHand).toBe(3);
        expect(await consumer.lag()).toBe(20);
      });
      expect(consumer.underWay()).toBe(3);
      await until(() => {
        for (const resolve of waiting.splice(0)) resolve();
        expect(got).toHaveLength(20);
      });
      await until(async () => expect(await consumer.lag()).toBe(0));
    });
  });
}
