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
  const shown = question.output === undefined ? undefined : growing(ai, tell);
  for await (const part of result.fullStream) {
    switch (part.type) {
      case "start-step":
        text = "";
        shown?.begin();
        break;
      case "text-delta":
        text += part.text;
        if (shown === undefined) tell({ kind: "text", text: part.text });
        else await shown.grown(text);
        break;
      case "finish-step":
        await shown?.ended(text);
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

/** By which part of its length a text must have grown before it is looked at again. */
const GROWTH = 1 / 32;

/**
 * Tells what a text is so far, where that is JSON and something new. Each look reads all of it: with every piece, a long answer would
 * take the square of its length. At its end it is looked at in any case.
 */
function growing(ai: AiSdk, tell: (part: Part) => void) {
  let shown = "";
  let lookedAt = 0;
  const look = async (text: string): Promise<void> => {
    lookedAt = text.length;
    const { value } = await ai.parsePartialJson(text);
    const now = value === undefined ? shown : JSON.stringify(value);
    if (now === shown) return;
    shown = now;
    tell({ kind: "partial", value: sealJson(JSON.parse(now), "partial answer") });
  };
  return {
    begin: () => {
      shown = "";
      lookedAt = 0;
    },
    grown: async (text: string): Promise<void> => {
      if (text.length - lookedAt >= lookedAt * GROWTH) await look(text);
    },
    ended: async (text: string): Promise<void> => {
      if (text.length > lookedAt) await look(text);
    },
  };
}
