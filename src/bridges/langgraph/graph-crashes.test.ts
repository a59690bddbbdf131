/** A graph that asks, whose process is lost at each of its appends: each question gets its own answer, and no node's result is lost. */
import { END, interrupt, START, StateGraph } from "@langchain/langgraph";
import { expect, it } from "vitest";
import { idle, State } from "../../../test/support/graphs.ts";
import { BatonError, memory, type StoreFactory } from "../../index.ts";
import { langgraphJournal } from "../../langgraph.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import { checkedGraph } from "./graph-agent.ts";
import { type Answer, graphTurn } from "./graph-turn.ts";

const LOST = "the process was lost";

/** The store of a process that is lost at an append, before or after it is committed. */
function mortal(store: StoreFactory, lives: { left: number }, committed: boolean): StoreFactory {
  return async (mode) => {
    const opened: JournalStore = await store(mode);
    return {
      ...opened,
      append: async (request) => {
        lives.left -= 1;
        if (lives.left < 0) throw new BatonError("STORE_FAILED", LOST);
        if (lives.left === 0) {
          if (committed) await opened.append(request);
          throw new BatonError("STORE_FAILED", LOST);
        }
        return await opened.append(request);
      },
    };
  };
}

/** A process: what it says it has done after each question, until all is done. */
async function playedBy(store: StoreFactory, progress: { answer?: Answer; asked: number }) {
  const journal = await langgraphJournal(store);
  await journal.open();
  try {
    const within = new StateGraph(State)
      .addNode("deep", async () => ({ log: [`deep ${interrupt("3?")} ${interrupt("4?")}`] }))
      .addEdge(START, "deep");
    const graph = new StateGraph(State)
      .addNode("before", async () => ({ log: ["before"] }))
      .addNode("twice", async () => ({ log: [`twice ${interrupt("1?")} ${interrupt("2?")}`] }))
      .addNode("within", within.compile())
      .addNode("after", async () => ({ log: ["after"] }))
      .addEdge(START, "before")
      .addEdge("before", "twice")
      .addEdge("twice", "within")
      .addEdge("within", "after")
      .addEdge("after", END)
      .compile({ checkpointer: journal.checkpointer });
    const running = checkedGraph(graph, "graph");
    const turn = {
      thread: "t",
      config: {},
      stream: [],
      model: "none",
      begin: () => ({ text: "", log: [] }),
    };
    for (;;) {
      const { values, questions } = await graphTurn(
        running,
        progress.answer === undefined ? turn : { ...turn, answer: progress.answer },
        idle(),
      );
      const [question] = questions;
      if (question === undefined) return values;
      progress.asked += 1;
      progress.answer = {
        id: question.id,
        answered: question.answered,
        value: `to ${question.value}`,
      };
    }
  } finally {
    await journal.close();
  }
}

it.each([
  ["before", false],
  ["after", true],
])(
  "goes on where it was, if the process is lost %s any of its appends is committed",
  async (_, committed) => {
    let deaths = 0;
    for (let at = 1; ; at += 1) {
      const store = memory();
      const progress: { answer?: Answer; asked: number } = { asked: 0 };
      const lives = { left: at };
      let values: unknown;
      try {
        values = await playedBy(mortal(store, lives, committed), progress);
      } catch (error) {
        expect(String(error)).toContain(LOST);
        deaths += 1;
        values = await playedBy(store, progress);
      }
      expect(values).toMatchObject({
        log: [
          "before",
          "twice to 1? to 2?",
          "before",
          "twice to 1? to 2?",
          "deep to 3? to 4?",
          "after",
        ],
      });
      expect(progress.asked).toBe(4);
      if (lives.left > 0) break;
    }
    expect(deaths).toBeGreaterThan(20);
  },
);
