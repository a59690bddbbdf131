import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { queryObjects } from "node:v8";
import { agent, contract, open, workflow } from "baton";
import { otel } from "baton/otel";
import { sqlite } from "baton/sqlite";
import { virtualClock } from "baton/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { DEFAULT_LIMITS } from "../../model/limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LogSink } from "../../ports/log-sink.ts";
import type { Portable } from "../../ports/portable.ts";
import { catalogue } from "../definitions.ts";
import { systemClock } from "../system-clock.ts";
import { inputFeed } from "./input-feed.ts";
import { inputTeller } from "./input-teller.ts";
import type { InputBatch } from "./messages.ts";
import { openTraceThread } from "./thread.ts";
import { toldInputs } from "./told-inputs.ts";

const at = (now: number) => ({ now: () => now });
const batchOf = (texts: readonly string[], when: number): InputBatch => ({
  texts,
  characters: texts.join("").length,
  at: when,
});

describe("the feed of inputs", () => {
  test("collects until it is asked, and hands over by itself what has become large", () => {
    const given: InputBatch[] = [];
    const feed = inputFeed(at(7));
    feed.tell("h1", "one");
    feed.connect((batch) => given.push(batch));
    expect(given).toEqual([]);
    feed.flush();
    feed.flush();
    expect(given).toEqual([{ texts: ["h1", "one"], characters: 5, at: 7 }]);
    feed.tell("h2", "x".repeat(70_000));
    expect(given.map(({ characters }) => characters)).toEqual([5, 70_002]);
  });

  test("drops what is over its bound until what it gave was taken, or is lost", () => {
    const given: InputBatch[] = [];
    const feed = inputFeed(at(7), 10);
    feed.connect((batch) => given.push(batch));
    const tell = (hash: string) => {
      feed.tell(hash, "123456");
      feed.flush();
    };
    tell("h1");
    tell("h2");
    feed.took(8);
    tell("h3");
    tell("h4");
    feed.connect((batch) => given.push(batch));
    tell("h5");
    expect(given.map(({ texts }) => texts[0])).toEqual(["h1", "h3", "h5"]);
  });
});

describe("inputs that were told", () => {
  test("are there until their time has passed, also where one was told again", () => {
    const told = toldInputs();
    told.take(batchOf(["a", "1", "b", "2"], 10));
    told.take(batchOf(["b", "2", "c", "3"], 20));
    told.forgetBefore(10);
    expect(["a", "b", "c"].map(told.text)).toEqual(["1", "2", "3"]);
    told.forgetBefore(11);
    expect(["a", "b", "c"].map(told.text)).toEqual([undefined, "2", "3"]);
    told.forgetBefore(21);
    expect(["a", "b", "c"].map(told.text)).toEqual([undefined, undefined, undefined]);
  });

  test("find no room beside those that are needed first, and do again once these are forgotten", () => {
    const told = toldInputs(4);
    told.take(batchOf(["a", "111"], 10));
    told.take(batchOf(["b", "222"], 20));
    expect([told.text("a"), told.text("b")]).toEqual(["111", undefined]);
    told.forgetBefore(15);
    told.take(batchOf(["b", "222"], 30));
    expect([told.text("a"), told.text("b")]).toEqual([undefined, "222"]);
  });
});

const Count = contract("count", "1.0.0", z.number());
const add = agent({
  name: "add",
  version: "1.0.0",
  input: Count,
  output: Count,
  execute: (n) => n + 1,
});
const flow = workflow("flow", "1.0.0", { input: Count })
  .step("add", add, { input: ({ input }) => input })
  .output(({ add: n }) => n);

/** A file with a run in it. */
async function filled(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "baton-thread-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "baton.db");
  const baton = await open({ store: sqlite(file), workflows: [flow] });
  await (await baton.start(flow, 1, { id: "r1" })).outcome();
  await baton.close();
  return file;
}

/** A thread over a file with a run in it. */
async function threadOver(tracing: Portable, clock: Clock, log: LogSink = () => {}) {
  const store = await sqlite(await filled())({ readOnly: true });
  onTestFinished(() => store.close());
  if (store.inThread === undefined) throw new Error("It can't cross.");
  return openTraceThread({
    store,
    namespace: "default",
    catalogue: catalogue([flow], [], DEFAULT_LIMITS),
    limits: DEFAULT_LIMITS,
    clock,
    log,
    there: { store: store.inThread, tracing },
    content: true,
    feed: inputFeed(clock),
  });
}

