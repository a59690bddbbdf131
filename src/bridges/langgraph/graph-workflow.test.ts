/** Graphs that ask, as workflows, on the real LangGraph. */
import { END, interrupt, START, StateGraph } from "@langchain/langgraph";
import { MemorySaver } from "@langchain/langgraph-checkpoint";
import { afterEach, expect, it } from "vitest";
import { z } from "zod";
import { Answer, idle, Question, State, waiting } from "../../../test/support/graphs.ts";
import { type Baton, contract, memory, open, type StoreFactory, workflow } from "../../index.ts";
import { langgraphAgent, langgraphJournal, langgraphWorkflow } from "../../langgraph.ts";
import { checkedGraph } from "./graph-agent.ts";
import { graphTurn } from "./graph-turn.ts";

const opened: Baton[] = [];
afterEach(async () => {
  for (const baton of opened.splice(0)) await baton.close();
});

/** A graph that asks twice in one node, and once in a graph within. */
async function asking(store: StoreFactory, said: string[]) {
  const journal = await langgraphJournal(store);
  const within = new StateGraph(State)
    .addNode("deep", async () => {
      const third: unknown = interrupt("third?");
      said.push(`deep ${JSON.stringify(third)}`);
      return { log: [JSON.stringify(third)] };
    })
    .addEdge(START, "deep")
    .compile();
  const graph = new StateGraph(State)
    .addNode("before", async () => {
      said.push("before");
      return { log: ["before"] };
    })
    .addNode("twice", async () => {
      const [first, second]: unknown[] = [interrupt("first?"), interrupt({ second: "?" })];
      said.push(`twice ${JSON.stringify([first, second])}`);
      return { log: [JSON.stringify([first, second])] };
    })
    .addNode("within", within)
    .addEdge(START, "before")
    .addEdge("before", "twice")
    .addEdge("twice", "within")
    .addEdge("within", END)
    .compile({ checkpointer: journal.checkpointer });
  return { journal, graph };
}

const ADA = { kind: "person", id: "ada" } as const;
const Reply = contract("reply", "1.0.0", z.object({ word: z.string() }));

it("asks what the graph asks, one question after the other, each in the journal, over restarts", async () => {
  const store = memory();
  const said: string[] = [];
  const begin = async () => {
    const { journal, graph } = await asking(store, said);
    const flow = langgraphWorkflow(graph, {
      name: "asker",
      version: "1.0.0",
      input: Question,
      output: Answer,
      timeout: "1m",
      questions: 3,
      ask: { remindEvery: "1h" },
      answer: Reply,
      begin: ({ text }) => ({ text, log: [] }),
      result: ({ log }) => ({ log: log.slice(0, 3) }),
    });
    const baton = await open({ store: journal.factory, workflows: [flow] });
    opened.push(baton);
    return { baton, flow };
  };
  const first = await begin();
  await first.baton.start(first.flow, { text: "x" }, { id: "r" });
  for (const [i, word] of ["one", "two", "three"].entries()) {
    const { baton } = i === 0 ? first : await begin();
    await waiting(baton, `question-${i + 1}`);
    await baton.signal("r", `question-${i + 1}`, { word }, { by: ADA });
    if (i < 2) await waiting(baton, `question-${i + 2}`);
    else
      expect(await (await baton.run("r")).result()).toEqual({
        log: ["before", '[{"word":"one"},{"word":"two"}]', expect.any(String)],
      });
    expect((await baton.verify()).problems).toEqual([]);
    await baton.close({ graceMs: 0 });
  }
  expect(said).toEqual([
    "before",
    'twice [{"word":"one"},{"word":"two"}]',
    'deep {"word":"three"}',
  ]);
});

it("gives an answer that was taken no second time, though the turn is made again", async () => {
  const said: string[] = [];
  const { journal, graph } = await asking(memory(), said);
  await journal.open();
  const running = checkedGraph(graph, "graph");
  const turn = { thread: "t", config: {}, stream: [], model: "none" } as const;
  const begin = () => ({ text: "x", log: [] });
  const first = await graphTurn(running, { ...turn, begin }, idle());
  expect(first.questions).toMatchObject([{ value: "first?", answered: 0 }]);
  expect(await graphTurn(running, { ...turn, begin }, idle())).toEqual(first);
  const [question] = first.questions;
  const answer = { id: question?.id ?? "", answered: 0, value: "one" };
  const second = await graphTurn(running, { ...turn, answer }, idle());
  expect(second.questions).toMatchObject([{ value: { second: "?" }, answered: 1 }]);
  // As after a crash before the turn's end was in the journal.
  expect(await graphTurn(running, { ...turn, answer }, idle())).toEqual(second);
  const next = { id: second.questions[0]?.id ?? "", answered: 1, value: "two" };
  const third = await graphTurn(running, { ...turn, answer: next }, idle());
  expect(third.questions).toMatchObject([{ value: "third?" }]);
  expect(await graphTurn(running, { ...turn, answer: next }, idle())).toEqual(third);
  expect(said).toEqual(["before", 'twice ["one","two"]']);
  await expect(
    graphTurn(running, { ...turn, thread: "other", answer }, idle()),
  ).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
  await journal.close();
});

