/** A small workflow that tests serve. */
import { agent, type Baton, contract, memory, open, rule, workflow } from "baton";
import { z } from "zod";

export const Application = contract(
  "application",
  "1.0.0",
  z.object({ applicant: z.string(), amount: z.int().min(1) }),
);
export const Decision = contract(
  "decision",
  "1.0.0",
  z.object({ applicant: z.string(), approved: z.boolean() }),
);
const Score = contract("score", "1.0.0", z.object({ score: z.int() }), {
  rules: [rule("score is positive", ({ score }) => score > 0)],
});

const score = agent({
  name: "score",
  version: "1.0.0",
  input: Application,
  output: Score,
  retry: { attempts: 1 },
  execute: ({ applicant, amount }) => {
    if (applicant === "nobody") throw new Error("There is no such person.");
    return { score: 1_000 - amount };
  },
});

/** Scores, asks an officer for large amounts, and decides. */
export const lending = workflow("credit.lending", "1.0.0", {
  input: Application,
  output: Decision,
  description: "Decides on a loan.",
})
  .step("score", score, { input: ({ input }) => input })
  .approval("officer", {
    needs: ["input"],
    when: ({ input }) => input.amount > 500,
    show: ({ input }) => input,
    timeout: "1d",
    onTimeout: "refused",
  })
  .output(({ input, score: { score: points }, officer }) => ({
    applicant: input.applicant,
    approved: points > 100 && officer?.approved !== false,
  }));

/** What takes and gives no object. */
export const doubling = workflow("doubling", "1.0.0", {
  input: contract("number", "1.0.0", z.number()),
  output: contract("number", "1.0.0", z.number()),
}).output(({ input }) => input * 2);

export async function openLending(): Promise<Baton> {
  return open({ store: memory(), workflows: [lending, doubling] });
}
