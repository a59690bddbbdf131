/**
 * A loan application as it arrives: the schema, and the rules that a schema cannot say.
 *
 * Money is whole minor units (cents) of the application's currency, dates are ISO strings, and no field may be added:
 * what the lender did not ask for is refused, not ignored.
 */
import { z } from "zod";
import type { Frozen } from "../../src/model/json.ts";
import { ageInYears, dayOf, monthOf } from "./calendar.ts";

/** Ten million euros: far above any amount the lender deals in, far below where whole numbers lose precision. */
export const AMOUNT_MAX = 1_000_000_000;
const DEBTS_MAX = 20;
const PAYSLIPS_MAX = 12;

const amount = z.int().min(0).max(AMOUNT_MAX);
const positiveAmount = z.int().min(1).max(AMOUNT_MAX);
const country = z.string().regex(/^[A-Z]{2}$/);
const month = z.string().regex(/^20\d{2}-(0[1-9]|1[0-2])$/);
/** Letters with their marks, and what stands between letters in names; so no digits, brackets, controls or direction marks. */
const personName = z
  .string()
  .max(80)
  .regex(/^\p{L}[\p{L}\p{M}]*(?:[ .'’-]{1,2}\p{L}[\p{L}\p{M}]*)*\.?$/u);

const payslip = z.strictObject({
  month,
  grossAmount: amount,
  netAmount: amount,
  currency: z.string().regex(/^[A-Z]{3}$/),
});

const debt = z.strictObject({
  kind: z.enum(["card", "loan", "mortgage"]),
  openedOn: z.iso.date(),
  balance: amount,
  /** The credit limit of a card; 0 for loans and mortgages. */
  limit: amount,
  monthlyPayment: amount,
  /** Payments more than 30 days late in the last 24 months. */
  latePayments: z.int().min(0).max(24),
});

const signals = z.strictObject({
  ipCountry: country,
  phoneCountry: country,
  emailAgeDays: z.int().min(0).max(20_000),
  phoneAgeDays: z.int().min(0).max(20_000),
  addressMonths: z.int().min(0).max(1_200),
  /** Applications of this person to any lender in the last 30 days, this one not counted. */
  applicationsLast30Days: z.int().min(0).max(1_000),
  /** Different people who applied from this device in the last 90 days. */
  applicantsOnDevice: z.int().min(1).max(1_000),
});

export const applicationSchema = z.strictObject({
  id: z.string().regex(/^app-\d{6}$/),
  receivedAt: z.iso.datetime(),
  /** The lender lends in euros; payslips may be in another currency. */
  currency: z.literal("EUR"),
  applicant: z.strictObject({
    id: z.string().regex(/^cus-\d{6}$/),
    name: personName.meta({ sensitive: true }),
    birthDate: z.iso.date(),
    /** Country, eight digits, two check digits. */
    nationalId: z
      .string()
      .regex(/^[A-Z]{2}\d{10}$/)
      .meta({ sensitive: true }),
    country,
  }),
  employment: z.strictObject({
    employer: z
      .string()
      .min(1)
      .max(80)
      .regex(/^[\p{L}\p{N}][\p{L}\p{M}\p{N} &.,'’+-]*$/u),
    startedOn: z.iso.date(),
    /** What the applicant says is left of a month's pay after tax. */
    statedMonthlyIncome: positiveAmount,
    payslips: z.array(payslip).max(PAYSLIPS_MAX),
  }),
  request: z.strictObject({
    amount: positiveAmount,
    termMonths: z.int().min(6).max(120),
    purpose: z.enum(["car", "home", "education", "medical", "consolidation", "other"]),
  }),
  debts: z.array(debt).max(DEBTS_MAX),
  signals,
});

export type Application = Frozen<z.infer<typeof applicationSchema>>;
export type Applicant = Application["applicant"];
export type Payslip = Application["employment"]["payslips"][number];
export type Debt = Application["debts"][number];
export type Signals = Application["signals"];
export type Request = Application["request"];

/** A rule of a contract before it is given to Baton: its name is what a refusal shows. */
export interface NamedRule<X> {
  readonly name: string;
  readonly holds: (value: X) => boolean;
}

/**
 * What an application must keep to beyond its schema.
 *
 * The rule on instructions is courtesy, not defence: lists of bad phrases are always incomplete. The defence is that no
 * name or employer is handed to the agents that grade and approve, which a test checks by changing them.
 */
export const applicationRules: readonly NamedRule<Application>[] = [
  { name: "applicant is 18 to 110 years old", holds: isOfAge },
  { name: "national id has right check digits", holds: (a) => hasRightCheckDigits(a.applicant.nationalId) },
  {
    name: "names hold no instructions",
    holds: (a) => !readsLikeInstruction(a.applicant.name) && !readsLikeInstruction(a.employment.employer),
  },
  { name: "no payslip is later than the month of receipt", holds: hasNoFuturePayslip },
  { name: "a month has one payslip", holds: hasOnePayslipPerMonth },
  { name: "net pay is at most gross pay", holds: (a) => a.employment.payslips.every((p) => p.netAmount <= p.grossAmount) },
  { name: "no debt was opened after receipt", holds: (a) => a.debts.every((d) => d.openedOn <= dayOf(a.receivedAt)) },
];

function isOfAge(application: Application): boolean {
  const age = ageInYears(application.applicant.birthDate, application.receivedAt);
  return age >= 18 && age <= 110;
}

/** The two check digits (ISO 7064, modulo 97) of the eight digits of a national id. */
export function checkDigits(digits: string): string {
  return String(98 - ((Number(digits) * 100) % 97)).padStart(2, "0");
}

function hasRightCheckDigits(nationalId: string): boolean {
  return checkDigits(nationalId.slice(2, 10)) === nationalId.slice(10);
}

const INSTRUCTION = /\b(ignore|disregard|forget|override)\b.*\b(instructions?|rules?|prompts?|polic(?:y|ies))\b|\bsystem prompt\b|\bapprove (this|me|the|all)\b/i;

function readsLikeInstruction(text: string): boolean {
  return INSTRUCTION.test(text);
}

function hasNoFuturePayslip(application: Application): boolean {
  const current = monthOf(application.receivedAt);
  return application.employment.payslips.every((p) => p.month <= current);
}

function hasOnePayslipPerMonth(application: Application): boolean {
  const months = application.employment.payslips.map((p) => p.month);
  return new Set(months).size === months.length;
}
