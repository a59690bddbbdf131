/** Fraud: named signals, each with its weight, and one score. */
import { z } from "zod";
import type { Frozen } from "baton";
import { countrySchema, debtsSchema, payslipsSchema, signalsSchema } from "./application.ts";
import { ageInYears, monthsBetween } from "./calendar.ts";
import { rounded } from "./figures.ts";

/** What is looked for, and how much each alone says (0 to 1). */
export const SIGNAL_WEIGHTS = {
  "many-applications": 0.25,
  "flood-of-applications": 0.45,
  "ip-in-other-country": 0.2,
  "phone-in-other-country": 0.15,
  "fresh-contact-details": 0.3,
  "shared-device": 0.35,
  "synthetic-identity": 0.4,
  "round-payslips": 0.3,
  "untaxed-payslips": 0.35,
} as const;

export type Signal = keyof typeof SIGNAL_WEIGHTS;

const SIGNALS = Object.keys(SIGNAL_WEIGHTS) as [Signal, ...Signal[]]; // The keys of a constant record are its key type.

export const fraudReportSchema = z.strictObject({
  /** 0 (nothing found) to 1: the chance that at least one signal is right, were they independent. */
  score: z.number().min(0).max(1),
  signals: z.array(z.enum(SIGNALS)).max(SIGNALS.length),
});

export type FraudReport = Frozen<z.infer<typeof fraudReportSchema>>;

/** The parts of an application that are looked at: no name, no employer, nothing that is free text. */
export const fraudQuestionSchema = z.strictObject({
  receivedAt: z.iso.datetime(),
  birthDate: z.iso.date(),
  country: countrySchema,
  payslips: payslipsSchema,
  debts: debtsSchema,
  signals: signalsSchema,
});

export type FraudQuestion = Frozen<z.infer<typeof fraudQuestionSchema>>;

/** A hundred units of the currency, in minor units: real pay after tax seldom comes to a multiple of it. */
const ROUND_AMOUNT = 10_000;
const FRESH_DAYS = 30;

const CHECKS: Readonly<Record<Signal, (question: FraudQuestion) => boolean>> = {
  "many-applications": ({ signals }) => signals.applicationsLast30Days >= 3,
  "flood-of-applications": ({ signals }) => signals.applicationsLast30Days >= 6,
  "ip-in-other-country": ({ signals, country }) => signals.ipCountry !== country,
  "phone-in-other-country": ({ signals, country }) => signals.phoneCountry !== country,
  "fresh-contact-details": ({ signals }) =>
    signals.emailAgeDays < FRESH_DAYS && signals.phoneAgeDays < FRESH_DAYS,
  "shared-device": ({ signals }) => signals.applicantsOnDevice >= 4,
  "synthetic-identity": looksSynthetic,
  "round-payslips": ({ payslips }) =>
    payslips.length >= 2 && payslips.every((p) => p.netAmount % ROUND_AMOUNT === 0),
  "untaxed-payslips": ({ payslips }) =>
    payslips.length > 0 && payslips.every((p) => p.netAmount === p.grossAmount),
};

/** Looks for every signal; they combine as independent hints, so that one more never lowers the score. */
export function detectFraud(question: FraudQuestion): FraudReport {
  const signals = SIGNALS.filter((signal) => CHECKS[signal](question));
  return { score: weigh(signals), signals };
}

/** What signals say together. */
export function weigh(signals: readonly Signal[]): number {
  const innocent = signals.reduce((chance, signal) => chance * (1 - SIGNAL_WEIGHTS[signal]), 1);
  return rounded(1 - innocent, 4);
}

/** A grown person whose whole history (debts, address, mailbox) began a few months ago: a made-up identity often looks so. */
function looksSynthetic({ birthDate, receivedAt, debts, signals }: FraudQuestion): boolean {
  const historyMonths = Math.max(0, ...debts.map((d) => monthsBetween(d.openedOn, receivedAt)));
  return (
    ageInYears(birthDate, receivedAt) >= 27 &&
    historyMonths < 12 &&
    signals.addressMonths < 6 &&
    signals.emailAgeDays < 180
  );
}
