import fc from "fast-check";
import { expect, test } from "vitest";
import { type ApprovalQuestion, approvalSchema, decideApproval, OFFERS } from "./approval.ts";
import { assessRisk } from "./risk.ts";

interface Facts {
  readonly score: number;
  readonly monthlyIncome: number;
  readonly monthlyPayments: number;
  readonly amount: number;
  readonly fraud: number;
  readonly confidence: number;
  readonly overstatement: number;
}

const sound: Facts = {
  score: 780,
  monthlyIncome: 300_000,
  monthlyPayments: 20_000,
  amount: 1_000_000,
  fraud: 0,
  confidence: 0.95,
  overstatement: 0,
};

function questionOf(facts: Partial<Facts>): ApprovalQuestion {
  const { score, monthlyIncome, monthlyPayments, amount, fraud, confidence, overstatement } = {
    ...sound,
    ...facts,
  };
  const termMonths = 48;
  const rated = { score, scoreDate: "2026-02-09", scoreModel: "bureau-2026.1" };
  const risk = assessRisk({
    ...rated,
    incomeConfidence: confidence,
    monthlyIncome,
    monthlyPayments,
    amount,
    termMonths,
  });
  return {
    request: { amount, termMonths },
    score: rated,
    income: { confidence, overstatement },
    fraud: { score: fraud },
    risk,
  };
}

const facts = fc.record<Facts>({
  score: fc.integer({ min: 300, max: 850 }),
  monthlyIncome: fc.nat(2_000_000),
  monthlyPayments: fc.nat(1_000_000),
  amount: fc.integer({ min: 1, max: 10_000_000 }),
  fraud: fc.double({ min: 0, max: 1, noNaN: true }),
  confidence: fc.double({ min: 0, max: 1, noNaN: true }),
  overstatement: fc.double({ min: -1, max: 9.99, noNaN: true }),
});

const FAVOUR = ["declined", "review", "approved"];
const favour = (of: Facts): number => FAVOUR.indexOf(decideApproval(questionOf(of)).decision);

test("a sound request is approved at the terms of its grade", () => {
  const approval = decideApproval(questionOf({}));
  expect(approval).toMatchObject({
    decision: "approved",
    grade: "A",
    reasons: ["GRADE_ACCEPTED"],
    terms: { amount: 1_000_000, ratePoints: 590 },
  });
});

test.each([
  [{ fraud: 0.75 }, "declined", ["FRAUD_SUSPECTED"]],
  [{ score: 559 }, "declined", ["SCORE_TOO_LOW"]],
  [{ monthlyPayments: 200_000 }, "declined", ["DEBT_TO_INCOME_TOO_HIGH"]],
  [{ score: 600, monthlyPayments: 110_000 }, "declined", ["GRADE_TOO_LOW"]],
  [{ overstatement: 0.5 }, "declined", ["INCOME_OVERSTATED"]],
  [{ fraud: 0.9, score: 400 }, "declined", ["FRAUD_SUSPECTED", "SCORE_TOO_LOW"]],
  [{ fraud: 0.4 }, "review", ["FRAUD_SIGNALS"]],
  [{ confidence: 0.69 }, "review", ["INCOME_UNCERTAIN"]],
  [{ overstatement: 0.15 }, "review", ["INCOME_OVERSTATED"]],
  [
    { score: 640, monthlyPayments: 80_000 },
    "review",
    ["GRADE_BORDERLINE", "AMOUNT_REDUCED_TO_LIMIT"],
  ],
  [
    { amount: 6_000_000, monthlyIncome: 2_000_000 },
    "approved",
    ["GRADE_ACCEPTED", "AMOUNT_REDUCED_TO_LIMIT"],
  ],
] satisfies readonly (readonly [Partial<Facts>, string, readonly string[]])[])(
  "%j is %s for %j",
  (given, decision, reasons) => {
    expect(decideApproval(questionOf(given))).toMatchObject({ decision, reasons });
  },
);

test("every decision keeps to its schema, and terms stay within the request and the limit of the grade", () => {
  fc.assert(
    fc.property(facts, (given) => {
      const approval = decideApproval(questionOf(given));
      expect(approvalSchema.parse(approval)).toEqual(approval);
      if (approval.decision === "declined") return;
      expect(approval.terms.amount).toBeLessThanOrEqual(
        Math.min(given.amount, OFFERS[approval.grade].amountMax),
      );
      expect(approval.grade).not.toBe("E");
    }),
  );
});

test("a higher score, a lower fraud score or a clearer income never makes the decision less favourable", () => {
  fc.assert(
    fc.property(facts, facts, (one, other) => {
      const worse: Facts = { ...one, score: Math.min(one.score, other.score) };
      const better: Facts = { ...one, score: Math.max(one.score, other.score) };
      expect(favour(better)).toBeGreaterThanOrEqual(favour(worse));
      const suspect: Facts = { ...one, fraud: Math.max(one.fraud, other.fraud) };
      const clear: Facts = { ...one, fraud: Math.min(one.fraud, other.fraud) };
      expect(favour(clear)).toBeGreaterThanOrEqual(favour(suspect));
      const vague: Facts = { ...one, confidence: Math.min(one.confidence, other.confidence) };
      const plain: Facts = { ...one, confidence: Math.max(one.confidence, other.confidence) };
      expect(favour(plain)).toBeGreaterThanOrEqual(favour(vague));
    }),
  );
});
