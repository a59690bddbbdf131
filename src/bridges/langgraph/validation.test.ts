/** LangGraph's own validation suite, over each store, and its tests of delta channels, which are apart. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as vitest from "vitest";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { memory } from "../../index.ts";
import { sqlite } from "../../sqlite.ts";
import { type LanggraphJournal, langgraphJournal } from "../../langgraph.ts";
import type { StoreFactory } from "../../ports/journal-store.ts";

// The suite takes these from where `vitest --globals` would put them.
const { describe, it, expect, beforeAll, beforeEach, afterAll, afterEach } = vitest;
const GLOBALS = { describe, it, expect, beforeAll, beforeEach, afterAll, afterEach };

Object.assign(globalThis, GLOBALS);
const { validate, deltaChannelHistoryTests } = await import(
  "@langchain/langgraph-checkpoint-validation"
);

function suite(
  name: string,
  make: () => Promise<{ store: StoreFactory; remove: () => Promise<void> }>,
) {
  const open = new Map<
    BaseCheckpointSaver,
    { journal: LanggraphJournal; remove: () => Promise<void> }
  >();
  const initializer = {
    checkpointerName: `baton/langgraph on ${name}`,
    createCheckpointer: async () => {
      const { store, remove } = await make();
      const journal = await langgraphJournal(store);
      await journal.open();
      open.set(journal.checkpointer, { journal, remove });
      return journal.checkpointer;
    },
    destroyCheckpointer: async (checkpointer: BaseCheckpointSaver) => {
      const opened = open.get(checkpointer);
      await opened?.journal.close();
      await opened?.remove();
    },
  };
  validate(initializer);
  deltaChannelHistoryTests(initializer);
}

suite("memory", async () => ({ store: memory(), remove: async () => {} }));
suite("sqlite", async () => {
  const folder = await mkdtemp(join(tmpdir(), "baton-langgraph-"));
  const remove = async () => await rm(folder, { recursive: true });
  return { store: sqlite(join(folder, "x.db"), { durability: "process-crash" }), remove };
});

// The suite's blocks are read after this file has been: its globals go once all is over.
afterAll(() => {
  for (const name of Object.keys(GLOBALS)) Reflect.deleteProperty(globalThis, name);
});