it.each(["in the graph", "in a graph within"])(
  "does not take one answer for two questions where a node %s fails between them",
  async (where) => {
    const journal = await langgraphJournal(memory());
    await journal.open();
    let failures = 0;
    const within = new StateGraph(State)
      .addNode("asks", async () => {
        const first: unknown = interrupt("first?");
        failures += 1;
        if (failures < 3) throw new Error("not yet");
        const second: unknown = interrupt("second?");
        return { log: [`${first} ${second}`] };
      })
      .addEdge(START, "asks");
    const outer = new StateGraph(State)
      .addNode("within", within.compile())
      .addEdge(START, "within");
    const builder = where === "in the graph" ? within : outer;
    const running = checkedGraph(builder.compile({ checkpointer: journal.checkpointer }), "graph");
    const turn = { thread: "t", config: {}, stream: [], model: "none" } as const;
    const { questions } = await graphTurn(
      running,
      { ...turn, begin: () => ({ text: "x", log: [] }) },
      idle(),
    );
    const answer = { id: questions[0]?.id ?? "", answered: 0, value: "yes" };
    for (let i = 0; i < 2; i += 1)
      await expect(graphTurn(running, { ...turn, answer }, idle())).rejects.toThrow("not yet");
    const asked = await graphTurn(running, { ...turn, answer }, idle());
    expect(asked.questions).toMatchObject([{ value: "second?" }]);
    const last = {
      id: asked.questions[0]?.id ?? "",
      answered: asked.questions[0]?.answered ?? 0,
      value: "no",
    };
    expect(await graphTurn(running, { ...turn, answer: last }, idle())).toMatchObject({
      values: { log: ["yes no"] },
      questions: [],
    });
    await journal.close();
  },
);

it("asks a person to approve, of several questions one after the other", async () => {
  const ask = (name: string) => async () => {
    const { approved, by } = interrupt(`${name}?`);
    // A node that gives nothing has ended as well.
    return approved ? {} : { log: [`${name} no ${by}`] };
  };
  const journal = await langgraphJournal(memory());
  const graph = new StateGraph(State)
    .addNode("a", ask("a"))
    .addNode("b", ask("b"))
    .addEdge(START, "a")
    .addEdge(START, "b")
    .compile({ checkpointer: journal.checkpointer });
  const flow = langgraphWorkflow(graph, {
    name: "asker",
    version: "1.0.0",
    input: Question,
    output: Answer,
    questions: 2,
    ask: { timeout: "24h", onTimeout: "refused" },
    begin: ({ text }) => ({ text, log: [] }),
    result: ({ log }) => ({ log }),
  });
  const baton = await open({ store: journal.factory, workflows: [flow] });
  opened.push(baton);
  const run = await baton.start(flow, { text: "x" }, { id: "r" });
  await waiting(baton, "question-1");
  expect((await baton.waits("r")).waits).toMatchObject([{ what: "approval", shown: "a?" }]);
  await baton.approve("r", "question-1", { approved: true, by: ADA });
  await waiting(baton, "question-2");
  await baton.approve("r", "question-2", { approved: false, by: ADA });
  expect(await run.result()).toEqual({ log: ["b no ada"] });
  // Version 1 is what `begin` gave: a fork has the question from there, and not the thread.
  const fork = await baton.fork(run.id, { at: 1, id: "f" });
  await baton.approve("f", "question-1", { approved: false, by: ADA });
  expect(await fork.outcome()).toMatchObject({ kind: "failed", error: { code: "FORK_REFUSED" } });
});

it("fails at once where a graph asks and nobody is to answer, or asks once too often", async () => {
  const { graph } = await asking(memory(), []);
  const journal = new MemorySaver();
  Object.assign(graph, { checkpointer: journal });
  const how = {
    version: "1.0.0",
    input: Question,
    output: Answer,
    begin: ({ text }: { readonly text: string }) => ({ text, log: [] }),
    result: () => ({ log: [] }),
  };
  const lonely = langgraphAgent(graph, { ...how, name: "lonely" });
  const alone = workflow("alone", "1.0.0", { input: Question })
    .step("s", lonely, { input: ({ input }) => input })
    .output(({ s }) => s);
  const once = langgraphWorkflow(graph, {
    ...how,
    name: "once",
    questions: 1,
    ask: { remindEvery: "1h" },
  });
  const baton = await open({ store: memory(), workflows: [alone, once] });
  opened.push(baton);
  const failed = { kind: "failed", error: { code: "INTERRUPT_UNANSWERED" } };
  expect(await (await baton.start(alone, { text: "x" })).outcome()).toMatchObject(failed);
  const run = await baton.start(once, { text: "x" }, { id: "r" });
  await waiting(baton, "question-1");
  await baton.approve("r", "question-1", { approved: true, by: ADA });
  expect(await run.outcome()).toMatchObject(failed);
});
