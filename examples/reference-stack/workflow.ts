/** The credit decision of the example beside this one, by agents that are somewhere else; then a letter. */
import { type Workflow, workflow } from "baton";
import { Application } from "../credit-decision/contracts.ts";
import { type CreditAgents, creditDecisionBy } from "../credit-decision/workflow.ts";
import type { ApplicationValue } from "./applications.ts";
import { Answer, type AnswerValue } from "./contracts.ts";
import type { letterAgent } from "./letter.ts";

export interface LoanAgents extends CreditAgents {
  readonly letter: ReturnType<typeof letterAgent>;
}

export function loanBy(agents: LoanAgents): Workflow<ApplicationValue, AnswerValue> {
  return workflow("loan", "1.0.0", {
    input: Application,
    output: Answer,
    description: "Decides a loan application, and writes to the applicant.",
  })
    .subflow("decision", creditDecisionBy(agents), { input: ({ input }) => input })
    .step("letter", agents.letter, { needs: ["decision"], input: ({ decision }) => decision })
    .output(({ decision, letter }) => ({ decision, letter }));
}
