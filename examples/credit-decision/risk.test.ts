import fc from "fast-check";
import { expect, test } from "vitest";
import { assessRisk, GRADES, gradeOf, type RiskQuestion, riskReportSchema } from "./risk.ts";

const score = fc.integer({ min: 300, max: 850 });
const ratio = fc.double({ min: 0, max: 9.99, noNaN: true });
const rank = (cell: { readonly score: number; readonly debtToIncome: number }): number =>
  GRADES.indexOf(gradeOf(cell));

const question: RiskQuestion = {
  score: 750,
  scoreDate: "2026-02-09",
  scoreModel: "bureau-2026.1",
  monthlyIncome: 300_000,
  incomeConfidence: 0.95,
  monthlyPayments: 40_000,
  amount: 1_000_000,
  termMonths: 48,
};

test("a higher score never gives a worse grade", () => {
  fc.assert(
    fc.property(score, score, ratio, (one, other, debtToIncome) => {
      expect(rank({ score: Math.max(one, other), debtToIncome })).toBeLessThanOrEqual(
        rank({ score: Math.min(one, other), debtToIncome }),
      );
    }),
  );
});

test("a higher debt-to-income never gives a better grade", () => {
  fc.assert(
    fc.property(score, ratio, ratio, (points, one, other) => {
      expect(rank({ score: points, debtToIncome: Math.max(one, other) })).toBeGreaterThanOrEqual(
        rank({ score: points, debtToIncome: Math.min(one, other) }),
      );
    }),
  );
});

test.each([
  [850, 0, "A"],
  [740, 0.3, "A"],
  [739, 0.3, "B"],
  [740, 0.3001, "B"],
  [680, 0.2, "A"],
  [679, 0.2, "B"],
  [620, 0.4, "D"],
  [560, 0.4, "D"],
  [560, 0.4001, "E"],
  [559, 0, "E"],
  [850, 0.5, "C"],
  [850, 0.5001, "E"],
])("score %i at debt-to-income %d is grade %s", (points, debtToIncome, grade) => {
  expect(gradeOf({ score: points, debtToIncome })).toBe(grade);
});

test("a stale score of 680 in place of 750 changes the grade, and the report says which score it rests on", () => {
  const fresh = assessRisk(question);
  const stale = assessRisk({ ...question, score: 680, scoreDate: "2025-12-01" });
  expect(fresh.debtToIncome).toBe(0.2163);
  expect([fresh.grade, stale.grade]).toEqual(["A", "B"]);
  expect(stale.basedOn).toEqual({
    score: 680,
    scoreDate: "2025-12-01",
    scoreModel: "bureau-2026.1",
    monthlyIncome: 300_000,
  });
});

test("no income is grade E, not a division by zero", () => {
  const report = assessRisk({ ...question, monthlyIncome: 0 });
  expect(report).toMatchObject({ grade: "E", debtToIncome: 9.99 });
});

test("every report keeps to its schema, and more income never worsens the grade", () => {
  const money = fc.nat(1_000_000_000);
  fc.assert(
    fc.property(
      score,
      money,
      money,
      money,
      fc.integer({ min: 1, max: 1_000_000_000 }),
      fc.integer({ min: 6, max: 120 }),
      (...drawn) => {
        const [points, one, other, monthlyPayments, amount, termMonths] = drawn;
        const at = (monthlyIncome: number): number => {
          const report = assessRisk({
            ...question,
            score: points,
            monthlyIncome,
            monthlyPayments,
            amount,
            termMonths,
          });
          expect(riskReportSchema.parse(report)).toEqual(report);
          return GRADES.indexOf(report.grade);
        };
        expect(at(Math.max(one, other))).toBeLessThanOrEqual(at(Math.min(one, other)));
      },
    ),
  );
});
