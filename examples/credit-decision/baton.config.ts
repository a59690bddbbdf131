/** What the `baton` command loads in this folder. */
import { defineConfig } from "baton";
import { approvalSchema } from "./approval.ts";
import { answerSignOff } from "./sign-off.ts";
import { creditDecision } from "./workflow.ts";

export default defineConfig({
  workflows: [creditDecision],
  /** Answers for a person in batch mode where the policy may; the rest wait for one. */
  answers: ({ step, shown }) => {
    if (step !== "sign-off") return undefined;
    const approved = answerSignOff(approvalSchema.parse(shown));
    if (approved === undefined) return undefined;
    return { approved, reason: approved ? "small loan, one doubt" : "several doubts" };
  },
});
