/**
 * Tools that act once: what a tool gave is recorded in the run's journal before the model hears of it.
 *
 * T1. A call is known by its tool, its arguments and its number among the equal calls of the attempt: the ids that a model gives its calls are
 *     others in each attempt.
 * T2. What the tool itself throws is told to the model, as the AI SDK does, and is not recorded. What can't be recorded ends the attempt: the
 *     model must not go on from something that another attempt would not find.
 */
import type { ToolExecutionOptions, ToolSet } from "ai";
import { canonicalJson } from "../../journal/canonical.ts";
import { sha256Hex } from "../../journal/hash.ts";
import type { AgentContext } from "../../model/agent-definition.ts";
import { BatonError } from "../../model/errors.ts";
import { type Json, sealJson } from "../../model/json.ts";
import type { PromptChunk } from "./prompt-options.ts";

type ToolEvent = Extract<PromptChunk, { readonly kind: "toolCall" | "toolResult" }>;
type Told = ToolEvent extends infer E ? (E extends ToolEvent ? Omit<E, "call"> : never) : never;

export interface RecordingOptions {
  readonly context: AgentContext;
  readonly readOnlyTools: readonly string[];
  /** Told of each call, and of what it gave. */
  readonly tell: (event: Told) => void;
  /** Ends the attempt: a call could not be recorded. */
  readonly stop: (error: unknown) => void;
}

const KEY = Symbol("idempotency key");

/**
 * The idempotency key of a tool's call, for the outside system that it acts on: the same for every attempt of the same turn. Take it from the
 * options that the AI SDK gives a tool's `execute` as its second argument.
 *
 * @throws BatonError `ARGUMENT_INVALID` where the tool was not called by an agent of {@link promptAgent}, or is among its `readOnlyTools`
 */
export function idempotencyKeyOf(options: ToolExecutionOptions): string {
  const key: unknown = Reflect.get(options, KEY);
  if (typeof key === "string") return key;
  throw new BatonError(
    "ARGUMENT_INVALID",
    "The call of this tool is not recorded: it has no idempotency key.",
    {
      hint: "Call it by an agent of promptAgent, and leave it out of `readOnlyTools`.",
    },
  );
}

export function recordedTools(tools: ToolSet, options: RecordingOptions): ToolSet {
  const { context, readOnlyTools, tell, stop } = options;
  const equalCalls = new Map<string, number>();

  function nameOf(tool: string, input: Json): string {
    const call = `tool/${tool}/${sha256Hex(canonicalJson(input)).slice(0, 32)}`;
    const number = equalCalls.get(call) ?? 0;
    equalCalls.set(call, number + 1);
    return `${call}/${number}`;
  }

  /** What it gives, recorded; what was recorded of it before, without calling it. */
  async function once(name: string, call: (key: string) => Promise<unknown>): Promise<Json> {
    let thrown: { readonly error: unknown } | undefined;
    try {
      return await context.once(name, async () => {
        let given: unknown;
        try {
          given = await call(`${context.idempotencyKey}/${name}`);
        } catch (error) {
          thrown = { error };
          throw error;
        }
        return asJson(given, name);
      });
    } catch (error) {
      if (thrown?.error !== error) stop(error);
      throw error;
    }
  }

  const entries = Object.entries(tools).map(([tool, definition]) => {
    const { execute } = definition;
    if (execute === undefined) return [tool, definition];
    const recorded = async (input: unknown, given: ToolExecutionOptions): Promise<unknown> => {
      context.log.debug(`The model calls ${tool}.`, { tool, toolCall: given.toolCallId });
      context.heartbeat();
      const said = asJson(input, `input of ${tool}`);
      tell({ kind: "toolCall", tool, input: said });
      const call = async (more: object): Promise<unknown> =>
        // The SDK has checked the input against the tool's own schema.
        await lastOf(execute.call(definition, input as never, { ...given, ...more }));
      const output = readOnlyTools.includes(tool)
        ? await call({})
        : await once(nameOf(tool, said), (key) => call({ [KEY]: key }));
      tell({ kind: "toolResult", tool, output: asJson(output, `output of ${tool}`) });
      return output;
    };
    return [tool, { ...definition, execute: recorded }];
  });
  // The same tools as before, each with another function.
  return Object.fromEntries(entries) as ToolSet;
}

/** A tool may give a stream of what it has so far: the last is what it gives. */
async function lastOf(given: unknown): Promise<unknown> {
  const value = await given;
  if (typeof value !== "object" || value === null || !(Symbol.asyncIterator in value)) return value;
  let last: unknown;
  // Whatever is iterated asynchronously.
  for await (const each of value as AsyncIterable<unknown>) last = each;
  return last;
}

/** As the AI SDK writes it for the model: dates as their text, and what is undefined left out. */
function asJson(value: unknown, what: string): Json {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new BatonError("VALUE_NOT_JSON", `The ${what} is no JSON: ${String(cause)}`, { cause });
  }
  // A function or nothing at all.
  return text === undefined ? null : sealJson(JSON.parse(text), what);
}
