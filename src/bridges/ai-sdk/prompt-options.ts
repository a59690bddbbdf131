/** How a model is asked by an agent, and which of that can't be. */
import type { CallSettings, JSONValue, LanguageModel, ModelMessage, ToolSet } from "ai";
import type { AnyContract } from "../../model/contract.ts";
import type { Frozen, Json, JsonObject } from "../../model/json.ts";
import type { Violation } from "../../model/violation.ts";

/** A model of the AI SDK 6: what a provider gives, `openai("gpt-5")` or the like. Not a name alone: it would not say who is asked. */
export type PromptModel = Extract<LanguageModel, { readonly specificationVersion: "v3" }>;

type Settings = Pick<
  CallSettings,
  "maxOutputTokens" | "temperature" | "topP" | "topK" | "seed" | "stopSequences"
>;

/** How the model is asked. */
export interface PromptOptions<I> extends Readonly<Settings> {
  readonly model: PromptModel;
  /** Who the model is to be, and what it must heed. */
  readonly system?: string | ((input: NoInfer<Frozen<I>>) => string);
  /** What it is asked: a text, or the messages of a conversation. Synchronous: what must be looked up first is a step of its own. */
  readonly prompt: (input: NoInfer<Frozen<I>>) => string | readonly ModelMessage[];
  /** What only one provider knows, by its name. */
  readonly providerOptions?: Readonly<Record<string, Record<string, JSONValue>>>;
  /** Sent with each request, beside `traceparent`. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * What the model may call. What a tool gave is recorded, as by `once`, so that a later attempt which calls it with the same
   * arguments gets that instead of another effect. A tool asks nobody for approval: that is a step.
   */
  readonly tools?: ToolSet;
  /** The tools that only read: they are called each time, and nothing is recorded of them. None if left out. */
  readonly readOnlyTools?: readonly string[];
  /** Calls of the model in one conversation, where there are tools: 10 if left out. */
  readonly stepsMax?: number;
  /**
   * How often, within one attempt, the model is told what is wrong with its answer and asked once more: 0 if left out, which
   * makes each answer that is refused a failed attempt in the journal, and each new one an attempt.
   */
  readonly repairs?: number;
  /** How the model is told why an answer was refused; in English, with each path, rule and message, if left out. */
  readonly refusal?: (violations: readonly Violation[]) => string;
  /** Whether the answer is streamed, to whoever watches, as {@link PromptChunk}s. Not if left out. */
  readonly stream?: boolean;
  /** Whether the output's JSON Schema is written into the system prompt, for providers that take none. Not if left out. */
  readonly schemaInPrompt?: boolean;
}

/** What is given to whoever watches an agent with `stream`. `call` counts the calls of the model in the attempt, from 1. */
export type PromptChunk =
  /** What has come of a text since the chunk before. */
  | { readonly kind: "text"; readonly call: number; readonly text: string }
  /** What has come of an object so far. */
  | { readonly kind: "partial"; readonly call: number; readonly value: Json }
  | {
      readonly kind: "toolCall";
      readonly call: number;
      readonly tool: string;
      readonly input: Json;
    }
  | {
      readonly kind: "toolResult";
      readonly call: number;
      readonly tool: string;
      readonly output: Json;
    };

/** More repairs than this are a prompt that doesn't work. */
const REPAIRS_MAX = 10;
export const STEPS_DEFAULT = 10;
/** More calls than this are a conversation that nobody bounds. */
export const STEPS_MAX = 100;

/** How the output is asked for. */
export type OutputForm =
  | { readonly kind: "text" }
  | { readonly kind: "object"; readonly schema: JsonObject };

/** By the output's JSON Schema: a string is the answer as it is, an object is JSON. */
export function outputForm({ id, jsonSchema }: AnyContract, problems: string[]): OutputForm {
  if (jsonSchema === undefined) {
    problems.push(
      `The contract ${id} has no JSON Schema, by which the model would be asked: give it \`jsonSchema\`.`,
    );
    return { kind: "text" };
  }
  const { type } = jsonSchema;
  if (type === "string") return { kind: "text" };
  if (typeof type === "string" && type !== "object")
    problems.push(`The contract ${id} is of the type ${type}: a model gives an object or a text.`);
  return { kind: "object", schema: jsonSchema };
}

/** What can't be asked like that, each a sentence. */
export function promptProblems<I>(options: PromptOptions<I>): string[] {
  const problems: string[] = [];
  // What is written in JavaScript may be anything.
  const { model, prompt, system, refusal }: Readonly<Record<string, unknown>> = { ...options };
  if (!isModel(model))
    problems.push(
      "The model is none of the AI SDK 6: give what its provider gives, of the package for that version, and not its name alone.",
    );
  if (typeof prompt !== "function") problems.push("There is no function `prompt`.");
  if (system !== undefined && typeof system !== "string" && typeof system !== "function")
    problems.push("`system` is neither a text nor a function.");
  if (refusal !== undefined && typeof refusal !== "function")
    problems.push("`refusal` is not a function.");
  return [...problems, ...countProblems(options), ...toolProblems(options)];
}

function isModel(model: unknown): boolean {
  return (
    typeof model === "object" &&
    model !== null &&
    "specificationVersion" in model &&
    model.specificationVersion === "v3"
  );
}

function countProblems<I>({ repairs, stepsMax, tools }: PromptOptions<I>): string[] {
  const problems: string[] = [];
  const isCount = (value: number, least: number, most: number) =>
    Number.isSafeInteger(value) && value >= least && value <= most;
  if (repairs !== undefined && !isCount(repairs, 0, REPAIRS_MAX))
    problems.push(`\`repairs\`, ${repairs}, is not a whole number from 0 to ${REPAIRS_MAX}.`);
  if (stepsMax !== undefined && !isCount(stepsMax, 1, STEPS_MAX))
    problems.push(`\`stepsMax\`, ${stepsMax}, is not a whole number from 1 to ${STEPS_MAX}.`);
  if (stepsMax !== undefined && tools === undefined)
    problems.push("There is a `stepsMax`, yet there are no `tools`: the model is asked once.");
  return problems;
}

function toolProblems<I>({ tools = {}, readOnlyTools = [] }: PromptOptions<I>): string[] {
  const problems = readOnlyTools
    .filter((name) => !Object.hasOwn(tools, name))
    .map((name) => `There is no tool ${name}, which \`readOnlyTools\` names.`);
  for (const [name, { type, execute, needsApproval }] of Object.entries(tools)) {
    // What the provider runs by itself has no function here.
    if (execute === undefined && type !== "provider")
      problems.push(`The tool ${name} has no \`execute\`: nobody would call it.`);
    if (needsApproval !== undefined && needsApproval !== false)
      problems.push(
        `The tool ${name} needs approval: make what it does a step behind an approval.`,
      );
  }
  return problems;
}

/** Whether an agent with these tools acts on the outside world. */
export function acts<I>({ tools = {}, readOnlyTools = [] }: PromptOptions<I>): boolean {
  return Object.keys(tools).some((name) => !readOnlyTools.includes(name));
}
