/** Graphs as agents, on the real LangGraph. */
import { SimpleChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import type { ChatResult } from "@langchain/core/outputs";
import { Annotation, END, messagesStateReducer, START, StateGraph } from "@langchain/langgraph";
import { MemorySaver } from "@langchain/langgraph-checkpoint";
import { afterEach, expect, it } from "vitest";
import { Answer, idle, Question, State } from "../../../test/support/graphs.ts";
import {
  type AgentContext,
  type Baton,
  isBatonError,
  type JsonObject,
  memory,
  open,
  type StoreFactory,
  workflow,
} from "../../index.ts";
import { langgraphAgent, langgraphJournal, langgraphWorkflow } from "../../langgraph.ts";
import { checkedGraph } from "./graph-agent.ts";
import { graphTurn } from "./graph-turn.ts";

const QUICKLY = { attempts: 3, backoff: { baseMs: 1, factor: 1, maxMs: 1, jitter: 0 } };

type Node = (
  state: typeof State.State,
  config: { signal?: AbortSignal },
) => Promise<{ log: string[] }>;

const opened: Baton[] = [];
afterEach(async () => {
  for (const baton of opened.splice(0)) await baton.close();
});

/** A Baton whose journal has the checkpoints of a graph of two nodes, which runs as an agent. */
async function started(store: StoreFactory, a: Node, b: Node) {
  const journal = await langgraphJournal(store);
  const graph = new StateGraph(State)
    .addNode("a", a)
    .addNode("b", b)
    .addEdge(START, "a")
    .addEdge("a", "b")
    .addEdge("b", END)
    .compile({ checkpointer: journal.checkpointer });
  const thinker = langgraphAgent(graph, {
    name: "thinker",
    version: "1.0.0",
    input: Question,
    output: Answer,
    timeout: "1m",
    retry: QUICKLY,
    begin: ({ text }) => ({ text, log: [] }),
    result: ({ log }) => ({ log }),
  });
  const think = workflow("think", "1.0.0", { input: Question })
    .step("think", thinker, { input: ({ input }) => input })
    .output(({ think: done }) => done);
  const baton = await open({ store: journal.factory, workflows: [think] });
  opened.push(baton);
  return { baton, think, journal };
}

const says =
  (word: string): Node =>
  async ({ text }) => ({ log: [`${word} ${text}`] });

it("runs a graph as a step, and keeps its checkpoints in the run's journal", async () => {
  const { baton, think, journal } = await started(memory(), says("a"), says("b"));
  const run = await baton.start(think, { text: "x" }, { id: "r" });
  expect(await run.result()).toEqual({ log: ["a x", "b x"] });
  const checkpoints = [];
  for await (const { config, metadata } of journal.checkpointer.list({}))
    checkpoints.push([config.configurable?.["thread_id"], metadata?.step]);
  const thread: unknown = expect.stringMatching(/^r\/think\/[0-9a-f]{32}$/);
  expect(checkpoints).toEqual([2, 1, 0, -1].map((step) => [thread, step]));
  expect((await baton.verify()).problems).toEqual([]);
});

it("goes on from the last checkpoint when an attempt is made again", async () => {
  const calls: string[] = [];
  const { baton, think } = await started(
    memory(),
    async (state, config) => {
      calls.push("a");
      return await says("a")(state, config);
    },
    async (state, config) => {
      calls.push("b");
      if (calls.length < 4) throw new Error("not yet");
      return await says("b")(state, config);
    },
  );
  const run = await baton.start(think, { text: "x" });
  expect(await run.result()).toEqual({ log: ["a x", "b x"] });
  expect(calls).toEqual(["a", "b", "b", "b"]);
});

it("goes on from the last checkpoint in the next process, and aborts what the first one was at", async () => {
  const store = memory();
  let reached = () => {};
  const isReached = new Promise<void>((resolve) => {
    reached = resolve;
  });
  let aborted = false;
  const first = await started(store, says("first"), async (_state, { signal }) => {
    reached();
    await new Promise((resolve) => signal?.addEventListener("abort", resolve));
    aborted = true;
    return { log: ["late"] };
  });
  await first.baton.start(first.think, { text: "x" }, { id: "r" });
  await isReached;
  await first.baton.close({ graceMs: 0 });
  expect(aborted).toBe(true);
  const second = await started(store, says("second"), says("second"));
  const run = await second.baton.run("r");
  expect(await run.result()).toEqual({ log: ["first x", "second x"] });
});

it("ends a graph that takes too long, and one that does not end", async () => {
  const loop = new StateGraph(State)
    .addNode("a", says("a"))
    .addEdge(START, "a")
    .addEdge("a", "a")
    .compile({ checkpointer: new MemorySaver() });
  const base = {
    version: "1.0.0",
    input: Question,
    output: Answer,
    retry: QUICKLY,
    result: ({ log }: { log: string[] }) => ({ log }),
  };
  const endless = langgraphAgent(loop, { ...base, name: "endless", config: { recursionLimit: 5 } });
  const stuck = langgraphAgent(
    new StateGraph(State)
      .addNode(
        "a",
        async (_state, { signal }) =>
          await new Promise<never>((_resolve, reject) => signal?.addEventListener("abort", reject)),
      )
      .addEdge(START, "a")
      .compile({ checkpointer: new MemorySaver() }),
    { ...base, name: "stuck", timeout: "10ms", retry: { attempts: 1 } },
  );
  const one = workflow("one", "1.0.0", { input: Question })
    .step("s", endless, { input: ({ input }) => input })
    .output(({ s }) => s);
  const other = workflow("other", "1.0.0", { input: Question })
    .step("s", stuck, { input: ({ input }) => input })
    .output(({ s }) => s);
  const baton = await open({ store: memory(), workflows: [one, other] });
  opened.push(baton);
  const failed = await (await baton.start(one, { text: "x" })).outcome();
  expect(failed).toMatchObject({
    kind: "failed",
    error: { message: expect.stringContaining("Recursion limit of 5") },
  });
  expect(await (await baton.start(other, { text: "x" })).outcome()).toMatchObject({
    kind: "failed",
    error: { code: "TIMEOUT" },
  });
});

it("streams what the graph streams, and counts each message's tokens once", async () => {
  const Talk = Annotation.Root({
    messages: Annotation<BaseMessage[]>({ reducer: messagesStateReducer, default: () => [] }),
  });
  const reply = (id: string, tokens: number) =>
    Object.assign(new AIMessage({ id, content: id, response_metadata: { model_name: "small" } }), {
      usage_metadata: { input_tokens: tokens, output_tokens: 1, total_tokens: tokens + 1 },
    });
  let failures = 0;
  const graph = new StateGraph(Talk)
    .addNode("one", async () => ({ messages: [reply("m1", 10)] }))
    // It gives the whole conversation back, with what was counted before.
    .addNode("two", async ({ messages }) => {
      failures += 1;
      if (failures === 1) throw new Error("not yet");
      return { messages: [...messages, reply("m2", 20)] };
    })
    .addEdge(START, "one")
    .addEdge("one", "two")
    .compile({ checkpointer: new MemorySaver() });
  const talker = langgraphAgent(graph, {
    name: "talker",
    version: "1.0.0",
    input: Question,
    output: Answer,
    retry: QUICKLY,
    begin: ({ text }) => ({ messages: [new HumanMessage(text)] }),
    result: ({ messages }) => ({ log: messages.map(({ text }) => text) }),
  });
  const talk = workflow("talk", "1.0.0", { input: Question })
    .step("talk", talker, { input: ({ input }) => input })
    .output(({ talk: done }) => done);
  const baton = await open({ store: memory(), workflows: [talk] });
  opened.push(baton);
  const run = await baton.start(talk, { text: "hi" }, { id: "r" });
  const watching = partialsOf(baton, "r");
  expect(await run.result()).toEqual({ log: ["hi", "m1", "m2"] });
  const used = [];
  for await (const { entry } of baton.entries("r"))
    used.push(...((entry.payload["usage"] ?? []) as readonly JsonObject[]));
  expect(used).toEqual([
    { model: "small", inputTokens: 10, outputTokens: 1 },
    { model: "small", inputTokens: 20, outputTokens: 1 },
  ]);
  const streamed = (await watching).map((chunk) => Object.keys(chunk["chunk"] as JsonObject));
  expect(streamed).toEqual([["one"], ["two"]]);
});

/** A model that says what it is asked, and what that took. */
class Parrot extends SimpleChatModel {
  override _llmType(): string {
    return "parrot";
  }
  override async _call(messages: BaseMessage[]): Promise<string> {
    return messages.map(({ text }) => text).join(" ");
  }
  override async _generate(messages: BaseMessage[]): Promise<ChatResult> {
    const text = await this._call(messages);
    const tokens = { input_tokens: text.length, output_tokens: 2, total_tokens: text.length + 2 };
    const message = Object.assign(new AIMessage(text), { usage_metadata: tokens });
    return { generations: [{ text, message }] };
  }
}

it("counts what models used, whether their messages come into the state or not", async () => {
  const Talk = Annotation.Root({
    messages: Annotation<BaseMessage[]>({ reducer: messagesStateReducer, default: () => [] }),
  });
  const model = new Parrot({});
  const within = new StateGraph(Talk)
    .addNode("said", async () => ({ messages: [await model.invoke("four")] }))
    .addEdge(START, "said");
  const graph = new StateGraph(Talk)
    .addNode("thought", async () => {
      await model.invoke("seven..");
      return {};
    })
    .addNode("within", within.compile())
    .addEdge(START, "thought")
    .addEdge("thought", "within")
    .compile({ checkpointer: new MemorySaver() });
  const reported: unknown[] = [];
  const context = { ...idle(), usage: (used: unknown) => reported.push(used) } as AgentContext;
  const turn = { thread: "t", config: {}, stream: ["messages"], model: "parrot" } as const;
  await graphTurn(checkedGraph(graph, "graph"), { ...turn, begin: () => ({}) }, context);
  expect(reported).toEqual([
    { model: "parrot", inputTokens: 7, outputTokens: 2 },
    { model: "parrot", inputTokens: 4, outputTokens: 2 },
  ]);
});

async function partialsOf(baton: Baton, run: string): Promise<JsonObject[]> {
  const chunks: JsonObject[] = [];
  for await (const item of baton.watch(run, { partials: true }))
    if (item.kind === "partial") chunks.push(item.chunk as JsonObject);
  return chunks;
}

it("refuses a graph that nobody could run to its end", () => {
  const builder = new StateGraph(State).addNode("a", says("a")).addEdge(START, "a");
  const how = { name: "x", version: "1.0.0", input: Question, output: Answer };
  const problemsOf = (make: () => unknown): unknown => {
    try {
      return make();
    } catch (error) {
      return isBatonError(error, "DEFINITION_INVALID") ? error.details["problems"] : error;
    }
  };
  const checkpointer = new MemorySaver();
  expect(problemsOf(() => langgraphAgent(builder.compile(), how))).toEqual([
    expect.stringContaining("no checkpointer"),
  ]);
  expect(
    problemsOf(() =>
      langgraphAgent(builder.compile({ checkpointer, interruptBefore: ["a"] }), how),
    ),
  ).toEqual([expect.stringContaining("interruptBefore")]);
  const graph = builder.compile({ checkpointer });
  expect(
    problemsOf(() => langgraphWorkflow(graph, { ...how, questions: 0, ask: { timeout: "1h" } })),
  ).toEqual([expect.stringContaining("from 1 to 20")]);
});
