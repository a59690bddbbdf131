/** The lender's agents, none of which does its work here. */
import type { BaseCheckpointSaver } from "@langchain/langgraph";
import { a2aAgent } from "baton/a2a";
import { databricksAgent } from "baton/databricks";
import { mcpTools } from "baton/mcp";
import { finalApproval } from "../credit-decision/agents.ts";
import {
  CreditQuestion,
  CreditReport,
  IncomeQuestion,
  IncomeReport,
  RiskQuestion,
  RiskReport,
} from "../credit-decision/contracts.ts";
import { fraudAgent } from "./fraud-graph.ts";
import { letterAgent } from "./letter.ts";
import type { Addresses } from "./neighbours/neighbours.ts";
import { ENDPOINT, PRINCIPAL } from "./neighbours/risk.ts";
import { type LoanAgents } from "./workflow.ts";

export interface Lender {
  readonly agents: LoanAgents;
  /** Ends the connections. */
  readonly close: () => Promise<void>;
}

/** @param checkpointer where the graph keeps its checkpoints. */
export async function lender(at: Addresses, checkpointer: BaseCheckpointSaver): Promise<Lender> {
  const tools = await mcpTools({ transport: { url: at.bureau } });
  const agents: LoanAgents = {
    // A tool of an MCP server; what it did is undone by another tool of it.
    creditScore: tools.agent("pull_report", {
      name: "credit-score",
      version: "1.2.0",
      input: CreditQuestion,
      output: CreditReport,
      compensate: async (_question, { inquiryId }, context) => {
        await tools.call("withdraw_inquiry", { inquiryId }, context);
      },
    }),
    // An agent of another house, by A2A.
    incomeVerification: a2aAgent({
      name: "income-verification",
      version: "1.0.0",
      input: IncomeQuestion,
      output: IncomeReport,
      card: at.employer,
      timeout: "30s",
    }),
    // A graph of LangGraph, in this process.
    fraudDetection: fraudAgent(checkpointer),
    // An agent behind a serving endpoint of Databricks.
    riskAssessment: databricksAgent({
      name: "risk-assessment",
      version: "1.0.0",
      input: RiskQuestion,
      output: RiskReport,
      host: at.databricks,
      endpoint: ENDPOINT,
      auth: PRINCIPAL,
      timeout: "30s",
    }),
    // A function: where a rule decides, no model does.
    finalApproval,
    // A prompt, a model and a contract.
    letter: letterAgent({ url: at.model.url, model: at.model.name }),
  };
  return { agents, close: () => tools.close() };
}
