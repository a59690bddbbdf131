import { expect, test } from "vitest";
import { check } from "../../src/model/check.ts";
import type { AnyContract } from "baton";
import * as contracts from "./contracts.ts";

/** What a contract says of a value: the broken rules with their paths. */
function broken(contract: AnyContract, value: unknown): string[] {
  const checked = check(contract, value, "test value", "handoff");
  return checked.kind === "ok"
    ? []
    : checked.violations.map(({ rule, path }) => `${path}: ${rule}`);
}

const basedOn = {
  score: 680,
  scoreDate: "2026-02-08",
  scoreModel: "bureau-2026.1",
  monthlyIncome: 300_000,
};
const risk = { grade: "B", debtToIncome: 0.25, assessedInstalment: 20_000, basedOn };
const approvalQuestion = {
  request: { amount: 1_000_000, termMonths: 48 },
  score: { score: 680, scoreDate: "2026-02-08", scoreModel: "bureau-2026.1" },
  income: { confidence: 0.9, overstatement: 0 },
  fraud: { score: 0 },
  risk,
};

test("a risk grade from a stale score is refused before it can decide anything", () => {
  expect(broken(contracts.ApprovalQuestion, approvalQuestion)).toEqual([]);
  for (const fresh of [
    { score: 750 },
    { scoreDate: "2026-02-10" },
    { scoreModel: "bureau-2026.2" },
  ]) {
    const question = { ...approvalQuestion, score: { ...approvalQuestion.score, ...fresh } };
    expect(broken(contracts.ApprovalQuestion, question)).toEqual([
      "/risk/basedOn: risk rests on the score at hand",
    ]);
  }
});

test("a grade that the table does not give is refused", () => {
  expect(broken(contracts.RiskReport, risk)).toEqual([]);
  expect(broken(contracts.RiskReport, { ...risk, grade: "A" })).toEqual([
    "/grade: grade is the one that the table gives",
  ]);
});

test("an income that is hardly shown is not graded", () => {
  const question = {
    score: 750,
    scoreDate: "2026-02-09",
    scoreModel: "bureau-2026.1",
    monthlyIncome: 300_000,
    incomeConfidence: 0.4,
    monthlyPayments: 0,
    amount: 100_000,
    termMonths: 12,
  };
  expect(broken(contracts.RiskQuestion, question)).toEqual([]);
  expect(broken(contracts.RiskQuestion, { ...question, incomeConfidence: 0.39 })).toEqual([
    "/incomeConfidence: income confidence is at least 0.4",
  ]);
});

test("a fraud score without a signal, and a signal without a score, are refused", () => {
  expect(broken(contracts.FraudReport, { score: 0.35, signals: ["shared-device"] })).toEqual([]);
  expect(broken(contracts.FraudReport, { score: 0.35, signals: [] })).toHaveLength(1);
  expect(broken(contracts.FraudReport, { score: 0, signals: ["shared-device"] })).toHaveLength(1);
});

test("terms above the limit of the grade are refused", () => {
  const terms = { amount: 750_000, termMonths: 24, ratePoints: 1_490, instalment: 40_000 };
  const review = { decision: "review", grade: "D", reasons: ["GRADE_BORDERLINE"], terms };
  expect(broken(contracts.Approval, review)).toEqual([]);
  expect(broken(contracts.Approval, { ...review, terms: { ...terms, amount: 750_001 } })).toEqual([
    "/terms/amount: terms are within the limit of the grade",
  ]);
});

test("a final decision is never a review, an approval has terms, and every decision has a reason", () => {
  const declined = { decision: "declined", grade: "E", reasons: ["SCORE_TOO_LOW"] };
  expect(broken(contracts.Decision, declined)).toEqual([]);
  expect(broken(contracts.Decision, { ...declined, decision: "review" })).not.toEqual([]);
  expect(broken(contracts.Decision, { ...declined, decision: "approved" })).not.toEqual([]);
  expect(broken(contracts.Decision, { ...declined, reasons: [] })).not.toEqual([]);
});

test("names and national ids are never shown, wherever a contract holds them", () => {
  expect(contracts.Application.sensitive).toEqual(["/applicant/name", "/applicant/nationalId"]);
  expect(contracts.CreditQuestion.sensitive).toEqual(["/nationalId"]);
});

test("every contract has a JSON Schema", () => {
  const without = Object.values(contracts).filter((each) => each.jsonSchema === undefined);
  expect(without.map((each) => each.id)).toEqual([]);
});
