/**
 * Counts what a model used, at the model itself: every call of an attempt, also of one that fails later.
 *
 * M1. A call is reported as soon as its provider has told what it used, under the name by which the provider calls the model that answered.
 * M2. A call that has begun is uncounted until then, or until it is known to have used nothing.
 */
import type { LanguageModelMiddleware } from "ai";
import type { AgentContext } from "../../model/agent-definition.ts";
import { BatonError } from "../../model/errors.ts";
import { hasUsedNothing } from "./model-errors.ts";
import type { AiSdk } from "./packages.ts";
import type { PromptModel } from "./prompt-options.ts";

type Usage = Awaited<ReturnType<PromptModel["doGenerate"]>>["usage"];
type Warnings = Awaited<ReturnType<PromptModel["doGenerate"]>>["warnings"];

/** Tokens of one call. */
interface Tokens {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface Meter {
  /** The model, with the meter before it. */
  readonly model: PromptModel;
  /** Calls that have begun in this attempt. */
  readonly calls: () => number;
  /** Whether a call may have used what nobody has counted. */
  readonly hasUncounted: () => boolean;
  /** Input and output tokens of all calls together. */
  readonly usedTokens: () => number;
  /** The newest call that was counted. */
  readonly lastCall: () => Tokens | undefined;
}

export interface MeterOptions {
  readonly context: AgentContext;
  /** Whether a limit hangs on what is counted: then a call of which nothing is told can't be taken. */
  readonly mustCount: boolean;
  /** Whether the model is told the schema in the prompt. */
  readonly schemaInPrompt: boolean;
  /** Told once of each process, not of each call. */
  readonly warnOnce: (context: AgentContext, message: string) => void;
}

export function metered(ai: AiSdk, model: PromptModel, options: MeterOptions): Meter {
  const counter = counting(options);
  const { context, schemaInPrompt, warnOnce } = options;
  const heed = (warnings: Warnings): void => {
    const takesNoSchema = warnings.some(
      (warning) => warning.type === "unsupported" && warning.feature === "responseFormat",
    );
    if (takesNoSchema && !schemaInPrompt)
      warnOnce(
        context,
        `The provider of ${model.modelId} takes no JSON Schema: give the agent \`schemaInPrompt\`, or the model what it needs to take one.`,
      );
  };
  const middleware: LanguageModelMiddleware = {
    specificationVersion: "v3",
    wrapGenerate: async ({ doGenerate }) => {
      const result = await counter.begin(doGenerate);
      heed(result.warnings);
      const name = result.response?.modelId ?? model.modelId;
      counter.count(result.usage, name, result.finishReason.unified === "error");
      return result;
    },
    wrapStream: async ({ doStream }) => {
      const { stream, ...rest } = await counter.begin(doStream);
      let name = model.modelId;
      type Part = typeof stream extends ReadableStream<infer P> ? P : never;
      const counted = stream.pipeThrough(
        new TransformStream<Part, Part>({
          transform(part, controller) {
            context.heartbeat();
            if (part.type === "stream-start") heed(part.warnings);
            if (part.type === "response-metadata") name = part.modelId ?? name;
            if (part.type === "finish")
              counter.count(part.usage, name, part.finishReason.unified === "error");
            controller.enqueue(part);
          },
        }),
      );
      return { ...rest, stream: counted };
    },
  };
  return { ...counter, model: ai.wrapLanguageModel({ model, middleware }) };
}

interface Counter extends Omit<Meter, "model"> {
  /** Begins a call. */
  readonly begin: <X>(call: () => PromiseLike<X>) => Promise<X>;
  /** Takes in what a call has used, as its provider tells it. */
  readonly count: (usage: Usage, name: string, hasFailed: boolean) => void;
}

function counting({ context, mustCount, warnOnce }: MeterOptions): Counter {
  let begun = 0;
  let settled = 0;
  let usedTokens = 0;
  let lastCall: Tokens | undefined;
  return {
    calls: () => begun,
    hasUncounted: () => begun > settled,
    usedTokens: () => usedTokens,
    lastCall: () => lastCall,
    begin: async (call) => {
      begun += 1;
      context.heartbeat();
      try {
        return await call();
      } catch (error) {
        if (hasUsedNothing(error)) settled += 1;
        throw error;
      }
    },
    count: (usage, name, hasFailed) => {
      const tokens = tokensOf(usage);
      if (tokens !== undefined) {
        settled += 1;
        usedTokens += tokens.inputTokens + tokens.outputTokens;
        lastCall = tokens;
        context.usage({ model: name, ...tokens });
      } else if (!hasFailed && mustCount) {
        throw usageMissing(name);
      } else if (!hasFailed) {
        const message = `The provider of ${name} does not tell what a call uses: it is not recorded.`;
        warnOnce(context, message);
      }
    },
  };
}

function usageMissing(model: string): BatonError {
  return new BatonError(
    "MODEL_USAGE_MISSING",
    `The provider of ${model} did not tell what the call used, and the agent has a maximum.`,
    { details: { model, final: true, usageUnknown: true } },
  );
}

/** Undefined unless both are told: half of it would look like all of it. */
function tokensOf({ inputTokens, outputTokens }: Usage): Tokens | undefined {
  const [input, output] = [inputTokens.total, outputTokens.total];
  if (!isCount(input) || !isCount(output)) return undefined;
  return { inputTokens: input, outputTokens: output };
}

function isCount(tokens: number | undefined): tokens is number {
  return tokens !== undefined && Number.isSafeInteger(tokens) && tokens >= 0;
}
