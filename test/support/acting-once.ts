/** Agents for tests of at-most-once delivery, and the outside world that they act on. */
import {
  type Agent,
  agent,
  type AgentContext,
  type BreakerOptions,
  type CompensationContext,
  exponential,
  type ProbeAnswer,
  type ProbeContext,
} from "baton";
import { count } from "./opened.ts";

export interface OnceMore {
  readonly attempts?: number;
  readonly timeout?: "1s" | "10s";
  readonly onUnknown?: "ask" | "compensate";
  readonly breaker?: BreakerOptions<number, number>;
  readonly execute?: (input: number, context: AgentContext) => number | Promise<number>;
  readonly probe?: (
    input: number,
    context: ProbeContext,
  ) => ProbeAnswer<number> | Promise<ProbeAnswer<number>>;
  readonly nothingDone?: (error: unknown) => boolean;
  readonly compensate?: (
    input: number,
    output: number | undefined,
    context: CompensationContext,
  ) => unknown;
}

/** An at-most-once agent called `transfer`: it notes each call in `acts`, and gives ten times its input. */
export function once(acts: string[], more: OnceMore = {}): Agent<number, number> {
  const { execute, probe, nothingDone, compensate, onUnknown = "ask" } = more;
  const shared = {
    name: "transfer",
    version: "1.0.0",
    input: count,
    output: count,
    retry: { attempts: more.attempts ?? 3, backoff: exponential("100ms", { jitter: 0 }) },
    ...(more.timeout === undefined ? {} : { timeout: more.timeout }),
    ...(more.breaker === undefined ? {} : { breaker: more.breaker }),
    delivery: "at-most-once" as const,
    ...(nothingDone === undefined ? {} : { nothingDone }),
    ...(probe === undefined
      ? {}
      : {
          probe: async (input: number, context: ProbeContext) => {
            acts.push(`ask ${context.path} ${context.attempt}`);
            return await probe(input, context);
          },
        }),
    execute: async (input: number, context: AgentContext) => {
      acts.push(`do ${context.path} ${context.attempt}`);
      return await (execute?.(input, context) ?? input * 10);
    },
  };
  const undo = async (input: number, output: number | undefined, context: CompensationContext) => {
    acts.push(`undo ${context.path} ${String(output)}`);
    await compensate?.(input, output, context);
  };
  if (onUnknown === "compensate")
    return agent({ ...shared, onUnknown, compensate: undo, compensateUnknown: true });
  return compensate === undefined ? agent(shared) : agent({ ...shared, compensate: undo });
}
