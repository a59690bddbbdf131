/** Fraud detection as a graph of LangGraph: look for signals; where there are any, weigh them. Its checkpoints are in Baton's journal. */
import { Annotation, type BaseCheckpointSaver, END, START, StateGraph } from "@langchain/langgraph";
import { langgraphAgent } from "baton/langgraph";
import { FraudQuestion, FraudReport } from "../credit-decision/contracts.ts";
import type { CreditAgents } from "../credit-decision/workflow.ts";
import {
  detectFraud,
  type FraudQuestion as Question,
  type FraudReport as Report,
  type Signal,
  weigh,
} from "../credit-decision/fraud.ts";

const State = Annotation.Root({
  question: Annotation<Question>,
  signals: Annotation<readonly Signal[]>,
  score: Annotation<number>,
});

export function fraudAgent(checkpointer: BaseCheckpointSaver): CreditAgents["fraudDetection"] {
  const graph = new StateGraph(State)
    .addNode("look", ({ question }) => ({ signals: detectFraud(question).signals, score: 0 }))
    .addNode("weigh", ({ signals }) => ({ score: weigh(signals) }))
    .addEdge(START, "look")
    .addConditionalEdges("look", ({ signals }) => (signals.length > 0 ? "weigh" : END))
    .addEdge("weigh", END)
    .compile({ checkpointer });
  return langgraphAgent(graph, {
    name: "fraud-detection",
    version: "1.0.0",
    description: "Looks for named signals of fraud and gives their joint score.",
    input: FraudQuestion,
    output: FraudReport,
    timeout: "10s",
    begin: (question) => ({ question }),
    result: ({ signals, score }): Report => ({ signals, score }),
  });
}
