/** One question to a model, with as many calls of tools as it takes: whole, or streamed to whoever watches. */
import type { CallSettings, ModelMessage, OutputInterface, ToolSet } from "ai";
import { type Json, sealJson } from "../../model/json.ts";
import type { Answer } from "./answer.ts";
import type { AiSdk } from "./packages.ts";
import type { PromptModel, PromptOptions } from "./prompt-options.ts";

/** What the AI SDK is called with. */
export interface Question extends CallSettings {
  readonly model: PromptModel;
  readonly messages: ModelMessage[];
  readonly abortSignal: AbortSignal;
  /** Baton's attempts are the retries: each must be in the journal. */
  readonly maxRetries: 0;
  readonly system?: string;
  readonly output?: OutputInterface<string, unknown>;
  readonly tools?: ToolSet;
  readonly stopWhen?: ReturnType<AiSdk["stepCountIs"]>;
  readonly providerOptions?: NonNullable<PromptOptions<unknown>["providerOptions"]>;
}

export async function askWhole(ai: AiSdk, question: Question): Promise<Answer> {
  const { text, finishReason, rawFinishReason, response } = await ai.generateText(question);
  return { text, finishReason, rawFinishReason, messages: response.messages };
}

/** What has come of an answer: a text goes on, an object is what it is so far. */
export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "partial"; readonly value: Json };

export async function askStreaming(
  ai: AiSdk,
  question: Question,
  tell: (part: Part) => void,
): Promise<Answer> {
  let failed: { readonly error: unknown } | undefined;
  // Without a listener of its own, the SDK writes errors to the console.
  const result = ai.streamText({ ...question, onError: () => {} });
  let text = "";
  let shown = "";
  for await (const part of result.fullStream) {
    switch (part.type) {
      case "start-step":
        text = "";
        shown = "";
        break;
      case "text-delta":
        text += part.text;
        if (question.output === undefined) tell({ kind: "text", text: part.text });
        else shown = await tellPartial(ai, text, shown, tell);
        break;
      case "error":
        failed ??= part;
        break;
      case "abort":
        failed ??= { error: question.abortSignal.reason };
        break;
      default:
    }
  }
  if (failed !== undefined) throw failed.error;
  const [finishReason, rawFinishReason, response] = await Promise.all([
    result.finishReason,
    result.rawFinishReason,
    result.response,
  ]);
  return { text: await result.text, finishReason, rawFinishReason, messages: response.messages };
}

/** Tells what the text is so far, where that is JSON and something new; gives what was told last. */
async function tellPartial(
  ai: AiSdk,
  text: string,
  shown: string,
  tell: (part: Part) => void,
): Promise<string> {
  const { value } = await ai.parsePartialJson(text);
  const now = value === undefined ? shown : JSON.stringify(value);
  if (now !== shown) tell({ kind: "partial", value: sealJson(JSON.parse(now), "partial answer") });
  return now;
}
