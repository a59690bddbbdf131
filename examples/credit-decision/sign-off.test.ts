import { expect, test } from "vitest";
import { type Approval, decisionSchema, type Reason } from "./approval.ts";
import { answerSignOff, isBorderline, POLICY_AMOUNT_MAX, settle } from "./sign-off.ts";

function review(amount: number, ...reasons: readonly [Reason, ...Reason[]]): Approval {
  return {
    decision: "review",
    grade: "D",
    reasons,
    terms: { amount, termMonths: 24, ratePoints: 1_490, instalment: 30_000 },
  };
}

const declined: Approval = { decision: "declined", grade: "E", reasons: ["SCORE_TOO_LOW"] };

test("only a review needs a person", () => {
  expect(isBorderline(review(1, "GRADE_BORDERLINE"))).toBe(true);
  expect(isBorderline(declined)).toBe(false);
});

test("the policy signs off a small loan with one doubt; a reduced amount is no doubt", () => {
  expect(
    answerSignOff(review(POLICY_AMOUNT_MAX, "GRADE_BORDERLINE", "AMOUNT_REDUCED_TO_LIMIT")),
  ).toBe(true);
});

test("the policy refuses a case with several doubts", () => {
  expect(answerSignOff(review(1, "GRADE_BORDERLINE", "INCOME_UNCERTAIN"))).toBe(false);
});

test("the policy leaves large loans and hints of fraud to a person", () => {
  expect(answerSignOff(review(POLICY_AMOUNT_MAX + 1, "INCOME_UNCERTAIN"))).toBeUndefined();
  expect(answerSignOff(review(1, "FRAUD_SIGNALS"))).toBeUndefined();
  expect(answerSignOff(review(1, "FRAUD_SIGNALS", "INCOME_UNCERTAIN"))).toBeUndefined();
  expect(answerSignOff(declined)).toBeUndefined();
});

test("a review ends as approved only when it was signed off", () => {
  const case1 = review(500_000, "GRADE_BORDERLINE");
  expect(decisionSchema.parse(settle(case1, true))).toMatchObject({
    decision: "approved",
    reasons: ["GRADE_BORDERLINE", "SIGNED_OFF"],
  });
  expect(decisionSchema.parse(settle(case1, false))).toEqual({
    decision: "declined",
    grade: "D",
    reasons: ["GRADE_BORDERLINE", "SIGN_OFF_REFUSED"],
  });
});

test("a sign-off cannot turn a decline into an approval", () => {
  expect(settle(declined, true)).toEqual(declined);
});
