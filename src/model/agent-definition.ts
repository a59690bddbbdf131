/**
 * Agents as the engine sees them: erased of their types. `agent.ts` builds them with types.
 */
import type { Amounts } from "./amounts.ts";
import type { BreakerPolicy } from "./breaker.ts";
import type { Budget } from "./budget.ts";
import type { AnyContract } from "./contract.ts";
import type { Failure, RollbackReason } from "./entry.ts";
import type { Json } from "./json.ts";
import type { RatePolicy } from "./rate.ts";
import type { Violation } from "./violation.ts";

/** What an attempt may do besides computing its output. Using it after the attempt has ended throws `CONTEXT_ENDED`. */
export interface AgentContext {
  /**
   * Aborted when the attempt times out, the run fails or is cancelled, or the engine shuts down. In a run that fails or is
   * cancelled the attempt is then waited for, for five seconds at most: what it still gives is recorded, and `once` begins no
   * new effect.
   */
  readonly signal: AbortSignal;
  readonly run: string;
  readonly path: string;
  /** 0, or more where the output was sent back for another turn. */
  readonly turn: number;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** The same for every attempt of the same (run, path, turn): give it to outside systems, so that they act once. */
  readonly idempotencyKey: string;
  /**
   * The span of this attempt by W3C Trace Context: give it to what is called as the header `traceparent`, and its spans are seen
   * below this one. It follows from the attempt's place, whether anything is traced or not.
   */
  readonly traceparent: string;
  /** Why the output of the attempt or turn before was refused; empty the first time. */
  readonly feedback: readonly Violation[];
  /**
   * Performs an effect and records what it gave, so that a later attempt gets the recorded value instead of repeating it.
   * Only successes are remembered. A crash between the effect and its record repeats the effect: give it the idempotency key.
   */
  readonly once: <const X>(name: string, effect: () => X | Promise<X>) => Promise<X>;
  /** Reports one call of a model. */
  readonly usage: (usage: {
    readonly model: string;
    readonly inputTokens: number;
    readonly outputTokens: number;
  }) => void;
  /**
   * By when the attempt must have ended, in milliseconds since 1970: the earliest of the agent's timeout, the step's deadline
   * and the run's. Undefined without any. Measured on the engine's wall clock.
   */
  readonly deadline: number | undefined;
  /** How much of that is left, 0 once it has passed; undefined without a deadline. */
  readonly remainingMs: () => number | undefined;
  /**
   * Says that the attempt is still at work, and how far it has come. `progress` is told to whoever watches, recorded if the
   * attempt fails, and given to the next one as `lastProgress`. At most as large as `limits.progressBytesMax` says.
   */
  readonly heartbeat: (progress?: Json) => void;
  /** What the attempts before this one, of the same turn, said last; undefined if none said anything. */
  readonly lastProgress: Json | undefined;
  readonly log: AgentLog;
  /** Gives partial output to whoever watches. Not recorded, and never read by another step. */
  readonly stream: (chunk: Json) => void;
}

/** What a compensation may do besides undoing. Using it after the attempt has ended throws `CONTEXT_ENDED`. */
export interface CompensationContext {
  /** Aborted when the attempt times out or the engine shuts down. */
  readonly signal: AbortSignal;
  readonly run: string;
  readonly path: string;
  readonly turn: number;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** The same for every attempt of this compensation, and another than that of the execution which it undoes. */
  readonly idempotencyKey: string;
  /** The key that the execution was given: what it did is known to outside systems under it. */
  readonly executionKey: string;
  /** The span of this attempt to compensate, by W3C Trace Context: see {@link AgentContext.traceparent}. */
  readonly traceparent: string;
  /** Why the run goes back. */
  readonly reason: RollbackReason;
  readonly usage: AgentContext["usage"];
  readonly log: AgentLog;
}

/** What a probe may do. Using it after the probe has ended throws `CONTEXT_ENDED`. */
export interface ProbeContext {
  /** Aborted when the probe times out, the run fails or is cancelled, or the engine shuts down. */
  readonly signal: AbortSignal;
  readonly run: string;
  readonly path: string;
  readonly turn: number;
  /** The attempt whose outcome is asked for. */
  readonly attempt: number;
  /** The key that the attempt was given: the outside system knows what it did under it. */
  readonly idempotencyKey: string;
  /** The span of the attempt that is asked about, by W3C Trace Context: a probe has none of its own. */
  readonly traceparent: string;
  /** How the attempt ended, as far as it is known. */
  readonly error: Failure;
  readonly usage: AgentContext["usage"];
  readonly log: AgentLog;
}

