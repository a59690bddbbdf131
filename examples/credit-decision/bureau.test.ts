import fc from "fast-check";
import { expect, test } from "vitest";
import type { Debt } from "./application.ts";
import {
  type CreditQuestion,
  type CreditReport,
  creditReportSchema,
  pullReport,
} from "./bureau.ts";

const card: Debt = {
  kind: "card",
  openedOn: "2015-05-01",
  balance: 50_000,
  limit: 500_000,
  monthlyPayment: 1_500,
  latePayments: 0,
};
const question: CreditQuestion = {
  nationalId: "DE7605087412",
  receivedAt: "2026-04-16T11:19:23Z",
  debts: [card, { ...card, kind: "loan", limit: 0 }, { ...card, openedOn: "2020-01-01" }],
};

function pull(of: CreditQuestion): CreditReport {
  return pullReport(of, { key: "key" });
}

const debts = fc.array(
  fc.record<Debt>({
    kind: fc.constantFrom("card", "loan", "mortgage"),
    openedOn: fc.constantFrom("2010-01-01", "2019-06-01", "2024-02-29", "2026-04-01"),
    balance: fc.nat(1_000_000_000),
    limit: fc.nat(1_000_000_000),
    monthlyPayment: fc.nat(1_000_000),
    latePayments: fc.nat(24),
  }),
  { maxLength: 20 },
);

test("every report keeps to its schema, and the same question gets the same answer", () => {
  fc.assert(
    fc.property(debts, fc.string(), (all, nationalId) => {
      const report = pull({ ...question, nationalId, debts: all });
      expect(creditReportSchema.parse(report)).toEqual(report);
      expect(pull({ ...question, nationalId, debts: all })).toEqual(report);
    }),
  );
});

test("one more late payment never raises the score", () => {
  fc.assert(
    fc.property(debts, (all) => {
      const later = [
        ...all.slice(0, -1),
        ...all.slice(-1).map((debt) => ({ ...debt, latePayments: debt.latePayments + 1 })),
      ];
      expect(pull({ ...question, debts: later }).score).toBeLessThanOrEqual(
        pull({ ...question, debts: all }).score,
      );
    }),
  );
});

test("owing more on a card never raises the score", () => {
  fc.assert(
    fc.property(fc.nat(600_000), fc.nat(600_000), (one, other) => {
      const scoreAt = (balance: number): number =>
        pull({ ...question, debts: [{ ...card, balance }] }).score;
      expect(scoreAt(Math.max(one, other))).toBeLessThanOrEqual(scoreAt(Math.min(one, other)));
    }),
  );
});

test("a long clean history scores high with confidence; an empty file scores with little", () => {
  const long = pull(question);
  const empty = pull({ ...question, debts: [] });
  expect(long.score).toBeGreaterThan(740);
  expect(long.confidence).toBeGreaterThan(0.9);
  expect(empty.score).toBeLessThan(long.score);
  expect(empty.confidence).toBe(0.35);
});

test("an account that was opened months ago is a thin file", () => {
  expect(
    pull({ ...question, debts: [{ ...card, openedOn: "2025-10-01" }] }).confidence,
  ).toBeLessThan(0.7);
});

test("the score date is the day of receipt or one of the two days before", () => {
  for (let i = 0; i < 30; i += 1) {
    const { scoreDate } = pull({ ...question, nationalId: `DE${i}` });
    expect(["2026-04-14", "2026-04-15", "2026-04-16"]).toContain(scoreDate);
  }
});

test("the worst factor comes first", () => {
  const late = pull({
    ...question,
    debts: question.debts.map((d) => ({ ...d, latePayments: 3 })),
  });
  expect(late.factors[0]).toBe("late-payments");
});

test("the same key is the same inquiry; another key changes nothing but the inquiry", () => {
  const first = pullReport(question, { key: "one" });
  const other = pullReport(question, { key: "two" });
  expect(pullReport(question, { key: "one" }).inquiryId).toBe(first.inquiryId);
  expect(other.inquiryId).not.toBe(first.inquiryId);
  expect({ ...other, inquiryId: first.inquiryId }).toEqual(first);
});
