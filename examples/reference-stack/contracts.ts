/** What a loan request comes to: the decision, and a letter that says it in words. */
import { contract, type Frozen } from "baton";
import { z } from "zod";
import { decisionSchema } from "../credit-decision/approval.ts";

const letterSchema = z.strictObject({
  subject: z.string().min(1).max(120),
  body: z.string().min(20).max(2_000),
});

export type LetterValue = z.infer<typeof letterSchema>;

export const Letter = contract("letter", "1.0.0", letterSchema, {
  description: "What the applicant is written.",
});

const answerSchema = z.strictObject({ decision: decisionSchema, letter: letterSchema });

export type AnswerValue = Frozen<z.infer<typeof answerSchema>>;

export const Answer = contract("answer", "1.0.0", answerSchema, {
  description: "The decision, with its letter.",
});
