/** The letter: a prompt, a model, and a contract that its answer is held against. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { Agent } from "baton";
import { promptAgent } from "baton/ai-sdk";
import type { z } from "zod";
import {
  type Decision as DecisionValue,
  type decisionSchema,
  REASONS,
} from "../credit-decision/approval.ts";
import { Decision } from "../credit-decision/contracts.ts";
import { Letter, type LetterValue } from "./contracts.ts";

export interface ModelPlace {
  readonly url: string;
  readonly model: string;
  readonly key?: string;
}

export function letterAgent({
  url,
  model,
  key,
}: ModelPlace): Agent<z.infer<typeof decisionSchema>, LetterValue> {
  const provider = createOpenAICompatible({
    name: "letters",
    baseURL: url,
    ...(key === undefined ? {} : { apiKey: key }),
    supportsStructuredOutputs: true,
  });
  return promptAgent({
    name: "letter",
    version: "1.0.0",
    description: "Writes to the applicant.",
    input: Decision,
    output: Letter,
    model: provider(model),
    timeout: "60s",
    maxOutputTokens: 500,
    system:
      "You write letters for a lender: short, plain, kind. You never change a decision, and promise nothing that it does not say.",
    prompt: promptFor,
  });
}

/** Nothing of the applicant is in it: the model gets the decision and its reasons. */
export function promptFor(decision: DecisionValue): string {
  const reasons = decision.reasons.map((reason) => `- ${REASONS[reason]}`).join("\n");
  const terms =
    decision.decision === "approved"
      ? `\nTerms: ${JSON.stringify(decision.terms)} (money in cents)`
      : "";
  return `The loan was ${decision.decision}. Reasons:\n${reasons}${terms}`;
}
