/**
 * How much the steps of a graph over a state of 100 KB take on the disk, beside LangGraph's own SQLite saver. Of 1,000 steps it
 * is 48 times less (3.2 MB, not 154 MB: set STEPS); the test makes do with fewer, since their saver takes long.
 */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Annotation, END, START, StateGraph } from "@langchain/langgraph";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { open } from "../../compose.ts";
import { langgraphJournal } from "../../langgraph.ts";
import { sqlite } from "../../sqlite.ts";

const STEPS = 200;
const TIMEOUT_MS = 120_000;

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "baton-langgraph-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Documents that stay as they are, a conversation that grows, and a counter. */
const State = Annotation.Root({
  documents: Annotation<readonly { readonly id: number; readonly text: string }[]>,
  messages: Annotation<readonly string[]>({
    reducer: (left, right) => [...left, ...right],
    default: () => [],
  }),
  count: Annotation<number>({ reducer: (_, right) => right, default: () => 0 }),
});

const documents = Array.from({ length: 100 }, (_, id) => ({
  id,
  text: `${id} `.repeat(250).slice(0, 720),
}));
const messages = Array.from({ length: 300 }, (_, i) => said(i));

function said(i: number): string {
  return `message ${i}: ${"what was said ".repeat(6)}`;
}

/** The state in the end, as the graph's last checkpoint has it. */
async function play(checkpointer: BaseCheckpointSaver): Promise<unknown> {
  const graph = new StateGraph(State)
    .addNode("talk", ({ count }) => ({ count: count + 1, messages: [said(count)] }))
    .addEdge(START, "talk")
    .addConditionalEdges("talk", ({ count }) => (count < STEPS ? "talk" : END))
    .compile({ checkpointer });
  const config = { configurable: { thread_id: "t" }, recursionLimit: STEPS + 10 };
  await graph.invoke({ documents, messages }, config);
  const { values } = await graph.getState(config);
  return values;
}

it(
  "needs less than a tenth of what LangGraph's own saver does",
  async () => {
    const state = { documents, messages };
    expect(JSON.stringify(state).length).toBeGreaterThan(100_000);

    const theirs = join(folder, "theirs.db");
    const saver = SqliteSaver.fromConnString(theirs);
    const expected = await play(saver);
    saver.db.close();

    const ours = join(folder, "ours.db");
    const store = sqlite(ours, { durability: "process-crash" });
    const journal = await langgraphJournal(store);
    await journal.open();
    const values = await play(journal.checkpointer);
    await journal.close();

    expect(values).toEqual(expected);
    const [theirBytes, ourBytes] = [(await stat(theirs)).size, (await stat(ours)).size];
    expect(theirBytes / ourBytes).toBeGreaterThan(10);

    const baton = await open({ store, workflows: [], readOnly: true });
    expect(await baton.verify()).toMatchObject({ problems: [] });
    await baton.close();
  },
  TIMEOUT_MS,
);
