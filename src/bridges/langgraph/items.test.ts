/** LangGraph's store of items over a journal. */
import { type BaseStore, InMemoryStore } from "@langchain/langgraph-checkpoint";
import { afterEach, beforeEach, expect, it } from "vitest";
import { memory, open, type StoreFactory } from "../../index.ts";
import { type LanggraphJournal, langgraphJournal } from "../../langgraph.ts";

let factory: StoreFactory;
let journal: LanggraphJournal;
beforeEach(async () => {
  factory = memory();
  journal = await langgraphJournal(factory);
  await journal.open();
});
afterEach(async () => {
  await journal.close();
});

/** The same on LangGraph's store in memory and on ours: what both give. */
async function both(use: (store: BaseStore) => Promise<unknown>): Promise<readonly unknown[]> {
  const given: unknown[] = [];
  for (const store of [new InMemoryStore(), journal.store]) {
    await store.put(["users", "ada"], "likes", { food: "figs", rank: 3 });
    await store.put(["users", "ada"], "name", { first: "Ada", rank: 1 });
    await store.put(["users", "bob"], "likes", { food: "plums", rank: 2 });
    await store.put(["usersold", "x"], "likes", { food: "none", rank: 9 });
    given.push(await use(store));
  }
  return given;
}

it("gives back what was put, as LangGraph's store in memory does", async () => {
  const [theirs, ours] = await both(async (store) => {
    await store.put(["users", "ada"], "likes", { food: "dates", rank: 4 });
    await store.delete(["users", "ada"], "name");
    await store.delete(["users", "nobody"], "name");
    const found = await Promise.all([
      store.get(["users", "ada"], "likes"),
      store.get(["users", "ada"], "name"),
      store.get(["users"], "likes"),
    ]);
    return found.map((item) => item && [item.namespace, item.key, item.value]);
  });
  expect(ours).toEqual(theirs);
  expect(ours).toEqual([[["users", "ada"], "likes", { food: "dates", rank: 4 }], null, null]);
});

it("searches by prefix and filter, with offset and limit, as LangGraph's store in memory does", async () => {
  const [theirs, ours] = await both(async (store) => {
    const searches = await Promise.all([
      store.search(["users"]),
      store.search([]),
      store.search(["users"], { filter: { food: "figs" } }),
      store.search([], { filter: { rank: { $gte: 2, $lt: 9 } } }),
      store.search([], { filter: { food: { $ne: "figs" } }, limit: 1, offset: 1 }),
    ]);
    return searches.map((items) =>
      items.map(({ namespace, key, value }) => [namespace, key, value]),
    );
  });
  expect(ours).toEqual(theirs);
});

it("reads for a search what is below its prefix, and no more than it gives out", async () => {
  const source = memory();
  const asked = new Set<string>();
  const kept = await langgraphJournal(async (mode) => {
    const store = await source(mode);
    return {
      ...store,
      heads: async (filter) => {
        asked.add(`heads of ${filter.prefix}`);
        return await store.heads(filter);
      },
      read: async (name, ...page) => {
        asked.add(name.stream);
        return await store.read(name, ...page);
      },
    };
  });
  await kept.open();
  for (const user of ["a/b", "ü", "c"])
    for (const key of ["1", "2"]) await kept.store.put(["users", user], key, { key });
  await kept.store.put(["usersold", "x"], "k", { key: "1" });
  await kept.store.put(["else"], "k", { key: "1" });
  const asking = async (prefix: string[], options: { limit?: number; offset?: number }) => {
    asked.clear();
    const found = await kept.store.search(prefix, options);
    return { found: found.map(({ namespace, key }) => [...namespace, key]), asked: [...asked] };
  };
  expect(await asking(["users"], { limit: 2, offset: 1 })).toEqual({
    found: [
      ["users", "a/b", "2"],
      ["users", "ü", "1"],
    ],
    asked: ["heads of memory/users", "memory/users/a%2Fb", "memory/users/%C3%BC"],
  });
  expect(await asking(["users", "a/b"], {})).toEqual({
    found: [
      ["users", "a/b", "1"],
      ["users", "a/b", "2"],
    ],
    asked: ["heads of memory/users/a%2Fb", "memory/users/a%2Fb"],
  });
  await kept.close();
});

it("lists namespaces as LangGraph's store in memory does", async () => {
  const [theirs, ours] = await both(
    async (store) =>
      await Promise.all([
        store.listNamespaces(),
        store.listNamespaces({ prefix: ["users"] }),
        store.listNamespaces({ prefix: ["*", "ada"] }),
        store.listNamespaces({ suffix: ["x"] }),
        store.listNamespaces({ maxDepth: 1 }),
        store.listNamespaces({ limit: 1, offset: 1 }),
      ]),
  );
  expect(ours).toEqual(theirs);
});

it("keeps items over a restart, with when they were made and changed, and is verified", async () => {
  let nowMs = 1_000;
  const source = memory();
  const kept = await langgraphJournal(source);
  const baton = await open({
    store: kept.factory,
    workflows: [],
    clock: { now: () => nowMs, monotonicMs: () => nowMs, after: () => () => {} },
  });
  await kept.store.put(["a/b", "ü"], "k", { v: 1 });
  nowMs = 2_000;
  await kept.store.put(["a/b", "ü"], "k", { v: 2 });
  expect((await baton.verify()).problems).toEqual([]);
  await baton.close();
  const again = await langgraphJournal(source);
  await again.open({ readOnly: true });
  expect(await again.store.get(["a/b", "ü"], "k")).toEqual({
    namespace: ["a/b", "ü"],
    key: "k",
    value: { v: 2 },
    createdAt: new Date(1_000),
    updatedAt: new Date(2_000),
  });
  await again.close();
});

it("refuses what it can't do, and values that are no JSON", async () => {
  const { store } = journal;
  const refused = { code: "ARGUMENT_INVALID" };
  await expect(store.search(["a"], { query: "something like it" })).rejects.toMatchObject(refused);
  await expect(store.put(["a"], "k", { v: 1 }, ["v"])).rejects.toMatchObject(refused);
  await store.put(["a"], "k", { v: 1 });
  await expect(store.search(["a"], { filter: { v: { $like: 1 } } })).rejects.toMatchObject(refused);
  await expect(store.put(["a"], "k", { at: new Date(0) })).rejects.toMatchObject({
    code: "VALUE_NOT_JSON",
  });
  expect((await store.get(["a"], "k"))?.value).toEqual({ v: 1 });
});
