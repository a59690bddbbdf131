/**
 * (c) The same five agents as a workflow of Baton. Each works as long as the plan says, on the clock that it is given.
 *
 * It is the example's workflow without the sign-off by a person, which is not at stake here.
 */
import { type AgentContext, agent, type Clock, exponential, type Workflow, workflow } from "baton";
import type { z } from "zod";
import type { applicationSchema } from "../../examples/credit-decision/application.ts";
import {
  type Approval as Approved,
  decideApproval,
} from "../../examples/credit-decision/approval.ts";
import { pullReport } from "../../examples/credit-decision/bureau.ts";
import {
  Application,
  Approval,
  ApprovalQuestion,
  CreditQuestion,
  CreditReport,
  FraudQuestion,
  FraudReport,
  IncomeQuestion,
  IncomeReport,
  RiskQuestion,
  RiskReport,
} from "../../examples/credit-decision/contracts.ts";
import { detectFraud } from "../../examples/credit-decision/fraud.ts";
import { verifyIncome } from "../../examples/credit-decision/income.ts";
import { assessRisk } from "../../examples/credit-decision/risk.ts";
import { ATTEMPTS, type AgentName, FIRST_PAUSE_MS } from "./parameters.ts";
import type { Fate } from "./plan.ts";
import {
  approvalQuestion,
  creditQuestion,
  fraudQuestion,
  incomeQuestion,
  riskQuestion,
} from "./questions.ts";
import { failIfPlanned } from "./retry.ts";

/** The workflow of one process: its agents wait on that process's clock. `fateOf` gives the plan of a run by its id. */
export function labWorkflow(
  clock: Clock,
  fateOf: (run: string) => Fate,
): Workflow<z.infer<typeof applicationSchema>, Approved> {
  const retry = {
    attempts: ATTEMPTS,
    backoff: exponential(`${FIRST_PAUSE_MS}ms`, { jitter: 0 }),
  };
  const working = async (name: AgentName, { run, attempt }: AgentContext): Promise<void> => {
    const fate = fateOf(run);
    await new Promise<void>((resolve) => clock.after(fate.workMs[name], resolve));
    if (name === "score") failIfPlanned(fate, attempt);
  };
  const common = { version: "1.0.0", timeout: "5s", retry } as const;
  const creditScore = agent({
    ...{ ...common, name: "credit-score", input: CreditQuestion, output: CreditReport },
    execute: async (question, context) => {
      await working("score", context);
      return pullReport(question, { key: context.idempotencyKey });
    },
  });
  const incomeVerification = agent({
    ...{ ...common, name: "income-verification", input: IncomeQuestion, output: IncomeReport },
    execute: async (question, context) => {
      await working("income", context);
      return verifyIncome(question);
    },
  });
  const fraudDetection = agent({
    ...{ ...common, name: "fraud-detection", input: FraudQuestion, output: FraudReport },
    execute: async (question, context) => {
      await working("fraud", context);
      return detectFraud(question);
    },
  });
  const riskAssessment = agent({
    ...{ ...common, name: "risk-assessment", input: RiskQuestion, output: RiskReport },
    execute: async (question, context) => {
      await working("risk", context);
      return assessRisk(question);
    },
  });
  const finalApproval = agent({
    ...{ ...common, name: "final-approval", input: ApprovalQuestion, output: Approval },
    execute: async (question, context) => {
      await working("approval", context);
      return decideApproval(question);
    },
  });
  return workflow("lab.credit-decision", "1.0.0", { input: Application, output: Approval })
    .step("score", creditScore, { input: ({ input }) => creditQuestion(input) })
    .step("income", incomeVerification, { input: ({ input }) => incomeQuestion(input) })
    .step("fraud", fraudDetection, { input: ({ input }) => fraudQuestion(input) })
    .step("risk", riskAssessment, {
      needs: ["input", "score", "income"],
      input: ({ input, score, income }) => riskQuestion(input, score, income),
    })
    .step("approval", finalApproval, {
      needs: ["input", "score", "income", "fraud", "risk"],
      input: ({ input, ...reports }) => approvalQuestion(input, reports),
    })
    .output(({ approval }) => approval);
}
