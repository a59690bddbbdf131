/** Approval: approve, decline, or hand the case to a person, always with reasons that can be told to the applicant. */
import { z } from "zod";
import type { Frozen } from "baton";
import { positiveAmountSchema } from "./application.ts";
import { creditReportSchema } from "./bureau.ts";
import { fraudReportSchema } from "./fraud.ts";
import { incomeReportSchema } from "./income.ts";
import { instalment } from "./loan.ts";
import { GRADES, type Grade, riskReportSchema } from "./risk.ts";

/** Every reason a decision may carry, with the words for the applicant. */
export const REASONS = {
  GRADE_ACCEPTED: "Credit history and income support the loan.",
  AMOUNT_REDUCED_TO_LIMIT: "The amount was reduced to the limit of the risk grade.",
  GRADE_BORDERLINE: "Credit history and income support the loan only just.",
  SCORE_TOO_LOW: "The credit score is too low.",
  DEBT_TO_INCOME_TOO_HIGH: "Payments on debts would take too large a share of the income.",
  GRADE_TOO_LOW: "Credit score and share of income that goes to debts are too weak together.",
  INCOME_UNCERTAIN: "The payslips do not show the income clearly enough.",
  INCOME_OVERSTATED: "The stated income is higher than what the payslips show.",
  FRAUD_SIGNALS: "Details of the application need to be confirmed.",
  FRAUD_SUSPECTED: "The application could not be confirmed as genuine.",
  SIGNED_OFF: "A person looked at the case and approved it.",
  SIGN_OFF_REFUSED: "A person looked at the case and declined it, or nobody did in time.",
} as const;

export type Reason = keyof typeof REASONS;
const REASON_CODES = Object.keys(REASONS) as [Reason, ...Reason[]]; // The keys of a constant record are its key type.

/** What a grade may borrow at most (minor units) and at which yearly rate (basis points). Grade E may not borrow. */
export const OFFERS: Readonly<
  Record<Grade, { readonly amountMax: number; readonly ratePoints: number }>
> = {
  A: { amountMax: 5_000_000, ratePoints: 590 },
  B: { amountMax: 3_000_000, ratePoints: 790 },
  C: { amountMax: 1_500_000, ratePoints: 1_090 },
  D: { amountMax: 750_000, ratePoints: 1_490 },
  E: { amountMax: 0, ratePoints: 0 },
};

const FRAUD_REVIEW_FROM = 0.4;
const FRAUD_DECLINE_FROM = 0.75;
const INCOME_CONFIDENCE_CLEAR = 0.7;
const OVERSTATED_REVIEW_FROM = 0.15;
const OVERSTATED_DECLINE_FROM = 0.5;
/** Below the second-lowest row of the grade table no ratio helps. */
const SCORE_WANTED = 560;
const DEBT_TO_INCOME_ALLOWED = 0.5;

const terms = z.strictObject({
  /** Minor units. */
  amount: z.int().min(1),
  termMonths: z.int().min(1),
  /** Yearly rate in basis points: 590 is 5.90%. */
  ratePoints: z.int().min(1),
  /** Minor units a month. */
  instalment: z.int().min(1),
});

export type Terms = Frozen<z.infer<typeof terms>>;

const grade = z.enum(GRADES);
const reasons = z.array(z.enum(REASON_CODES)).min(1);
const approved = z.strictObject({ decision: z.literal("approved"), grade, reasons, terms });
const declined = z.strictObject({ decision: z.literal("declined"), grade, reasons });
/** The terms of a review are what would be offered if a person signs off. */
const review = z.strictObject({ decision: z.literal("review"), grade, reasons, terms });

/** What the agent decides: a case in the borderline band is a `review`. */
export const approvalSchema = z.discriminatedUnion("decision", [approved, declined, review]);
/** What the workflow answers: by then a person has settled every review. */
export const decisionSchema = z.discriminatedUnion("decision", [approved, declined]);

export type Approval = Frozen<z.infer<typeof approvalSchema>>;
export type Decision = Frozen<z.infer<typeof decisionSchema>>;

/** What the decision rests on: figures only. Neither name nor employer can sway it. */
export const approvalQuestionSchema = z.strictObject({
  request: z.strictObject({ amount: positiveAmountSchema, termMonths: z.int().min(1) }),
  score: creditReportSchema.pick({ score: true, scoreDate: true, scoreModel: true }),
  income: incomeReportSchema.pick({ confidence: true, overstatement: true }),
  fraud: fraudReportSchema.pick({ score: true }),
  risk: riskReportSchema,
});

export type ApprovalQuestion = Frozen<z.infer<typeof approvalQuestionSchema>>;

/** Decides. Any reason to decline wins over any reason to review, which wins over approving. */
export function decideApproval(question: ApprovalQuestion): Approval {
  const { grade } = question.risk;
  const against = reasonsToDecline(question);
  if (against.length > 0) return { decision: "declined", grade, reasons: against };
  const offer = OFFERS[grade];
  const amount = Math.min(question.request.amount, offer.amountMax);
  const { termMonths } = question.request;
  const { ratePoints } = offer;
  const offered = {
    amount,
    termMonths,
    ratePoints,
    instalment: instalment({ amount, termMonths, ratePoints }),
  };
  const reduced: Reason[] = amount < question.request.amount ? ["AMOUNT_REDUCED_TO_LIMIT"] : [];
  const doubts = reasonsToReview(question);
  return doubts.length > 0
    ? { decision: "review", grade, reasons: [...doubts, ...reduced], terms: offered }
    : { decision: "approved", grade, reasons: ["GRADE_ACCEPTED", ...reduced], terms: offered };
}

function reasonsToDecline({ fraud, income, risk }: ApprovalQuestion): Reason[] {
  const reasons: Reason[] = [];
  if (fraud.score >= FRAUD_DECLINE_FROM) reasons.push("FRAUD_SUSPECTED");
  const scoreTooLow = risk.basedOn.score < SCORE_WANTED;
  const owesTooMuch = risk.debtToIncome > DEBT_TO_INCOME_ALLOWED;
  if (scoreTooLow) reasons.push("SCORE_TOO_LOW");
  if (owesTooMuch) reasons.push("DEBT_TO_INCOME_TOO_HIGH");
  if (risk.grade === "E" && !scoreTooLow && !owesTooMuch) reasons.push("GRADE_TOO_LOW");
  if (income.overstatement >= OVERSTATED_DECLINE_FROM) reasons.push("INCOME_OVERSTATED");
  return reasons;
}

function reasonsToReview({ fraud, income, risk }: ApprovalQuestion): Reason[] {
  const reasons: Reason[] = [];
  if (fraud.score >= FRAUD_REVIEW_FROM) reasons.push("FRAUD_SIGNALS");
  if (income.confidence < INCOME_CONFIDENCE_CLEAR) reasons.push("INCOME_UNCERTAIN");
  if (income.overstatement >= OVERSTATED_REVIEW_FROM) reasons.push("INCOME_OVERSTATED");
  if (risk.grade === "D") reasons.push("GRADE_BORDERLINE");
  return reasons;
}
