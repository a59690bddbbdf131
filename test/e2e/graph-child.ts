/** A process to be killed: runs a LangGraph graph of many steps as an agent, and prints a line for each of them and for what came out. */
import { Annotation, END, START, StateGraph } from "@langchain/langgraph";
import { contract, open, workflow } from "baton";
import { langgraphAgent, langgraphJournal } from "baton/langgraph";
import { sqlite } from "baton/sqlite";
import { z } from "zod";

const [file = "", steps = ""] = process.argv.slice(2);
const Count = contract("count", "1.0.0", z.object({ steps: z.int() }));
const Done = contract("done", "1.0.0", z.object({ done: z.array(z.int()) }));

const journal = await langgraphJournal(sqlite(file));
const State = Annotation.Root({
  steps: Annotation<number>,
  done: Annotation<number[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
});
const graph = new StateGraph(State)
  .addNode("step", async ({ done }) => {
    process.stdout.write(`${done.length}\n`);
    return { done: [done.length] };
  })
  .addEdge(START, "step")
  .addConditionalEdges("step", (state) => (state.done.length < state.steps ? "step" : END))
  .compile({ checkpointer: journal.checkpointer });

const counter = langgraphAgent(graph, {
  name: "counter",
  version: "1.0.0",
  input: Count,
  output: Done,
  config: { recursionLimit: 10_000 },
  result: ({ done }) => ({ done }),
});
const flow = workflow("counting", "1.0.0", { input: Count })
  .step("count", counter, { input: ({ input }) => input })
  .output(({ count }) => count);

// The one before was killed: its lease is free at once.
const baton = await open({ store: journal.factory, workflows: [flow] });
const run = await baton.start(flow, { steps: Number(steps) }, { id: "r" });
const { done } = await run.result();
const { problems } = await baton.verify();
await baton.close();
const isInOrder = done.every((n, i) => n === i);
process.stdout.write(`${JSON.stringify({ done: done.length, isInOrder, problems })}\n`);
