import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { type Exporter, sender } from "./sender.ts";

type Done = Parameters<Exporter<string>["export"]>[1];

test("an exporter that does not say what became of a batch did not take it, whatever it says later", async () => {
  const clock = virtualClock();
  const asked: Done[] = [];
  const exporter: Exporter<string> = {
    export: (_, done) => void asked.push(done),
    shutdown: () => Promise.resolve(),
  };
  const sendAll = sender<string>({ repeats: false, clock });
  const send = () => sendAll(exporter, ["a", "b"], () => expect.fail());
  const underWay = Promise.resolve("under way");
  const first = send();
  await clock.advance(29_999);
  expect(await Promise.race([first, underWay])).toBe("under way");
  await clock.advance(1);
  expect(await first).toMatchObject({ message: "There was no answer in 30 seconds." });
  const second = send();
  asked[0]?.({ code: 0 });
  await clock.advance(1_000);
  expect(await Promise.race([second, underWay])).toBe("under way");
  asked[1]?.({ code: 0 });
  expect(await second).toBeUndefined();
});

/** A collector that answers 400 to what has one of `bad` in it, and to everything while it is `gone`. */
function collecting(repeats = true) {
  const state = { gone: false, requests: 0 };
  const [taken, dropped]: [string[], string[]] = [[], []];
  const bad = new Set<string>();
  const exporter: Exporter<string> = {
    export: (items, done) => {
      state.requests += 1;
      const isRefused = state.gone || items.some((item) => bad.has(item));
      if (!isRefused) taken.push(...items);
      done(isRefused ? { code: 1, error: Object.assign(new Error("Bad"), { code: 400 }) } : OK);
    },
    shutdown: () => Promise.resolve(),
  };
  const sendAll = sender<string>({ repeats, clock: virtualClock() });
  const send = (...items: string[]) =>
    sendAll(exporter, items, (item, why) => void dropped.push(`${item}: ${why}`));
  return { state, taken, dropped, bad, send };
}

const OK = { code: 0 };
const NOTHING = { status: 400, message: "400 Bad. It takes nothing else either." };

test("what a collector can't read is dropped, and nothing else of its batch", async () => {
  const { taken, dropped, bad, send } = collecting(false);
  bad.add("b").add("d");
  expect(await send("a", "b", "c", "d", "e")).toBeUndefined();
  expect(taken).toEqual(["a", "c", "e"]);
  expect(dropped).toEqual(["b: 400 Bad", "d: 400 Bad"]);
});

test("what refuses everything has taken nothing, and nothing is dropped", async () => {
  const { state, taken, dropped, send } = collecting();
  state.gone = true;
  expect(await send("a", "b", "c", "d")).toMatchObject(NOTHING);
  expect(await send("e")).toMatchObject(NOTHING);
  state.gone = false;
  expect(await send("a", "b", "c", "d")).toBeUndefined();
  expect([taken, dropped]).toEqual([["a", "b", "c", "d"], []]);
});

test("nor has what began to refuse everything, which is seen by what it had taken", async () => {
  const { state, dropped, send } = collecting();
  await send("a", "b");
  [state.gone, state.requests] = [true, 0];
  expect(await send("c", "d", "e", "f")).toMatchObject(NOTHING);
  expect(await send("g")).toMatchObject(NOTHING);
  expect([state.requests, dropped]).toEqual([4, []]);
});

test("what can't be read and is alone is dropped where the collector takes again what it had taken", async () => {
  const { taken, dropped, bad, send } = collecting();
  bad.add("c").add("d").add("e");
  await send("a", "b");
  expect(await send("c")).toBeUndefined();
  expect(await send("d", "e")).toBeUndefined();
  expect(taken).toEqual(["a", "b", "b", "b"]);
  expect(dropped).toEqual(["c: 400 Bad", "d: 400 Bad", "e: 400 Bad"]);
});

test("what must not be sent again waits for others where it can't be read and is alone", async () => {
  const { taken, dropped, bad, send } = collecting(false);
  bad.add("b");
  await send("a");
  expect(await send("b")).toMatchObject(NOTHING);
  expect(await send("b", "c")).toBeUndefined();
  expect([taken, dropped]).toEqual([["a", "c"], ["b: 400 Bad"]]);
});
