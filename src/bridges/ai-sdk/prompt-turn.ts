/**
 * One attempt: the model is asked, its answer is held against the contract, and if it may be repaired here, it is asked again.
 *
 * P1. Every answer that is given has kept to the contract; every other one ends the attempt with its violations.
 * P2. A repair begins only if the agent's maximum of tokens leaves room for it: what went over would end the call for good, where another
 *     attempt sets its own maximum aside.
 */
import type { ModelMessage } from "ai";
import type { AgentContext, AgentDefinition } from "../../model/agent-definition.ts";
import { BatonError } from "../../model/errors.ts";
import type { Frozen } from "../../model/json.ts";
import type { Violation } from "../../model/violation.ts";
import { type Answer, assertComplete, judged } from "./answer.ts";
import { askStreaming, askWhole, type Question } from "./ask.ts";
import { asMessages, refusalText, told } from "./conversation.ts";
import { metered, type Meter } from "./meter.ts";
import { modelError } from "./model-errors.ts";
import { descriptionOf, modelSchema } from "./model-schema.ts";
import type { AiSdk } from "./packages.ts";
import {
  type OutputForm,
  type PromptChunk,
  type PromptOptions,
  STEPS_DEFAULT,
} from "./prompt-options.ts";
import { recordedTools } from "./recorded-tools.ts";

export interface PromptPlan<I> {
  readonly ai: AiSdk;
  readonly agent: AgentDefinition;
  readonly form: OutputForm;
  readonly options: PromptOptions<I>;
  readonly warnOnce: (context: AgentContext, message: string) => void;
}

/** @throws BatonError `CONTRACT_VIOLATED`, `MODEL_FAILED`, `MODEL_CUT_SHORT`, `MODEL_BLOCKED`, `MODEL_USAGE_MISSING` */
export async function promptTurn<I>(
  plan: PromptPlan<I>,
  input: Frozen<I>,
  context: AgentContext,
): Promise<unknown> {
  const { agent, form, options } = plan;
  const { repairs = 0, refusal = refusalText } = options;
  const ask = asking(plan, input, context);
  let messages = asMessages(options.prompt(input));
  if (context.feedback.length > 0) messages = told(messages, refusal(context.feedback));
  for (let repaired = 0; ; repaired += 1) {
    const answer = await ask.question(messages);
    const found = judged(agent.output, form, answer.text);
    if (found.kind === "kept") return found.value;
    if (repaired >= repairs || !hasRoom(ask.meter, agent, options.maxOutputTokens))
      throw refused(agent, found.violations);
    const broken = found.violations.map(({ path, rule }) => ({ path, rule }));
    context.log.warn("The model's answer breaks its contract: it is asked again.", { broken });
    messages = told([...messages, ...answer.messages], refusal(found.violations));
  }
}

/** As the engine says it of an output that it refuses. */
function refused({ id, output }: AgentDefinition, violations: readonly Violation[]): BatonError {
  const message = `The output of ${id} breaks ${output.id}: ${violations[0]?.message ?? ""}`;
  return new BatonError("CONTRACT_VIOLATED", message, { details: { violations } });
}

/** Whether as much as the last call used, with its answer as more input, and as long an answer as may be, is left (P2). */
function hasRoom(
  meter: Meter,
  { maximum }: AgentDefinition,
  outputMax: number | undefined,
): boolean {
  const last = meter.lastCall();
  if (maximum?.tokens === undefined || last === undefined) return true;
  const { inputTokens, outputTokens } = last;
  const next = inputTokens + outputTokens + (outputMax ?? outputTokens);
  return meter.usedTokens() + next <= maximum.tokens;
}

interface Asking {
  readonly meter: Meter;
  readonly question: (messages: readonly ModelMessage[]) => Promise<Answer>;
}

/** What all questions of an attempt share. */
function asking<I>(plan: PromptPlan<I>, input: Frozen<I>, context: AgentContext): Asking {
  const { ai, agent, options, warnOnce } = plan;
  const { stream = false, schemaInPrompt = false, readOnlyTools = [], tools } = options;
  const model = options.model.modelId;
  const mustCount = agent.maximum !== undefined;
  const meter = metered(ai, options.model, { context, mustCount, schemaInPrompt, warnOnce });
  const stopped = new AbortController();
  const signal = AbortSignal.any([context.signal, stopped.signal]);
  const tell = (chunk: Told): void => {
    // A tool may not have heard yet that nobody waits for it any more.
    if (stream && !context.signal.aborted) context.stream({ ...chunk, call: meter.calls() });
  };
  const recorded =
    tools === undefined
      ? {}
      : {
          tools: recordedTools(tools, {
            context,
            readOnlyTools,
            tell,
            stop: (error) => stopped.abort(error),
          }),
          stopWhen: ai.stepCountIs(options.stepsMax ?? STEPS_DEFAULT),
        };
  const shared = {
    ...settingsOf(options),
    ...systemOf(plan, input),
    ...outputOf(plan),
    ...recorded,
    model: meter.model,
    maxRetries: 0,
    abortSignal: signal,
    headers: { ...options.headers, traceparent: context.traceparent },
  } as const;

  async function question(messages: readonly ModelMessage[]): Promise<Answer> {
    const asked: Question = { ...shared, messages: [...messages] };
    try {
      const answer = stream ? await askStreaming(ai, asked, tell) : await askWhole(ai, asked);
      stopped.signal.throwIfAborted();
      assertComplete(answer, { model, streamed: stream });
      return answer;
    } catch (error) {
      // Why it was stopped, and not that it was.
      signal.throwIfAborted();
      throw modelError(error, model, meter.hasUncounted());
    }
  }

  return { meter, question };
}

type Told = PromptChunk extends infer C ? (C extends PromptChunk ? Omit<C, "call"> : never) : never;

const SETTINGS = [
  "maxOutputTokens",
  "temperature",
  "topP",
  "topK",
  "seed",
  "stopSequences",
  "providerOptions",
] as const satisfies readonly (keyof PromptOptions<never>)[];

/** Those of the options that the SDK takes as they are. */
function settingsOf<I>(options: PromptOptions<I>): Pick<Question, (typeof SETTINGS)[number]> {
  const given = SETTINGS.filter((name) => options[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, options[name]]));
}

function systemOf<I>({ agent, form, options }: PromptPlan<I>, input: Frozen<I>) {
  const { system, schemaInPrompt = false } = options;
  const said = typeof system === "function" ? system(input) : system;
  if (!schemaInPrompt || form.kind === "text") return said === undefined ? {} : { system: said };
  const description = descriptionOf(agent.output);
  const schema = JSON.stringify(modelSchema(form.schema));
  const asked = `Answer with JSON alone, by this JSON Schema: ${schema}`;
  return {
    system: [said, asked, description].filter((part) => part !== undefined).join("\n\n"),
  };
}

function outputOf<I>({ ai, agent, form }: PromptPlan<I>): Pick<Question, "output"> {
  if (form.kind === "text") return {};
  const { name } = agent.output;
  const description = descriptionOf(agent.output);
  const output = ai.Output.object({
    schema: ai.jsonSchema<unknown>(modelSchema(form.schema)),
    // Providers take letters, digits, dashes and underscores.
    name: name.replaceAll(".", "_").slice(0, 64),
    ...(description === undefined ? {} : { description }),
  });
  // The answer as it is: what it is worth, the contract says.
  return { output: { ...output, parseCompleteOutput: ({ text }) => Promise.resolve(text) } };
}