/** What a probe answers. */
export type ProbeAnswer<O> =
  /** It acted: this is what came of it. */
  | { readonly kind: "done"; readonly output: O }
  /** It did not act, and never will: another attempt is safe. */
  | { readonly kind: "notDone" }
  /** The outside system can't tell: `onUnknown` decides. */
  | { readonly kind: "unknown" };

export interface AgentLog {
  readonly debug: (message: string, data?: Readonly<Record<string, unknown>>) => void;
  readonly info: (message: string, data?: Readonly<Record<string, unknown>>) => void;
  readonly warn: (message: string, data?: Readonly<Record<string, unknown>>) => void;
  readonly error: (message: string, data?: Readonly<Record<string, unknown>>) => void;
}

/** Pause before attempt n+1: `baseMs * factor^(n-1)`, at most `maxMs`, then a random part of up to `jitter` (0..1) taken off. */
export interface Backoff {
  readonly baseMs: number;
  readonly factor: number;
  readonly maxMs: number;
  readonly jitter: number;
}

export interface RetryPolicy {
  /** Attempts in all, the first included. */
  readonly attempts: number;
  readonly backoff: Backoff;
  /** Which errors are final, so that no further attempt is made. */
  readonly final?: (error: unknown) => boolean;
  /** Bounds the retries of all runs together; none if absent. */
  readonly budget?: RetryBudget;
}

/** How many retries all calls of an agent may make together, in one process. */
export interface RetryBudget {
  /** Retries for each first attempt, 0 to 1. */
  readonly share: number;
  /** Retries in store, which come back within a minute, however few first attempts there are. */
  readonly least: number;
}

export interface AgentDefinition {
  readonly name: string;
  readonly version: string;
  /** `name@version` */
  readonly id: string;
  readonly description?: string;
  readonly input: AnyContract;
  readonly output: AnyContract;
  /** Per attempt; absent means no limit, which `baton check` warns of. */
  readonly timeoutMs?: number;
  /** The longest silence of an attempt; absent means that none is asked to speak. */
  readonly heartbeatMs?: number;
  readonly retry: RetryPolicy;
  /** Attempts at the same time in one process, over all runs. */
  readonly concurrency?: number;
  /** Attempts that may wait for a place at the same time; without end if absent. */
  readonly queue?: number;
  /** How many calls may begin in a time, over all runs. */
  readonly rate?: RatePolicy;
  /** Stops calls while what is behind the agent is down. */
  readonly breaker?: BreakerPolicy;
  /** What limits its calls, over all runs. */
  readonly budgets?: readonly Budget[];
  /** Tokens and money that one attempt may use at most. */
  readonly maximum?: Amounts;
  /** At-least-once if absent. At-most-once: no attempt is made while another one may have acted. */
  readonly delivery?: "at-most-once";
  /** What becomes of an at-most-once call whose outcome is not known: a person is asked, if absent. */
  readonly onUnknown?: "ask" | "compensate";
  /** Asks the outside system what an at-most-once attempt of unknown outcome did. */
  readonly probe?: (input: Json, context: ProbeContext) => unknown;
  /** Whether an error says that an at-most-once attempt did nothing; no error says so, if absent. */
  readonly nothingDone?: (error: unknown) => boolean;
  /** Whether it acts on the outside world; `baton check` wants `compensate` then, and forks refuse it unless asked. */
  readonly sideEffects: boolean;
  readonly execute: (input: Json, context: AgentContext) => unknown;
  /** Undoes what `execute` did. `output` is undefined only where `compensateUnknown` is set. */
  readonly compensate?: (
    input: Json,
    output: Json | undefined,
    context: CompensationContext,
  ) => unknown;
  /** Whether `compensate` may be called for an attempt whose outcome is not known. */
  readonly compensateUnknown?: boolean;
  /** Of one attempt to compensate, and how often it is made; as for `execute` where absent. */
  readonly compensation?: { readonly timeoutMs?: number; readonly retry?: RetryPolicy };
}
