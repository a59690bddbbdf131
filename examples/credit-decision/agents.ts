/**
 * The five agents: each a contract in, a contract out, and a function between them that reaches nothing else.
 *
 * They read no clock and roll no dice, so that a run can be replayed; "today" is the day of receipt in the application.
 */
import { agent, exponential } from "baton";
import { decideApproval } from "./approval.ts";
import { pullReport } from "./bureau.ts";
import {
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
} from "./contracts.ts";
import { detectFraud } from "./fraud.ts";
import { verifyIncome } from "./income.ts";
import { assessRisk } from "./risk.ts";

/** Asks the bureau for a score. The inquiry stays on the applicant's file, so it is withdrawn when the run fails. */
export const creditScore = agent({
  name: "credit-score",
  version: "1.2.0",
  description: "Asks the credit bureau for a score, its date and its confidence.",
  input: CreditQuestion,
  output: CreditReport,
  timeout: "5s",
  retry: { attempts: 3, backoff: exponential("200ms") },
  sideEffects: true,
  execute: (question, context) => pullReport(question, { key: context.idempotencyKey }),
  compensate: (_question, report, context) => {
    context.log.info("inquiry withdrawn", { inquiryId: report.inquiryId });
  },
});

/** Verifies the stated income from the payslips. */
export const incomeVerification = agent({
  name: "income-verification",
  version: "1.0.0",
  description: "Holds the stated income against the payslips.",
  input: IncomeQuestion,
  output: IncomeReport,
  timeout: "5s",
  retry: { attempts: 2, backoff: exponential("100ms") },
  execute: (question) => verifyIncome(question),
});

/** Looks for signals of fraud. */
export const fraudDetection = agent({
  name: "fraud-detection",
  version: "1.0.0",
  description: "Looks for named signals of fraud and gives their joint score.",
  input: FraudQuestion,
  output: FraudReport,
  timeout: "5s",
  retry: { attempts: 2, backoff: exponential("100ms") },
  execute: (question) => detectFraud(question),
});

/** Grades the request from score and debt-to-income. */
export const riskAssessment = agent({
  name: "risk-assessment",
  version: "1.0.0",
  description: "Grades a request A to E from score and debt-to-income.",
  input: RiskQuestion,
  output: RiskReport,
  timeout: "5s",
  retry: { attempts: 2, backoff: exponential("100ms") },
  execute: (question) => assessRisk(question),
});

/** Decides, or hands the case to a person. */
export const finalApproval = agent({
  name: "final-approval",
  version: "1.0.0",
  description: "Approves with terms, declines with reasons, or hands the case to a person.",
  input: ApprovalQuestion,
  output: Approval,
  timeout: "5s",
  retry: { attempts: 2, backoff: exponential("100ms") },
  execute: (question) => decideApproval(question),
});
