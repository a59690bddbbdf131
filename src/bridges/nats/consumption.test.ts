/** Consuming a topic of a stream that changes under it. What a server does by itself is in test/nats. */
import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import type { BusPlace, Consumption } from "../../ports/bus.ts";
import { consume } from "./consumption.ts";
import { settingsOf } from "./options.ts";
import type { Session } from "./session.ts";

interface Stream {
  readonly created: string;
  readonly lastSeq: number;
}

/** A server whose stream is what the test says, and the consumption of a topic from there; each session delivers what is put there. */
function served(stream: Stream, place: BusPlace | undefined) {
  const clock = virtualClock();
  const kept: BusPlace[] = [];
  const told: string[] = [];
  const state = {
    stream,
    deliver: [] as number[],
    isOpen: true,
    failed: false,
    consumersAdded: 0,
    refusal: undefined as Error | undefined,
  };
  const opened = (): Session => {
    state.isOpen = true;
    let sequence = 0;
    async function* messages() {
      for (const seq of state.deliver.splice(0)) {
        sequence += 1;
        const info = { deliverySequence: sequence };
        yield { info, headers: undefined, seq, subject: "baton.d.t._", string: () => "{}" };
      }
      await new Promise<void>((resolve) => clock.after(10, resolve, true));
    }
    const session = {
      connection: { isClosed: () => !state.isOpen },
      jsm: {
        streams: {
          info: async () => ({
            created: state.stream.created,
            state: { first_seq: 1, last_seq: state.stream.lastSeq },
          }),
        },
        consumers: {
          add: async () => {
            if (state.refusal !== undefined) throw state.refusal;
            state.consumersAdded += 1;
            return { name: "c" };
          },
        },
      },
      js: {
        consumers: {
          get: async () => ({
            fetch: async () => ({ stop: () => {}, [Symbol.asyncIterator]: messages }),
          }),
        },
      },
    };
    // Of the client's objects it has what a consumption asks of them.
    return session as unknown as Session;
  };
  const begin = async (handle: Consumption["handle"]) =>
    await consume(
      {
        namespace: "d",
        group: "g",
        topics: [],
        clock,
        log: ({ message }) => told.push(message),
        places: async () => ({
          place: () => place,
          keep: async (newest) => void kept.push(newest),
        }),
      },
      settingsOf({}),
      {
        // There is none after one that failed.
        next: () => (state.failed ? new Promise(() => {}) : Promise.resolve(opened())),
        current: () => undefined,
        fail: (_, error) => {
          state.failed = true;
          told.push(`The session failed: ${String(error)}`);
        },
        trouble: () => undefined,
        close: async () => {},
      },
      { topic: "t", group: "in", from: "now", inFlightMax: 4, handle },
    );
  return { clock, state, kept, told, begin };
}

test("C2: a position is kept with the stream that its message was in, also where consuming stops at that moment", async () => {
  const { clock, state, kept, told, begin } = served(
    { created: "old", lastSeq: 5_000 },
    { position: 4_999, log: "old" },
  );
  let release = () => {};
  state.deliver.push(5_000);
  const consumer = await begin(() => new Promise((resolve) => (release = resolve)));
  await clock.settle();
  expect(consumer.underWay()).toBe(1);
  // The stream is made anew while the message is in hand: the next session waits for that.
  state.stream = { created: "new", lastSeq: 9_000 };
  state.isOpen = false;
  await clock.advance(10);
  expect(told).toEqual([expect.stringContaining("is another one than it was")]);
  const stopped = consumer.stop();
  await clock.settle();
  release();
  await clock.until(stopped);
  expect(kept).toEqual([{ position: 5_000, log: "old" }]);
  expect(state.consumersAdded).toBe(1);
});

test("C2: where a stream has lost its end, the next process reads from there, too", async () => {
  const { clock, state, kept, told, begin } = served(
    { created: "s", lastSeq: 4_000 },
    { position: 5_000, log: "s" },
  );
  const consumer = await begin(async () => {});
  await clock.settle();
  expect(told).toEqual([expect.stringContaining("ends at 4000")]);
  await clock.until(consumer.stop());
  // Otherwise the events from 4001 to 5000 would be taken for known ones, once they are there.
  expect(kept).toEqual([{ position: 4_000, log: "s" }]);
  expect(state.consumersAdded).toBe(1);
});

test.each([
  { name: "JetStreamApiError", message: "maximum consumers limit reached", status: 400 },
  { name: "PermissionViolationError", message: "Permissions Violation for Publish" },
])(
  "C3: a consumer that is refused ($name) is asked for again, and ends no session",
  async (error) => {
    const { clock, state, told, begin } = served({ created: "s", lastSeq: 7 }, { position: 6 });
    state.refusal = Object.assign(new Error(), error);
    const handled: number[] = [];
    const consumer = await begin(async (_, { position }) => void handled.push(position));
    await clock.advance(60_000);
    expect(told).toEqual([`t can't be read by in: ${error.message}. It is tried again.`]);
    expect(consumer.trouble?.()).toBe(error.message);
    state.refusal = undefined;
    state.deliver.push(7);
    await clock.advance(10_000);
    expect(handled).toEqual([7]);
    expect(consumer.trouble?.()).toBeUndefined();
    await clock.until(consumer.stop());
    expect(told).toHaveLength(1);
  },
);

test.each([
  { name: "StreamNotFoundError", message: "stream not found", status: 404 },
  { name: "JetStreamApiError", message: "temporarily unavailable", status: 503 },
  { name: "TimeoutError", message: "timeout" },
])("$name ends the session: the next one may know better", async (error) => {
  const { clock, state, told, begin } = served({ created: "s", lastSeq: 7 }, { position: 6 });
  state.refusal = Object.assign(new Error(), error);
  const consumer = await begin(async () => {});
  await clock.settle();
  expect(told).toEqual([`The session failed: ${error.name}: ${error.message}`]);
  await clock.until(consumer.stop());
});
