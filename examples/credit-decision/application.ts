/**
 * A loan application as it arrives: the schema, and the rules that a schema cannot say.
 *
 * Money is whole minor units (cents) of the application's currency, dates are ISO strings, and no field may be added:
 * what the lender did not ask for is refused, not ignored.
 */
import { z } from "zod";
import { type Frozen, type Rule, rule } from "baton";
import { ageInYears, dayOf, monthOf } from "./calendar.ts";

/** Ten million euros: far above any amount the lender deals in, far below where whole numbers lose precision. */
export const AMOUNT_MAX = 1_000_000_000;
const DEBTS_MAX = 20;
const PAYSLIPS_MAX = 12;

export const amountSchema = z.int().min(0).max(AMOUNT_MAX);
export const positiveAmountSchema = z.int().min(1).max(AMOUNT_MAX);
export const countrySchema = z.string().regex(/^[A-Z]{2}$/);
const month = z.string().regex(/^20\d{2}-(0[1-9]|1[0-2])$/);
/** Letters with their marks, and what stands between letters in names; so no digits, brackets, controls or direction marks. */
const personName = z
  .string()
  .max(80)
  .regex(/^\p{L}[\p{L}\p{M}]*(?:[ .'’-]{1,2}\p{L}[\p{L}\p{M}]*)*\.?$/u);

/** Country, eight digits, two check digits. */
export const nationalIdSchema = z
  .string()
  .regex(/^[A-Z]{2}\d{10}$/)
  .meta({ sensitive: true });

const payslip = z.strictObject({
  month,
  grossAmount: amountSchema,
  netAmount: amountSchema,
  currency: z.string().regex(/^[A-Z]{3}$/),
});

export const payslipsSchema = z.array(payslip).max(PAYSLIPS_MAX);

const debt = z.strictObject({
  kind: z.enum(["card", "loan", "mortgage"]),
  openedOn: z.iso.date(),
  balance: amountSchema,
  /** The credit limit of a card; 0 for loans and mortgages. */
  limit: amountSchema,
  monthlyPayment: amountSchema,
  /** Payments more than 30 days late in the last 24 months. */
  latePayments: z.int().min(0).max(24),
});

export const debtsSchema = z.array(debt).max(DEBTS_MAX);

export const signalsSchema = z.strictObject({
  ipCountry: countrySchema,
  phoneCountry: countrySchema,
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
    nationalId: nationalIdSchema,
    country: countrySchema,
  }),
  employment: z.strictObject({
    employer: z
      .string()
      .min(1)
      .max(80)
      .regex(/^[\p{L}\p{N}][\p{L}\p{M}\p{N} &.,'’+-]*$/u),
    startedOn: z.iso.date(),
    /** What the applicant says is left of a month's pay after tax. */
    statedMonthlyIncome: positiveAmountSchema,
    payslips: payslipsSchema,
  }),
  request: z.strictObject({
    amount: positiveAmountSchema,
    termMonths: z.int().min(6).max(120),
    purpose: z.enum(["car", "home", "education", "medical", "consolidation", "other"]),
  }),
  debts: debtsSchema,
  signals: signalsSchema,
});

export type Application = Frozen<z.infer<typeof applicationSchema>>;
export type Applicant = Application["applicant"];
export type Payslip = Application["employment"]["payslips"][number];
export type Debt = Application["debts"][number];
export type Signals = Application["signals"];
export type Request = Application["request"];

/**
 * What an application must keep to beyond its schema.
 *
 * The rule on instructions is courtesy, not defence: lists of bad phrases are always incomplete. The defence is that no
 * name or employer is handed to the agents that grade and approve, which a test checks by changing them.
 */
export const applicationRules: readonly Rule<z.infer<typeof applicationSchema>>[] = [
  rule("applicant is 18 to 110 years old", isOfAge, { path: "/applicant/birthDate" }),
  rule("national id has right check digits", hasRightCheckDigits, {
    path: "/applicant/nationalId",
  }),
  rule("name holds no instructions", (a) => !readsLikeInstruction(a.applicant.name), {
    path: "/applicant/name",
  }),
  rule("employer holds no instructions", (a) => !readsLikeInstruction(a.employment.employer), {
    path: "/employment/employer",
  }),
  rule("no payslip is later than the month of receipt", hasNoFuturePayslip, {
    path: "/employment/payslips",
  }),
  rule("a month has one payslip", hasOnePayslipPerMonth, { path: "/employment/payslips" }),
  rule("net pay is at most gross pay", netIsAtMostGross, { path: "/employment/payslips" }),
  rule("no debt was opened after receipt", hasNoFutureDebt, { path: "/debts" }),
];

function isOfAge(application: Application): boolean {
  const age = ageInYears(application.applicant.birthDate, application.receivedAt);
  return age >= 18 && age <= 110;
}

/** The two check digits (ISO 7064, modulo 97) of the eight digits of a national id. */
export function checkDigits(digits: string): string {
  return String(98 - ((Number(digits) * 100) % 97)).padStart(2, "0");
}

function hasRightCheckDigits({ applicant: { nationalId } }: Application): boolean {
  return checkDigits(nationalId.slice(2, 10)) === nationalId.slice(10);
}

const INSTRUCTION =
  /\b(ignore|disregard|forget|override)\b.*\b(instructions?|rules?|prompts?|polic(?:y|ies))\b|\bsystem prompt\b|\bapprove (this|me|the|all)\b/i;

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

function netIsAtMostGross(application: Application): boolean {
  return application.employment.payslips.every((p) => p.netAmount <= p.grossAmount);
}

function hasNoFutureDebt(application: Application): boolean {
  return application.debts.every((debt) => debt.openedOn <= dayOf(application.receivedAt));
}
