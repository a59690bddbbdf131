/** Agents for tests of the way back: each notes what it did, and what it undid. */
import {
  type Agent,
  agent,
  type AgentContext,
  type CompensationContext,
  exponential,
  type Contract,
  type Duration,
} from "baton";
import { anything } from "./opened.ts";

export interface UndoingMore<I, O> {
  readonly attempts?: number;
  readonly timeout?: Duration;
  readonly concurrency?: number;
  readonly output?: Contract<unknown>;
  readonly unknown?: boolean;
  readonly breaker?: NonNullable<Parameters<typeof agent>[0]["breaker"]>;
  readonly compensation?: {
    readonly attempts?: number;
    readonly timeout?: Duration;
  };
  readonly execute?: (input: I, context: AgentContext) => O | Promise<O>;
  readonly compensate?: (input: I, output: O | undefined, context: CompensationContext) => unknown;
}

/** An agent of one attempt that gives its input back; what it does and undoes is put into `acts`. */
export function undoing<I, O = I>(
  name: string,
  acts: string[],
  more: UndoingMore<I, O> = {},
): Agent<I, O> {
  const backoff = exponential("100ms", { jitter: 0 });
  const { compensation = {} } = more;
  const made = agent({
    name,
    version: "1.0.0",
    input: anything,
    output: more.output ?? anything,
    retry: { attempts: more.attempts ?? 1, backoff },
    ...(more.timeout === undefined ? {} : { timeout: more.timeout }),
    ...(more.concurrency === undefined ? {} : { concurrency: more.concurrency }),
    ...(more.breaker === undefined ? {} : { breaker: more.breaker }),
    compensation: {
      ...(compensation.timeout === undefined ? {} : { timeout: compensation.timeout }),
      ...(compensation.attempts === undefined
        ? {}
        : { retry: { attempts: compensation.attempts, backoff } }),
    },
    execute: async (input, context) => {
      const given = await (more.execute?.(input as I, context) ?? (input as unknown as O));
      acts.push(`do ${context.run} ${context.path} ${context.turn}`);
      return given;
    },
    ...(more.unknown === true
      ? {
          compensateUnknown: true as const,
          compensate: async (input: unknown, output: unknown, context: CompensationContext) => {
            await more.compensate?.(input as I, output as O | undefined, context);
            acts.push(`undo ${context.run} ${context.path} ${context.turn}`);
          },
        }
      : {
          compensate: async (input: unknown, output: unknown, context: CompensationContext) => {
            await more.compensate?.(input as I, output as O, context);
            acts.push(`undo ${context.run} ${context.path} ${context.turn}`);
          },
        }),
  });
  // The contracts take anything: what is given is of the types that the test says.
  return made as unknown as Agent<I, O>;
}

/** Only what was undone, in order: `path`. */
export function undone(acts: readonly string[], run = "r"): readonly string[] {
  return acts.flatMap((act) => (act.startsWith(`undo ${run} `) ? [act.split(" ")[2] ?? ""] : []));
}
