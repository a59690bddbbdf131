/** Income: what the payslips show, held against what the applicant said. */
import { z } from "zod";
import type { Frozen } from "baton";
import { payslipsSchema, positiveAmountSchema } from "./application.ts";
import { monthsBefore } from "./calendar.ts";
import { median, rounded, sum, within } from "./figures.ts";

/** How many full months before receipt must be shown. */
export const MONTHS_WANTED = 3;
/** Pay that varies by more than this share of its mean is called irregular. */
const IRREGULAR_FROM = 0.15;

export const incomeQuestionSchema = z.strictObject({
  receivedAt: z.iso.datetime(),
  currency: z.string(),
  /** Minor units of `currency`. */
  statedMonthlyIncome: positiveAmountSchema,
  payslips: payslipsSchema,
});

export type IncomeQuestion = Frozen<z.infer<typeof incomeQuestionSchema>>;

export const incomeReportSchema = z.strictObject({
  /** What counts for the decision: the lower of the stated income and the median of the payslips; minor units. */
  countedMonthly: z.int().min(0),
  /** The median net pay of the payslips that could be used; minor units. */
  shownMonthly: z.int().min(0),
  statedMonthly: z.int().min(1),
  /** How far the stated income lies above what was shown, as a share of the latter; negative when it lies below; at most 9.99. */
  overstatement: z.number().min(-1).max(9.99),
  /** Standard deviation of net pay as a share of its mean; 0 for fewer than two payslips. */
  variation: z.number().min(0),
  /** Months that should have been shown and were not. */
  missingMonths: z.array(z.string()).max(MONTHS_WANTED),
  confidence: z.number().min(0).max(1),
  findings: z.array(
    z.enum(["missing-months", "foreign-currency", "irregular-pay", "no-usable-payslip"]),
  ),
});

export type IncomeReport = Frozen<z.infer<typeof incomeReportSchema>>;

/**
 * Verifies a stated income. Payslips in another currency are not converted (an exchange rate would be one more thing that
 * can be stale): they count as not shown.
 */
export function verifyIncome(question: IncomeQuestion): IncomeReport {
  const usable = question.payslips.filter((p) => p.currency === question.currency);
  const pay = usable.map((p) => p.netAmount);
  const shownMonths = new Set(usable.map((p) => p.month));
  const wanted = Array.from({ length: MONTHS_WANTED }, (_, i) =>
    monthsBefore(question.receivedAt, i + 1),
  );
  const missingMonths = wanted.filter((month) => !shownMonths.has(month)).sort();
  const shownMonthly = median(pay);
  const variation = rounded(variationOf(pay), 4);
  const stated = question.statedMonthlyIncome;
  const overstatement =
    shownMonthly === 0 ? 9.99 : rounded(within(stated / shownMonthly - 1, -1, 9.99), 4);
  const foreign = usable.length < question.payslips.length;
  return {
    countedMonthly: Math.min(shownMonthly, stated),
    shownMonthly,
    statedMonthly: stated,
    overstatement,
    variation,
    missingMonths,
    confidence: confidenceOf({
      missing: missingMonths.length,
      foreign,
      variation,
      overstatement,
      shown: pay.length,
    }),
    findings: [
      ...(missingMonths.length > 0 ? (["missing-months"] as const) : []),
      ...(foreign ? (["foreign-currency"] as const) : []),
      ...(variation > IRREGULAR_FROM ? (["irregular-pay"] as const) : []),
      ...(pay.length === 0 ? (["no-usable-payslip"] as const) : []),
    ],
  };
}

function variationOf(pay: readonly number[]): number {
  const mean = sum(pay) / pay.length;
  if (pay.length < 2 || mean === 0) return 0;
  return Math.sqrt(sum(pay.map((p) => (p - mean) ** 2)) / pay.length) / mean;
}

interface Doubts {
  readonly missing: number;
  readonly foreign: boolean;
  readonly variation: number;
  readonly overstatement: number;
  readonly shown: number;
}

function confidenceOf(doubts: Doubts): number {
  if (doubts.shown === 0) return 0;
  const doubt =
    0.2 * doubts.missing +
    (doubts.foreign ? 0.15 : 0) +
    Math.min(0.4, doubts.variation) +
    0.5 * within(doubts.overstatement, 0, 0.6);
  return rounded(within(0.98 - doubt, 0, 1), 2);
}
