/** Risk: a grade from the credit score and the share of income that would go to debts. */
import { z } from "zod";
import type { Frozen } from "baton";
import { amountSchema, positiveAmountSchema } from "./application.ts";
import { SCORE_MAX, SCORE_MIN } from "./bureau.ts";
import { rounded } from "./figures.ts";
import { instalment } from "./loan.ts";

export const GRADES = ["A", "B", "C", "D", "E"] as const;
export type Grade = (typeof GRADES)[number];

/** A score with less behind it is not graded: the handoff to the risk step is refused. */
export const SCORE_CONFIDENCE_NEEDED = 0.7;
/** Nor is an income that the payslips hardly show. */
export const INCOME_CONFIDENCE_NEEDED = 0.4;

/** Every request is judged at this yearly rate (basis points): the rate offered follows from the grade, not the other way round. */
export const ASSESSMENT_RATE_POINTS = 900;
/** Stands for "more than ten times the income", and for no income at all. */
export const DEBT_TO_INCOME_MAX = 9.99;

/** Upper ends of the columns of the table; the last column is everything above. */
const DEBT_TO_INCOME_COLUMNS = [0.2, 0.3, 0.4, 0.5] as const;

/** The grade table: the first row whose score is reached, the first column whose debt-to-income is not exceeded. */
export const GRADE_TABLE: readonly {
  readonly scoreFrom: number;
  readonly grades: readonly Grade[];
}[] = [
  { scoreFrom: 740, grades: ["A", "A", "B", "C", "E"] },
  { scoreFrom: 680, grades: ["A", "B", "C", "D", "E"] },
  { scoreFrom: 620, grades: ["B", "C", "D", "D", "E"] },
  { scoreFrom: 560, grades: ["C", "D", "D", "E", "E"] },
  { scoreFrom: 0, grades: ["E", "E", "E", "E", "E"] },
];

export const riskQuestionSchema = z.strictObject({
  score: z.int().min(SCORE_MIN).max(SCORE_MAX),
  scoreDate: z.iso.date(),
  scoreModel: z.string().min(1),
  /** Minor units, as are the payments and the amount. */
  monthlyIncome: amountSchema,
  incomeConfidence: z.number().min(0).max(1),
  monthlyPayments: z.int().min(0),
  amount: positiveAmountSchema,
  termMonths: z.int().min(1),
});

export type RiskQuestion = Frozen<z.infer<typeof riskQuestionSchema>>;

export const riskReportSchema = z.strictObject({
  grade: z.enum(GRADES),
  /** Payments on present debts and the new one, as a share of monthly income; at most 9.99. */
  debtToIncome: z.number().min(0).max(DEBT_TO_INCOME_MAX),
  /** What the new loan would cost a month at the assessment rate; minor units. */
  assessedInstalment: z.int().min(1),
  /** Exactly what the grade rests on, so that a grade from a stale score can be seen. */
  basedOn: z.strictObject({
    score: z.int(),
    scoreDate: z.iso.date(),
    scoreModel: z.string(),
    monthlyIncome: z.int().min(0),
  }),
});

export type RiskReport = Frozen<z.infer<typeof riskReportSchema>>;

/** The grade of a score at a debt-to-income ratio, from the table. */
export function gradeOf(cell: { readonly score: number; readonly debtToIncome: number }): Grade {
  const row = GRADE_TABLE.find(({ scoreFrom }) => cell.score >= scoreFrom);
  const column = DEBT_TO_INCOME_COLUMNS.findIndex((top) => cell.debtToIncome <= top);
  return row?.grades[column === -1 ? DEBT_TO_INCOME_COLUMNS.length : column] ?? "E";
}

/** Grades a request. No income counts as the highest debt-to-income there is. */
export function assessRisk(question: RiskQuestion): RiskReport {
  const { score, scoreDate, scoreModel, monthlyIncome, amount, termMonths } = question;
  const assessedInstalment = instalment({ amount, termMonths, ratePoints: ASSESSMENT_RATE_POINTS });
  const owed = question.monthlyPayments + assessedInstalment;
  const share = monthlyIncome === 0 ? DEBT_TO_INCOME_MAX : owed / monthlyIncome;
  const debtToIncome = rounded(Math.min(DEBT_TO_INCOME_MAX, share), 4);
  return {
    grade: gradeOf({ score, debtToIncome }),
    debtToIncome,
    assessedInstalment,
    basedOn: { score, scoreDate, scoreModel, monthlyIncome },
  };
}
