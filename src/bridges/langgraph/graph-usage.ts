/**
 * The tokens that a graph's models used: from the models' own callbacks, and from the messages that nodes give.
 *
 * A message made by plain code comes with no callback, and one that was streamed in a subgraph with both: each is counted once, by its id.
 */
import type { AgentContext } from "../../model/agent-definition.ts";

/** The part of a LangChain message that tells of usage. */
interface Message {
  readonly id?: unknown;
  readonly usage_metadata?: unknown;
  readonly response_metadata?: unknown;
}

export interface UsageCounter {
  /** Says that what is in there was counted before. */
  readonly known: (values: unknown) => void;
  /** Counts the messages in there that were not counted yet. */
  readonly count: (values: unknown) => void;
}

/** Messages stand in lists in channels in nodes' updates; deeper they are somebody's data. */
const DEPTH_MAX = 4;

/** `model` names it where a message does not. */
export function usageCounter(report: AgentContext["usage"], model: string): UsageCounter {
  const ids = new Set<string>();
  const counted = new WeakSet<object>();

  function isNew(message: Message): boolean {
    const { id } = message;
    const isKnown = counted.has(message) || (typeof id === "string" && ids.has(id));
    counted.add(message);
    if (typeof id === "string") ids.add(id);
    return !isKnown;
  }

  return {
    known: (values) => {
      for (const message of messagesIn(values)) isNew(message);
    },
    count: (values) => {
      for (const message of messagesIn(values)) {
        const tokens = tokensOf(message);
        if (isNew(message) && tokens !== undefined)
          report({ model: modelOf(message) ?? model, ...tokens });
      }
    },
  };
}

function* messagesIn(value: unknown, depth = 0): Generator<Message> {
  if (typeof value !== "object" || value === null || depth > DEPTH_MAX) return;
  if ("usage_metadata" in value) yield value;
  else for (const each of Object.values(value)) yield* messagesIn(each, depth + 1);
}

function tokensOf({ usage_metadata: usage }: Message) {
  if (typeof usage !== "object" || usage === null) return undefined;
  const inputTokens = "input_tokens" in usage ? usage.input_tokens : undefined;
  const outputTokens = "output_tokens" in usage ? usage.output_tokens : undefined;
  if (typeof inputTokens !== "number" || typeof outputTokens !== "number") return undefined;
  return { inputTokens, outputTokens };
}

function modelOf({ response_metadata: metadata }: Message): string | undefined {
  if (typeof metadata !== "object" || metadata === null) return undefined;
  for (const key of ["model_name", "model", "model_id"]) {
    const name: unknown = Reflect.get(metadata, key);
    if (typeof name === "string" && name !== "") return name;
  }
  return undefined;
}
