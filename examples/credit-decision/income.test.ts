import fc from "fast-check";
import { expect, test } from "vitest";
import type { Payslip } from "./application.ts";
import { type IncomeQuestion, incomeReportSchema, verifyIncome } from "./income.ts";

function payslip(month: string, netAmount: number, currency = "EUR"): Payslip {
  return { month, grossAmount: netAmount * 2, netAmount, currency };
}

const question: IncomeQuestion = {
  receivedAt: "2026-02-10T08:00:00Z",
  currency: "EUR",
  statedMonthlyIncome: 250_000,
  payslips: [payslip("2026-01", 250_000), payslip("2025-12", 250_000), payslip("2025-11", 250_000)],
};

test("steady payslips that show the stated income are believed", () => {
  expect(verifyIncome(question)).toEqual({
    countedMonthly: 250_000,
    shownMonthly: 250_000,
    statedMonthly: 250_000,
    overstatement: 0,
    variation: 0,
    missingMonths: [],
    confidence: 0.98,
    findings: [],
  });
});

test("every report keeps to its schema; what counts is never above what was stated or shown", () => {
  const slips = fc.array(
    fc.record({
      month: fc.constantFrom("2026-01", "2025-12", "2025-11", "2025-06"),
      net: fc.nat(1_000_000_000),
      euro: fc.boolean(),
    }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(slips, fc.integer({ min: 1, max: 1_000_000_000 }), (all, statedMonthlyIncome) => {
      const payslips = all.map((s) => payslip(s.month, s.net, s.euro ? "EUR" : "USD"));
      const report = verifyIncome({ ...question, payslips, statedMonthlyIncome });
      expect(incomeReportSchema.parse(report)).toEqual(report);
      expect(report.countedMonthly).toBe(Math.min(report.shownMonthly, report.statedMonthly));
    }),
  );
});

test("stating more never counts for more than the payslips show, and never raises the confidence", () => {
  fc.assert(
    fc.property(fc.integer({ min: 250_000, max: 2_000_000 }), fc.nat(1_000_000), (stated, more) => {
      const modest = verifyIncome({ ...question, statedMonthlyIncome: stated });
      const bold = verifyIncome({ ...question, statedMonthlyIncome: stated + more });
      expect(bold.countedMonthly).toBe(modest.countedMonthly);
      expect(bold.confidence).toBeLessThanOrEqual(modest.confidence);
    }),
  );
});

test("one odd month does not move the median", () => {
  const payslips = [payslip("2026-01", 2_500_000), ...question.payslips.slice(1)];
  const report = verifyIncome({ ...question, payslips });
  expect(report.shownMonthly).toBe(250_000);
  expect(report.findings).toEqual(["irregular-pay"]);
});

test("a missing month is named, across the new year", () => {
  const report = verifyIncome({
    ...question,
    payslips: question.payslips.filter((p) => p.month !== "2025-12"),
  });
  expect(report.missingMonths).toEqual(["2025-12"]);
  expect(report.confidence).toBe(0.78);
});

test("payslips in another currency count as not shown", () => {
  const report = verifyIncome({
    ...question,
    payslips: question.payslips.map((p) => ({ ...p, currency: "USD" })),
  });
  expect(report.countedMonthly).toBe(0);
  expect(report.confidence).toBe(0);
  expect(report.findings).toEqual(["missing-months", "foreign-currency", "no-usable-payslip"]);
});
