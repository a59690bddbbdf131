/**
 * Names of the GenAI semantic conventions, by version. None of them is stable yet: they left the main repository after 1.41, and
 * 0.1.0 is the first of their own. What a version has no name for is left out.
 */
export type Conventions = "1.41" | "0.1.0";

export interface Names {
  readonly operation: string;
  /** Of a run; written under each. */
  readonly workflow: readonly string[];
  readonly agent: string;
  readonly agentVersion: string;
  readonly agentId?: string;
  readonly conversation: string;
  readonly requestModel: string;
  readonly inputTokens: string;
  readonly outputTokens: string;
  readonly inputMessages: string;
  readonly outputMessages: string;
}

const COMMON = {
  operation: "gen_ai.operation.name",
  agent: "gen_ai.agent.name",
  agentVersion: "gen_ai.agent.version",
  conversation: "gen_ai.conversation.id",
  requestModel: "gen_ai.request.model",
  inputTokens: "gen_ai.usage.input_tokens",
  outputTokens: "gen_ai.usage.output_tokens",
  inputMessages: "gen_ai.input.messages",
  outputMessages: "gen_ai.output.messages",
} as const;

export const NAMES: Readonly<Record<Conventions, Names>> = {
  "1.41": { ...COMMON, workflow: ["gen_ai.workflow.name"], agentId: "gen_ai.agent.id" },
  // A workflow is an agent there; whoever looks for the older name finds that too.
  "0.1.0": { ...COMMON, workflow: ["gen_ai.agent.name", "gen_ai.workflow.name"] },
};
