/** What `baton/ai-sdk` gives: agents out of a prompt, a model of the Vercel AI SDK and a contract. */
export { promptAgent, type PromptAgentOptions } from "./bridges/ai-sdk/prompt-agent.ts";
export type { PromptChunk, PromptModel, PromptOptions } from "./bridges/ai-sdk/prompt-options.ts";
export { idempotencyKeyOf } from "./bridges/ai-sdk/recorded-tools.ts";