test("pauses between inputs that are computed again leave nothing behind, however many there were", async () => {
  const store = await sqlite(await filled())({ readOnly: true });
  onTestFinished(() => store.close());
  let [nowMs, paused] = [0, 0];
  const clock: Clock = {
    now: () => 0,
    // Each look at it is some work later.
    monotonicMs: () => (nowMs += 10),
    after: (_, wake) => {
      paused += 1;
      setImmediate(wake);
      return () => {};
    },
  };
  const limits = DEFAULT_LIMITS;
  const known = catalogue([flow], [], limits);
  const teller = inputTeller({ store, namespace: "default", catalogue: known, limits, clock });
  const compute = async (times: number) =>
    await teller.inputs(Array(times).fill({ run: "r1", seqs: [0] }));
  await compute(10);
  const before = queryObjects(Promise);
  await compute(300);
  expect(paused).toBe(310);
  expect(Number(queryObjects(Promise)) - Number(before)).toBeLessThan(50);
  teller.hurry();
  await compute(10);
  expect(paused).toBe(310);
});

test("a thread whose collector never answers ends once its limit is over, and keeps its place", async () => {
  let asked = 0;
  const server = createServer(() => {
    asked += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const tracing = otel({ url: `http://127.0.0.1:${port}/v1/traces` });
  if (tracing.inThread === undefined) throw new Error("It can't cross.");
  const thread = await threadOver(tracing.inThread, systemClock);
  const moved: number[] = [];
  const running = thread.start({
    position: () => 0,
    moved: (position) => {
      moved.push(position);
      return Promise.resolve();
    },
  });
  await vi.waitFor(() => expect(asked).toBeGreaterThan(0), { timeout: 15_000 });
  await running.stop(100);
  expect(moved).toEqual([]);
});

/** A module whose loading has no end, from the first or the second time on; before, its tracing ends its thread with what it is sent. */
function hanging(from: 1 | 2): { readonly there: Portable; readonly isHanging: () => boolean } {
  const folder = mkdtempSync(join(tmpdir(), "baton-hanging-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [module, once, hangs] = ["hangs.mjs", "once", "hangs"].map((name) => join(folder, name));
  if (module === undefined || once === undefined || hangs === undefined) return expect.fail();
  if (from === 1) writeFileSync(once, "");
  writeFileSync(
    module,
    `import { existsSync, writeFileSync } from "node:fs";
    if (existsSync(${JSON.stringify(once)})) {
      writeFileSync(${JSON.stringify(hangs)}, "");
      setInterval(() => {}, 1000);
      await new Promise(() => {});
    }
    writeFileSync(${JSON.stringify(once)}, "");
    const send = () => process.exit(7);
    const close = async () => {};
    export const inThread = () => ({ name: "t", content: false, open: async () => ({ send, close }) });`,
  );
  const url = pathToFileURL(module).href;
  return { there: { module: url, options: {} }, isHanging: () => existsSync(hangs) };
}

const until = (isSo: () => boolean) =>
  vi.waitFor(() => expect(isSo()).toBe(true), { timeout: 15_000 });

test("a thread that does not become ready is not waited for", async () => {
  const clock = virtualClock();
  const { there, isHanging } = hanging(1);
  const refused = threadOver(there, clock).catch(String);
  await until(isHanging);
  await clock.advance(30_000);
  expect(await refused).toBe("Error: It was not ready in 30 seconds.");
});

test("nor is one that is started again and does not become ready, when all is closed", async () => {
  const clock = virtualClock();
  const { there, isHanging } = hanging(2);
  const log: string[] = [];
  const thread = await threadOver(there, clock, ({ message }) => void log.push(message));
  const running = thread.start({ position: () => 0, moved: () => Promise.resolve() });
  await until(() => log.length > 0);
  await clock.advance(1_000);
  await until(isHanging);
  // No time passes.
  await running.stop(100);
  expect(log).toEqual([expect.stringContaining("has died, and is started again")]);
});
