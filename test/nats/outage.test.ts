/** A bus that is taken away: U6 of the port, and what is made of a stream that is not what it was. */
import { nats } from "baton/nats";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "../../src/engine/system-clock.ts";
import type { Bus } from "../../src/ports/bus.ts";
import { busMessage, OTHER_TOPIC, TOPIC } from "../conformance/bus.ts";
import { type NatsServer, natsServer } from "../../bench/nats-server.ts";
import { busContext } from "./places.ts";

let server: NatsServer;
let bus: Bus;
let log: string[];
let got: number[];

const until = (check: () => void | Promise<void>) =>
  vi.waitFor(check, { timeout: 30_000, interval: 20 });
const open = async (more: Parameters<typeof nats>[0] = {}) =>
  await nats({ servers: server.address, ...more }).open(
    busContext({
      clock: systemClock,
      topics: [{ name: TOPIC, retentionMs: 3_600_000 }],
      log: ({ level, message }) => log.push(`${level}: ${message}`),
    }),
  );
const consume = async (from: "now" | "beginning" = "beginning") =>
  await bus.consume({
    topic: TOPIC,
    group: "readers",
    from,
    inFlightMax: 10,
    handle: async ({ data }) => void got.push((JSON.parse(data) as { readonly n: number }).n),
  });
/** Asks the server itself. */
async function asAdmin<X>(act: (jsm: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<X>) {
  const connection = await connect({ servers: server.address });
  try {
    return await act(await jetstreamManager(connection));
  } finally {
    await connection.close();
  }
}

beforeEach(async () => {
  server = await natsServer();
  [log, got] = [[], []];
});
afterEach(async () => {
  await bus.close();
  await server.dispose();
});

test("U6: a server that is not there yet, and goes and comes back, is waited for; it is told once", async () => {
  await server.kill();
  bus = await open();
  const consumer = await consume();
  const published = bus.publish([busMessage(1, "a"), busMessage(2, "a")]);
  await until(() => expect(bus.trouble()).toMatch(/refused|ECONN/i));
  expect(await consumer.lag()).toBeUndefined();
  await server.start();
  await published;
  await until(() => expect(got).toEqual([1, 2]));
  await until(() => expect(bus.trouble()).toBeUndefined());
  await server.kill();
  await until(() => expect(bus.trouble()).toBeDefined());
  const again = bus.publish([busMessage(3, "a")]);
  await server.start();
  await again;
  await until(() => expect(got).toEqual([1, 2, 3]));
  expect(log.map((line) => line.replace(/^(\w+: \S+) (.{9}).*/, "$1 $2"))).toEqual([
    `warn: ${bus.label} can't be `,
    `info: ${bus.label} is back.`,
    `warn: ${bus.label} can't be `,
    `info: ${bus.label} is back.`,
  ]);
});

test("the stream is made as the topics need it, and one that loses events for others is refused", async () => {
  bus = await open();
  await bus.publish([busMessage(1)]);
  await asAdmin(async (jsm) => {
    const { config } = await jsm.streams.info("BATON");
    expect(config).toMatchObject({
      subjects: ["baton.>"],
      retention: "limits",
      storage: "file",
      max_age: 3_600_000 * 1e6,
      duplicate_window: 120_000 * 1e6,
    });
    await jsm.streams.add({ name: "QUEUE", subjects: ["queue.>"], retention: "workqueue" });
  });
  await bus.close();
  bus = await open({ stream: "QUEUE", prefix: "queue" });
  await until(() => expect(bus.trouble()).toMatch(/Stream QUEUE can't be used: its retention/));
  await bus.close();
  bus = await open({ stream: "BATON", prefix: "elsewhere" });
  await until(() => expect(bus.trouble()).toMatch(/it takes baton\.>, and not elsewhere\.>/));
  await bus.close();
  bus = await open({ stream: "ABSENT", prefix: "absent", create: false });
  await until(() => expect(bus.trouble()).toMatch(/There is no stream ABSENT/));
});

test("an event that is sent twice is in the stream once, one of another source with its id beside it", async () => {
  bus = await open();
  const message = busMessage(1);
  const attributes = { ...message.attributes, source: "//somebody/else" };
  await bus.publish([message]);
  await bus.publish([message, { ...message, attributes }]);
  const { state } = await asAdmin((jsm) => jsm.streams.info("BATON"));
  expect(state.messages).toBe(2);
});

test("a stream that was deleted and made again is read from its beginning", async () => {
  bus = await open();
  await consume();
  await bus.publish([busMessage(1), busMessage(2)]);
  await until(() => expect([...got].sort((a, b) => a - b)).toEqual([1, 2]));
  await asAdmin((jsm) => jsm.streams.delete("BATON"));
  // The stream is looked for when a session begins.
  await server.kill();
  await server.start();
  await bus.publish([busMessage(3)]);
  await until(() => expect(got).toContain(3));
  expect(log.join("\n")).toContain("is another one than it was; it had been read up to 2");
});

test("a topic whose consumer the server refuses is tried again, beside the others and what is published", async () => {
  const theirs = await asAdmin(async (jsm) => {
    await jsm.streams.add({ name: "FEW", subjects: ["few.>"], max_consumers: 2 });
    const { name } = await jsm.consumers.add("FEW", { durable_name: "theirs", ack_policy: "none" });
    return name;
  });
  bus = await open({ stream: "FEW", prefix: "few" });
  await consume();
  await bus.publish([busMessage(1)]);
  await until(() => expect(got).toEqual([1]));
  const other = await bus.consume({
    topic: OTHER_TOPIC,
    group: "readers",
    from: "beginning",
    inFlightMax: 10,
    handle: async () => void got.push(99),
  });
  await until(() => expect(other.trouble?.()).toBe("maximum consumers limit reached"));
  await bus.publish([busMessage(2), busMessage(3, "a", OTHER_TOPIC)]);
  await until(() => expect(got).toEqual([1, 2]));
  expect(bus.trouble()).toBeUndefined();
  await asAdmin((jsm) => jsm.consumers.delete("FEW", theirs));
  await until(() => expect(got).toEqual([1, 2, 99]));
  expect(other.trouble?.()).toBeUndefined();
  expect(log).toEqual([
    `error: ${OTHER_TOPIC} can't be read by readers: maximum consumers limit reached. It is tried again.`,
  ]);
});

test("what is larger than the server takes is refused, and keeps nobody up", async () => {
  bus = await open();
  await consume();
  const large = { ...busMessage(1, "a"), data: JSON.stringify("x".repeat(2_000_000)) };
  await expect(bus.publish([large])).rejects.toMatchObject({ code: "VALUE_TOO_LARGE" });
  await bus.publish([busMessage(2, "a")]);
  await until(() => expect(got).toEqual([2]));
});
