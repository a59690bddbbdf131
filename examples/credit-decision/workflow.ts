/**
 * The credit decision as a graph: score, income and fraud side by side; risk from score and income; approval from all;
 * a person for the borderline band.
 */
import { type Workflow, workflow } from "baton";
import type { z } from "zod";
import * as agents from "./agents.ts";
import type { Application as ApplicationValue, applicationSchema } from "./application.ts";
import type { Decision as DecisionValue } from "./approval.ts";
import { Application, Decision } from "./contracts.ts";
import { sum } from "./figures.ts";
import { SCORE_CONFIDENCE_NEEDED } from "./risk.ts";
import { isBorderline, settle } from "./sign-off.ts";

/** Who does the work: these, or others between the same contracts. */
export interface CreditAgents {
  readonly creditScore: typeof agents.creditScore;
  readonly incomeVerification: typeof agents.incomeVerification;
  readonly fraudDetection: typeof agents.fraudDetection;
  readonly riskAssessment: typeof agents.riskAssessment;
  readonly finalApproval: typeof agents.finalApproval;
}

/** From an application to a decision. */
export type CreditDecision = Workflow<z.infer<typeof applicationSchema>, DecisionValue>;

export const creditDecision = creditDecisionBy(agents);

function fraudQuestion({ receivedAt, applicant, employment, debts, signals }: ApplicationValue) {
  const { birthDate, country } = applicant;
  return { receivedAt, birthDate, country, payslips: employment.payslips, debts, signals };
}

/** The graph, with these agents in its steps. */
export function creditDecisionBy(by: CreditAgents): CreditDecision {
  return workflow("credit-decision", "1.0.0", {
    input: Application,
    output: Decision,
    description: "Decides a loan application.",
  })
    .step("score", by.creditScore, {
      input: ({ input }) => ({
        nationalId: input.applicant.nationalId,
        receivedAt: input.receivedAt,
        debts: input.debts,
      }),
    })
    .step("income", by.incomeVerification, {
      input: ({ input }) => ({
        receivedAt: input.receivedAt,
        currency: input.currency,
        statedMonthlyIncome: input.employment.statedMonthlyIncome,
        payslips: input.employment.payslips,
      }),
    })
    .step("fraud", by.fraudDetection, {
      input: ({ input }) => fraudQuestion(input),
    })
    .step("risk", by.riskAssessment, {
      needs: ["input", "score", "income"],
      requires: {
        [`score confidence is at least ${SCORE_CONFIDENCE_NEEDED}`]: ({ score }) =>
          score.confidence >= SCORE_CONFIDENCE_NEEDED,
      },
      input: ({ input, score, income }) => ({
        score: score.score,
        scoreDate: score.scoreDate,
        scoreModel: score.scoreModel,
        monthlyIncome: income.countedMonthly,
        incomeConfidence: income.confidence,
        monthlyPayments: sum(input.debts.map((debt) => debt.monthlyPayment)),
        amount: input.request.amount,
        termMonths: input.request.termMonths,
      }),
    })
    .step("approval", by.finalApproval, {
      needs: ["input", "score", "income", "fraud", "risk"],
      input: ({ input, score, income, fraud, risk }) => ({
        request: { amount: input.request.amount, termMonths: input.request.termMonths },
        score: { score: score.score, scoreDate: score.scoreDate, scoreModel: score.scoreModel },
        income: { confidence: income.confidence, overstatement: income.overstatement },
        fraud: { score: fraud.score },
        risk,
      }),
    })
    .approval("sign-off", {
      needs: ["approval"],
      when: ({ approval }) => isBorderline(approval),
      show: ({ approval }) => approval,
      timeout: "72h",
      onTimeout: "refused",
    })
    .output((state) => settle(state.approval, state["sign-off"]?.approved ?? false));
}
