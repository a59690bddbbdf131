/** Checkpoints in a journal: what LangGraph's suite does not ask. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Annotation, END, START, StateGraph } from "@langchain/langgraph";
import {
  type BaseCheckpointSaver,
  emptyCheckpoint,
  MemorySaver,
  uuid6,
} from "@langchain/langgraph-checkpoint";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { memory, open, type StoreFactory } from "../../index.ts";
import { langgraphJournal } from "../../langgraph.ts";
import { sqlite } from "../../sqlite.ts";
import { loadParts } from "./journal.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "baton-langgraph-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const State = Annotation.Root({
  said: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
});

function echo(checkpointer: BaseCheckpointSaver) {
  return new StateGraph(State)
    .addNode("echo", ({ said }) => ({ said: [`${said.at(-1)} again`] }))
    .addEdge(START, "echo")
    .addEdge("echo", END)
    .compile({ checkpointer });
}

const THREAD = { configurable: { thread_id: "the thread/1" } };

async function problemsOf(store: StoreFactory) {
  const baton = await open({ store, workflows: [], readOnly: true });
  const { problems } = await baton.verify();
  await baton.close();
  return problems;
}

async function all<X>(items: AsyncIterable<X>): Promise<X[]> {
  const found: X[] = [];
  for await (const item of items) found.push(item);
  return found;
}

it("goes on with a thread in the next process, and is verified like any journal", async () => {
  const store = sqlite(join(folder, "x.db"));
  const first = await langgraphJournal(store);
  await first.open();
  await echo(first.checkpointer).invoke({ said: ["hello"] }, THREAD);
  await first.close();

  const second = await langgraphJournal(store);
  await second.open();
  const { said } = await echo(second.checkpointer).invoke({ said: ["you"] }, THREAD);
  expect(said).toEqual(["hello", "hello again", "you", "you again"]);
  await second.close();
  expect(await problemsOf(store)).toEqual([]);
});

it("writes under the lease of the Baton that has its store, and not without one", async () => {
  const journal = await langgraphJournal(memory());
  const graph = echo(journal.checkpointer);
  await expect(graph.invoke({ said: ["hello"] }, THREAD)).rejects.toMatchObject({
    code: "STORE_CLOSED",
  });
  const baton = await open({ store: journal.factory, workflows: [] });
  await expect(journal.open()).rejects.toMatchObject({ code: "STORE_IN_USE" });
  await graph.invoke({ said: ["hello"] }, THREAD);
  expect((await graph.getState(THREAD)).values).toEqual({ said: ["hello", "hello again"] });
  expect((await baton.verify()).problems).toEqual([]);
  await baton.close();
  await expect(graph.getState(THREAD)).rejects.toMatchObject({ code: "STORE_CLOSED" });
});

it("reads beside the process that writes, as far as that has come", async () => {
  const store = sqlite(join(folder, "x.db"));
  const writer = await langgraphJournal(store);
  await writer.open();
  await echo(writer.checkpointer).invoke({ said: ["one"] }, THREAD);
  const reader = await langgraphJournal(store);
  await reader.open({ readOnly: true });
  const seen = echo(reader.checkpointer);
  expect((await seen.getState(THREAD)).values).toEqual({ said: ["one", "one again"] });
  await echo(writer.checkpointer).invoke({ said: ["two"] }, THREAD);
  expect((await seen.getState(THREAD)).values["said"]).toHaveLength(4);
  await expect(seen.invoke({ said: ["three"] }, THREAD)).rejects.toMatchObject({
    code: "STORE_READ_ONLY",
  });
  const other = await langgraphJournal(store);
  await expect(other.open()).rejects.toMatchObject({ code: "STORE_IN_USE" });
  await reader.close();
  await writer.close();
});

it("refuses to write once another process has taken the store over", async () => {
  const store = memory();
  const slow = await langgraphJournal(store);
  await slow.open();
  const next = await store({ readOnly: false });
  const lease = await next.lease();
  expect(await next.acquire("next", lease)).toMatchObject({ kind: "acquired" });
  await expect(echo(slow.checkpointer).invoke({ said: ["late"] }, THREAD)).rejects.toMatchObject({
    code: "STORE_FENCED",
  });
  await slow.close();
  await next.close();
});

it("gives nothing of a deleted thread out, and begins it anew", async () => {
  const journal = await langgraphJournal(memory());
  await journal.open();
  const graph = echo(journal.checkpointer);
  const long = "x".repeat(10_000);
  await graph.invoke({ said: [long] }, THREAD);
  await journal.checkpointer.deleteThread("the thread/1");
  expect(await journal.checkpointer.getTuple(THREAD)).toBeUndefined();
  expect(await all(journal.checkpointer.list({}))).toEqual([]);
  const { said } = await graph.invoke({ said: [long] }, THREAD);
  expect(said).toHaveLength(2);
  await journal.close();
});

it("keeps what came of a fork apart from what it was forked from", async () => {
  const journal = await langgraphJournal(memory());
  await journal.open();
  const graph = echo(journal.checkpointer);
  await graph.invoke({ said: ["a"] }, THREAD);
  const first = await graph.getState(THREAD);
  // Both ways from here give the channel the same next version, with different values.
  const [one, two] = [
    await graph.updateState(first.config, { said: ["one"] }, "echo"),
    await graph.updateState(first.config, { said: ["two"] }, "echo"),
  ];
  expect((await graph.getState(one)).values["said"]).toEqual(["a", "a again", "one"]);
  expect((await graph.getState(two)).values["said"]).toEqual(["a", "a again", "two"]);
  await journal.close();
});

it("lists across threads, newest checkpoint first, by metadata and limit", async () => {
  const journal = await langgraphJournal(memory());
  await journal.open();
  const graph = echo(journal.checkpointer);
  for (const thread_id of ["a", "b"])
    await graph.invoke({ said: ["x"] }, { configurable: { thread_id } });
  const listed = await all(journal.checkpointer.list({}, { filter: { source: "loop" }, limit: 3 }));
  expect(
    listed.map(({ config, metadata }) => [config.configurable?.["thread_id"], metadata?.step]),
  ).toEqual([
    ["b", 1],
    ["b", 0],
    ["a", 1],
  ]);
  await journal.close();
});

describe("a channel's value", () => {
  const saved = fc.array(
    fc.record({
      back: fc.nat(3),
      log: fc.option(fc.array(fc.string({ unit: "binary", maxLength: 300 }), { maxLength: 6 })),
      text: fc.string({ unit: "binary", maxLength: 30 }),
      times: fc.nat(300),
    }),
    { minLength: 1, maxLength: 12 },
  );

  it("is what was put, however it changes, whatever it was put after, and after a restart", async () => {
    await fc.assert(
      fc.asyncProperty(saved, async (puts) => {
        const store = memory();
        const journal = await langgraphJournal(store);
        await journal.open();
        const expected = new Map<string, unknown>();
        const ids: string[] = [];
        for (const [i, { back, log, text, times }] of puts.entries()) {
          const id = uuid6(i);
          const parent = ids.at(-1 - back) ?? ids.at(-1);
          const values = { ...(log === null ? {} : { log }), text: text.repeat(times) };
          const versions = Object.fromEntries(Object.keys(values).map((name) => [name, i]));
          const configurable = {
            thread_id: "t",
            checkpoint_ns: "",
            ...(parent === undefined ? {} : { checkpoint_id: parent }),
          };
          const checkpoint = {
            ...emptyCheckpoint(),
            id,
            channel_values: values,
            channel_versions: versions,
          };
          const metadata = { source: "loop", step: i, parents: {} } as const;
          await journal.checkpointer.put({ configurable }, checkpoint, metadata, versions);
          await journal.checkpointer.putWrites(
            { configurable: { thread_id: "t", checkpoint_ns: "", checkpoint_id: id } },
            [
              ["text", values.text],
              ["log", log],
            ],
            "w",
          );
          expected.set(id, values);
          ids.push(id);
        }
        await journal.close();
        const again = await langgraphJournal(store);
        await again.open();
        const tuples = await all(again.checkpointer.list({ configurable: { thread_id: "t" } }));
        expect(
          new Map(tuples.map(({ checkpoint }) => [checkpoint.id, checkpoint.channel_values])),
        ).toEqual(expected);
        for (const { checkpoint, pendingWrites } of tuples)
          expect(pendingWrites?.[0]).toEqual(["w", "text", checkpoint.channel_values["text"]]);
        await again.close();
        expect(await problemsOf(store)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it("is found to be damaged where a blob was changed", async () => {
    const store = memory();
    const journal = await langgraphJournal(store);
    await journal.open();
    await echo(journal.checkpointer).invoke({ said: ["x".repeat(100_000)] }, THREAD);
    await journal.close();
    const damaged = await langgraphJournal(async (mode) => {
      const opened = await store(mode);
      return { ...opened, blob: async (sha256) => (await opened.blob(sha256))?.replace("x", "y") };
    });
    await damaged.open();
    await expect(damaged.checkpointer.getTuple(THREAD)).rejects.toMatchObject({
      code: "JOURNAL_BROKEN",
    });
    await damaged.close();
  });
});

it("gives a graph the same history as LangGraph's saver in memory does", async () => {
  const journal = await langgraphJournal(memory());
  await journal.open();
  const histories = [];
  for (const checkpointer of [new MemorySaver(), journal.checkpointer]) {
    const graph = echo(checkpointer);
    await graph.invoke({ said: ["x"] }, THREAD);
    await graph.updateState(THREAD, { said: ["by hand"] });
    await graph.invoke({ said: ["y"] }, THREAD);
    const history = await all(graph.getStateHistory(THREAD));
    histories.push(
      history.map(({ values, next, metadata }) => ({
        values,
        next,
        metadata: { ...metadata, parents: {} },
      })),
    );
  }
  expect(histories[1]).toEqual(histories[0]);
  expect(histories[0]?.length).toBeGreaterThan(5);
  await journal.close();
});

it("says which packages are missing, with the command that installs them", async () => {
  const missing = () => import("./no-such-package.ts" as string);
  await expect(loadParts(missing)).rejects.toMatchObject({
    code: "DEPENDENCY_MISSING",
    message: expect.stringContaining("@langchain/langgraph-checkpoint"),
    hint: expect.stringContaining("npm install @langchain/langgraph @langchain/core "),
  });
});
