/** What each of the five agents is asked, the same in all variants; and the answers when nothing goes wrong. */
import type { Application } from "../../examples/credit-decision/application.ts";
import {
  type Approval,
  type ApprovalQuestion,
  decideApproval,
} from "../../examples/credit-decision/approval.ts";
import {
  type CreditQuestion,
  type CreditReport,
  pullReport,
} from "../../examples/credit-decision/bureau.ts";
import { sum } from "../../examples/credit-decision/figures.ts";
import {
  detectFraud,
  type FraudQuestion,
  type FraudReport,
} from "../../examples/credit-decision/fraud.ts";
import {
  type IncomeQuestion,
  type IncomeReport,
  verifyIncome,
} from "../../examples/credit-decision/income.ts";
import {
  assessRisk,
  type RiskQuestion,
  type RiskReport,
} from "../../examples/credit-decision/risk.ts";

/** What of a credit report the grade rests on. */
export type Score = Pick<CreditReport, "score" | "scoreDate" | "scoreModel">;

export function creditQuestion(application: Application): CreditQuestion {
  const { applicant, receivedAt, debts } = application;
  return { nationalId: applicant.nationalId, receivedAt, debts };
}

export function incomeQuestion({ receivedAt, currency, employment }: Application): IncomeQuestion {
  const { statedMonthlyIncome, payslips } = employment;
  return { receivedAt, currency, statedMonthlyIncome, payslips };
}

export function fraudQuestion(application: Application): FraudQuestion {
  const { receivedAt, applicant, employment, debts, signals } = application;
  const { birthDate, country } = applicant;
  return { receivedAt, birthDate, country, payslips: employment.payslips, debts, signals };
}

export function riskQuestion(
  application: Application,
  { score, scoreDate, scoreModel }: Score,
  income: IncomeReport,
): RiskQuestion {
  return {
    score,
    scoreDate,
    scoreModel,
    monthlyIncome: income.countedMonthly,
    incomeConfidence: income.confidence,
    monthlyPayments: sum(application.debts.map((debt) => debt.monthlyPayment)),
    amount: application.request.amount,
    termMonths: application.request.termMonths,
  };
}

export function approvalQuestion(
  application: Application,
  reports: {
    readonly score: Score;
    readonly income: IncomeReport;
    readonly fraud: FraudReport;
    readonly risk: RiskReport;
  },
): ApprovalQuestion {
  const { request } = application;
  const { score, scoreDate, scoreModel } = reports.score;
  const { confidence, overstatement } = reports.income;
  return {
    request: { amount: request.amount, termMonths: request.termMonths },
    score: { score, scoreDate, scoreModel },
    income: { confidence, overstatement },
    fraud: { score: reports.fraud.score },
    risk: reports.risk,
  };
}

/** What is right for an application: its own score, its own income, the grade and the answer that follow. */
export interface Truth {
  readonly score: CreditReport;
  readonly risk: RiskReport;
  readonly approval: Approval;
}

export function truthOf(application: Application): Truth {
  const score = pullReport(creditQuestion(application), { key: application.id });
  const income = verifyIncome(incomeQuestion(application));
  const fraud = detectFraud(fraudQuestion(application));
  const risk = assessRisk(riskQuestion(application, score, income));
  return {
    score,
    risk,
    approval: decideApproval(approvalQuestion(application, { score, income, fraud, risk })),
  };
}
