import fc from "fast-check";
import { expect, test } from "vitest";
import { detectFraud, type FraudQuestion, fraudReportSchema } from "./fraud.ts";

const honest: FraudQuestion = {
  receivedAt: "2026-02-10T08:00:00Z",
  birthDate: "1985-04-03",
  country: "DE",
  payslips: [
    { month: "2026-01", grossAmount: 355_011, netAmount: 250_013, currency: "EUR" },
    { month: "2025-12", grossAmount: 355_011, netAmount: 250_013, currency: "EUR" },
  ],
  debts: [
    {
      kind: "card",
      openedOn: "2012-01-01",
      balance: 0,
      limit: 100_000,
      monthlyPayment: 0,
      latePayments: 0,
    },
  ],
  signals: {
    ipCountry: "DE",
    phoneCountry: "DE",
    emailAgeDays: 2_000,
    phoneAgeDays: 900,
    addressMonths: 40,
    applicationsLast30Days: 0,
    applicantsOnDevice: 1,
  },
};

function withSignals(signals: Partial<FraudQuestion["signals"]>): FraudQuestion {
  return { ...honest, signals: { ...honest.signals, ...signals } };
}

test("an honest application shows nothing", () => {
  expect(detectFraud(honest)).toEqual({ score: 0, signals: [] });
});

test.each([
  ["many-applications", withSignals({ applicationsLast30Days: 3 })],
  ["ip-in-other-country", withSignals({ ipCountry: "RO" })],
  ["phone-in-other-country", withSignals({ phoneCountry: "RO" })],
  ["fresh-contact-details", withSignals({ emailAgeDays: 3, phoneAgeDays: 29 })],
  ["shared-device", withSignals({ applicantsOnDevice: 4 })],
  ["synthetic-identity", { ...withSignals({ emailAgeDays: 100, addressMonths: 2 }), debts: [] }],
  [
    "round-payslips",
    { ...honest, payslips: honest.payslips.map((p) => ({ ...p, netAmount: 250_000 })) },
  ],
  [
    "untaxed-payslips",
    { ...honest, payslips: honest.payslips.map((p) => ({ ...p, grossAmount: p.netAmount })) },
  ],
] satisfies readonly (readonly [string, FraudQuestion])[])(
  "%s is found, alone",
  (signal, question) => {
    expect(detectFraud(question).signals).toEqual([signal]);
  },
);

test("a flood of applications counts on top of many", () => {
  expect(detectFraud(withSignals({ applicationsLast30Days: 6 })).signals).toEqual([
    "many-applications",
    "flood-of-applications",
  ]);
});

test("a young person with a short history is not made up", () => {
  const young = {
    ...withSignals({ emailAgeDays: 100, addressMonths: 2 }),
    debts: [],
    birthDate: "2005-01-01",
  };
  expect(detectFraud(young).signals).toEqual([]);
});

test("more applications never lower the score, and it stays within its schema", () => {
  fc.assert(
    fc.property(
      fc.nat(1_000),
      fc.nat(1_000),
      fc.boolean(),
      fc.nat(60),
      (one, other, abroad, emailAgeDays) => {
        const scoreAt = (applicationsLast30Days: number): number => {
          const report = detectFraud(
            withSignals({ applicationsLast30Days, emailAgeDays, ipCountry: abroad ? "RO" : "DE" }),
          );
          expect(fraudReportSchema.parse(report)).toEqual(report);
          return report.score;
        };
        expect(scoreAt(Math.max(one, other))).toBeGreaterThanOrEqual(scoreAt(Math.min(one, other)));
      },
    ),
  );
});
