/**
 * The credit bureau: a score from an applicant's own history, and how far it can be trusted.
 *
 * A stand-in for an outside service that answers the same question the same way every time.
 */
import { z } from "zod";
import type { Frozen } from "baton";
import { type Debt, debtsSchema, nationalIdSchema } from "./application.ts";
import { dayOf, daysBefore, monthsBetween } from "./calendar.ts";
import { hash32, rounded, sum, within } from "./figures.ts";

export const SCORE_MIN = 300;
export const SCORE_MAX = 850;
/** Which scoring model gave a score: a grade is only comparable with grades from the same one. */
export const SCORE_MODEL = "bureau-2026.1";

/** What the bureau is asked. */
export const creditQuestionSchema = z.strictObject({
  nationalId: nationalIdSchema,
  receivedAt: z.iso.datetime(),
  debts: debtsSchema,
});

export type CreditQuestion = Frozen<z.infer<typeof creditQuestionSchema>>;

export const creditReportSchema = z.strictObject({
  inquiryId: z.string().regex(/^inq-[0-9a-f]{8}$/),
  score: z.int().min(SCORE_MIN).max(SCORE_MAX),
  /** The bureau scores in nightly batches, so this lies up to two days before the inquiry. */
  scoreDate: z.iso.date(),
  scoreModel: z.string().min(1),
  /** 0 to 1: how much history stands behind the score. */
  confidence: z.number().min(0).max(1),
  /** What cost most points, worst first. */
  factors: z
    .array(z.enum(["late-payments", "utilisation", "short-history", "few-accounts"]))
    .max(4),
});

export type CreditReport = Frozen<z.infer<typeof creditReportSchema>>;

/** The share of all points that each factor can bring. */
const WEIGHTS = {
  "late-payments": 0.4,
  utilisation: 0.3,
  "short-history": 0.15,
  "few-accounts": 0.15,
} as const;
type Factor = keyof typeof WEIGHTS;

const LONG_HISTORY_MONTHS = 120;
const MANY_ACCOUNTS = 4;
/** What a person without any card gets for utilisation: neither praise nor blame. */
const UTILISATION_UNKNOWN = 0.6;
/** Points that stand for all that the bureau knows and the application does not say. */
const UNSEEN_POINTS = 12;

/**
 * The bureau's answer. A thin file (few or young accounts) still gets a score, at a low confidence.
 *
 * @param inquiry its key: asked twice with the same one, the bureau opens one inquiry.
 */
export function pullReport(
  question: CreditQuestion,
  inquiry: { readonly key: string },
): CreditReport {
  const { debts } = question;
  const historyMonths = Math.max(
    0,
    ...debts.map((d) => monthsBetween(d.openedOn, question.receivedAt)),
  );
  const quality: Readonly<Record<Factor, number>> = {
    "late-payments": paymentQuality(sum(debts.map((d) => d.latePayments))),
    utilisation: utilisationQuality(debts),
    "short-history": Math.min(1, historyMonths / LONG_HISTORY_MONTHS),
    "few-accounts": Math.min(1, debts.length / MANY_ACCOUNTS),
  };
  const factors = Object.keys(WEIGHTS) as readonly Factor[]; // The keys of a constant record are its key type.
  const share = sum(factors.map((factor) => WEIGHTS[factor] * quality[factor]));
  const unseen = (hash32(question.nationalId) % (2 * UNSEEN_POINTS + 1)) - UNSEEN_POINTS;
  const points = SCORE_MIN + (SCORE_MAX - SCORE_MIN) * share + unseen;
  return {
    inquiryId: `inq-${hash32(inquiry.key).toString(16).padStart(8, "0")}`,
    score: within(Math.round(points), SCORE_MIN, SCORE_MAX),
    scoreDate: daysBefore(dayOf(question.receivedAt), hash32(`batch ${question.nationalId}`) % 3),
    scoreModel: SCORE_MODEL,
    confidence: confidenceOf(debts.length, historyMonths),
    factors: worstFirst(factors, quality),
  };
}

function paymentQuality(latePayments: number): number {
  return Math.max(0, [1, 0.78, 0.6, 0.45][latePayments] ?? 0.35 - 0.06 * (latePayments - 4));
}

function utilisationQuality(debts: readonly Debt[]): number {
  const cards = debts.filter((d) => d.kind === "card" && d.limit > 0);
  if (cards.length === 0) return UTILISATION_UNKNOWN;
  const used = sum(cards.map((d) => d.balance)) / sum(cards.map((d) => d.limit));
  return within((1 - used) / 0.9, 0, 1);
}

function confidenceOf(accounts: number, historyMonths: number): number {
  if (accounts === 0) return 0.35;
  return rounded(
    0.45 + 0.3 * Math.min(1, historyMonths / 60) + 0.24 * Math.min(1, accounts / 3),
    2,
  );
}

function worstFirst(
  factors: readonly Factor[],
  quality: Readonly<Record<Factor, number>>,
): Factor[] {
  const lost = (factor: Factor): number => WEIGHTS[factor] * (1 - quality[factor]);
  return factors.filter((factor) => lost(factor) >= 0.02).sort((a, b) => lost(b) - lost(a));
}
