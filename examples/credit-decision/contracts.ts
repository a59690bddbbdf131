/**
 * The contracts of the credit decision: what crosses from one owner to another, and what must hold of it.
 *
 * A report is what an agent gives out, a question what it takes in. Rules stand where the value can be judged: a report's
 * rules catch an agent that contradicts itself, a question's rules a consumer that would be misled.
 */
import { contract, rule } from "baton";
import { applicationRules, applicationSchema } from "./application.ts";
import { approvalQuestionSchema, approvalSchema, decisionSchema, OFFERS } from "./approval.ts";
import { creditQuestionSchema, creditReportSchema } from "./bureau.ts";
import { fraudQuestionSchema, fraudReportSchema } from "./fraud.ts";
import { incomeQuestionSchema, incomeReportSchema } from "./income.ts";
import { gradeOf, INCOME_CONFIDENCE_NEEDED, riskQuestionSchema, riskReportSchema } from "./risk.ts";

export const Application = contract("application", "1.0.0", applicationSchema, {
  description: "A loan application as it arrives. Money in cents, dates as ISO strings.",
  rules: applicationRules,
});

export const CreditQuestion = contract("credit-question", "1.0.0", creditQuestionSchema);

export const CreditReport = contract("credit-report", "1.0.0", creditReportSchema, {
  description: "A bureau's score, from when it is, and how far it can be trusted.",
});

export const IncomeQuestion = contract("income-question", "1.0.0", incomeQuestionSchema);

export const IncomeReport = contract("income-report", "1.0.0", incomeReportSchema, {
  description: "What the payslips show, held against the stated income.",
  rules: [
    rule(
      "counted income is at most what was stated and what was shown",
      (report) => report.countedMonthly <= Math.min(report.statedMonthly, report.shownMonthly),
      { path: "/countedMonthly" },
    ),
  ],
});

export const FraudQuestion = contract("fraud-question", "1.0.0", fraudQuestionSchema);

export const FraudReport = contract("fraud-report", "1.0.0", fraudReportSchema, {
  description: "Named signals of fraud and their joint score.",
  rules: [
    rule(
      "a score above 0 names its signals",
      (report) => report.score > 0 === report.signals.length > 0,
      { path: "/signals" },
    ),
  ],
});

export const RiskQuestion = contract("risk-question", "1.0.0", riskQuestionSchema, {
  rules: [
    rule(
      `income confidence is at least ${INCOME_CONFIDENCE_NEEDED}`,
      (question) => question.incomeConfidence >= INCOME_CONFIDENCE_NEEDED,
      { path: "/incomeConfidence" },
    ),
  ],
});

export const RiskReport = contract("risk-report", "1.0.0", riskReportSchema, {
  description: "A grade, and exactly what it rests on.",
  rules: [
    rule(
      "grade is the one that the table gives",
      ({ grade, debtToIncome, basedOn: { score } }) => grade === gradeOf({ score, debtToIncome }),
      { path: "/grade" },
    ),
  ],
});

export const ApprovalQuestion = contract("approval-question", "1.0.0", approvalQuestionSchema, {
  description: "Figures only: neither name nor employer can sway the decision.",
  rules: [
    // The fault that Baton began with: a risk agent that had read yesterday's score, and nobody who noticed.
    rule(
      "risk rests on the score at hand",
      ({ score, risk: { basedOn } }) =>
        basedOn.score === score.score &&
        basedOn.scoreDate === score.scoreDate &&
        basedOn.scoreModel === score.scoreModel,
      { path: "/risk/basedOn" },
    ),
  ],
});

export const Approval = contract("approval", "1.0.0", approvalSchema, {
  description: "What the last agent decides; a review waits for a person.",
  rules: [
    rule(
      "terms are within the limit of the grade",
      (approval) =>
        approval.decision === "declined" ||
        approval.terms.amount <= OFFERS[approval.grade].amountMax,
      { path: "/terms/amount" },
    ),
  ],
});

export const Decision = contract("decision", "1.0.0", decisionSchema, {
  description: "The lender's answer, with the reasons that the applicant is told.",
});
