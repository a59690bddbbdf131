/**
 * A call: one unit of work of an agent, at a path and turn, over as many attempts as its policy allows.
 *
 * C1. At most one attempt of a path is under way in this incarnation (`run.performing`).
 * C2. An attempt that is not the one under way is not listened to: its outcome came too late.
 */
import type { AdmissionMark } from "../model/admission.ts";
import type { AgentDefinition, RetryPolicy } from "../model/agent-definition.ts";
import type { Amounts } from "../model/amounts.ts";
import type { BreakerMark, FallbackMark } from "../model/breaker.ts";
import type { BudgetMark } from "../model/budget.ts";
import { noTimeLeft } from "../model/deadline.ts";
import type { Author, Draft, Failure, UsageRecord } from "../model/entry.ts";
import type { Json } from "../model/json.ts";
import type { Performing, Reads, Run } from "../model/run.ts";
import { isSuspected } from "./suspicion.ts";
import { deadlineOf } from "./deadline.ts";
import { type Deliberation, say } from "./turn.ts";

/** How an attempt ended, as the engine reports it. */
export type AttemptOutcome =
  | {
      readonly kind: "sealed";
      readonly path: string;
      readonly turn: number;
      readonly attempt: number;
      /** Checked against the agent's output contract, frozen. */
      readonly output: Json;
      /** Absent only for what a person did by hand, where it is not known. */
      readonly inputHash?: string;
      /** Who did it, where it was not the agent. */
      readonly by?: Author;
      readonly usage?: readonly UsageRecord[];
      readonly tookMs?: number;
      readonly behind?: Behind;
    }
  | {
      readonly kind: "attemptFailed";
      readonly path: string;
      readonly turn: number;
      readonly attempt: number;
      readonly error: Failure;
      /** No further attempt: the policy says so, or the attempt was aborted because the run is ending. */
      readonly final: boolean;
      /** Whether the attempt may have acted; see unknown.ts. */
      readonly unknown?: true;
      /** It is final because the retries of its agent, over all runs, are spent. */
      readonly retriesCut?: true;
      /** Of an at-most-once agent: it is known to have done nothing. */
      readonly nothingDone?: true;
      /** At least 0, below 1: the jitter is drawn outside, so that deciding is repeatable. */
      readonly random: number;
      readonly inputHash?: string;
      /** What its last heartbeat said, where one said anything. */
      readonly progress?: Json;
      readonly usage?: readonly UsageRecord[];
      readonly tookMs?: number;
      readonly behind?: Behind;
    };

/** What an attempt had to do with breakers, budgets and the registry. */
export interface Behind {
  /** Why the registry did not allow it. */
  readonly admission?: AdmissionMark;
  /** What it used of what was set aside for it. */
  readonly spent?: Amounts;
  /** The budget that did not let it through. */
  readonly budget?: BudgetMark;
  readonly breaker?: BreakerMark;
  /** The agent that was called in place of the step's own. */
  readonly fallback?: FallbackMark & { readonly agent: AgentDefinition };
}

const NO_ONCES: ReadonlyMap<string, Json> = new Map();

/** Whether a call of this path may begin now: nothing under way, no retry pause, no wait for a breaker or a person. */
export function mayCall(run: Run, path: string, nowMs: number): boolean {
  if (run.performing.has(path)) return false;
  if (isWaitedFor(run, path)) return false;
  const hold = run.holds.size === 0 ? undefined : run.holds.get(path);
  // What is held had its retry pause behind it, though a clock that was set back since may say otherwise.
  if (hold !== undefined) return hold.dueAt <= nowMs;
  const retryAt = run.calls.get(path)?.retryAt;
  return retryAt === undefined || retryAt <= nowMs;
}

/** Whether a call waits for a probe or a person: until then nothing of it is begun. */
export function isWaitedFor(run: Run, path: string): boolean {
  if (run.parked.size > 0 && run.parked.has(path)) return true;
  return run.unknowns.size > 0 && run.unknowns.has(path);
}

/** Nobody's Retry-After keeps a run waiting for longer: what asks for more is asked again. */
export const RETRY_AFTER_MAX_MS = 3_600_000;

/** The pause after so many attempts, of which the jitter is drawn outside: never shorter than what was called asks for. */
export function pauseMs(
  { backoff }: RetryPolicy,
  {
    made,
    random,
    error,
  }: { readonly made: number; readonly random: number; readonly error: Failure | undefined },
): number {
  const { baseMs, factor, maxMs, jitter } = backoff;
  const pause = Math.round(Math.min(maxMs, baseMs * factor ** (made - 1)) * (1 - jitter * random));
  return Math.max(pause, Math.min(error?.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS));
}

/** Commands the next attempt of a call. */
export function execute(
  turn: Deliberation,
  call: {
    readonly step: string;
    readonly path: string;
    readonly agent: AgentDefinition;
    readonly input: Json;
    readonly reads: Reads;
  },
): void {
  const { run } = turn;
  const turnNo = run.turns.get(call.step) ?? 0;
  const state = run.calls.get(call.path);
  const attempt = (state?.failedAttempts ?? 0) + 1;
  run.performing.set(call.path, {
    step: call.step,
    turn: turnNo,
    attempt,
    reads: call.reads,
    agent: call.agent.id,
  });
  turn.commands.push({
    kind: "execute",
    path: call.path,
    turn: turnNo,
    attempt,
    agent: call.agent,
    input: call.input,
    feedback: state?.feedback ?? [],
    onces: run.onces.get(`${call.path}:${turnNo}`) ?? NO_ONCES,
    quarantined: isSuspected(run, call.path),
    deadline: deadlineOf(run, call.step),
    progress: state?.progress,
  });
}

/** Takes the attempt off what is under way, if it is the one (C2). */
export function takePerforming(
  run: Run,
  outcome: { readonly path: string; readonly turn: number; readonly attempt: number },
): Performing | undefined {
  const performing = run.performing.get(outcome.path);
  if (
    performing === undefined ||
    performing.turn !== outcome.turn ||
    performing.attempt !== outcome.attempt
  )
    return undefined;
  run.performing.delete(outcome.path);
  return performing;
}

/** Whether a call is given up after a failed attempt, and why. */
interface AfterFailure {
  readonly givenUp: boolean;
  readonly error: Failure;
  /** The deadline before which there is no time for another attempt. */
  readonly deadlineAt?: number;
}

/** Records a failed attempt, with the time of the next one if there is to be one: one that could only be late is none. */
export function recordFailure(
  turn: Deliberation,
  performing: Performing,
  agent: AgentDefinition,
  outcome: Extract<AttemptOutcome, { readonly kind: "attemptFailed" }>,
): AfterFailure {
  const { attempts } = agent.retry;
  const actor = outcome.behind?.fallback?.agent ?? agent;
  const counted = outcome.attempt - (turn.run.calls.get(outcome.path)?.uncounted ?? 0);
  const isLast = outcome.final || counted >= attempts || turn.run.phase.kind !== "going";
  const { random, error } = outcome;
  const retryAt =
    Math.max(turn.run.at, turn.nowMs) + pauseMs(agent.retry, { made: counted, random, error });
  const deadline = isLast ? undefined : deadlineOf(turn.run, performing.step);
  const isLate = deadline !== undefined && retryAt >= deadline.at;
  const givenUp = isLast || isLate;
  say(turn, {
    kind: "attempt.failed",
    path: outcome.path,
    turn: outcome.turn,
    attempt: outcome.attempt,
    by: { kind: "agent", id: actor.name },
    agent: actor.id,
    reads: performing.reads,
    ...(outcome.inputHash === undefined ? {} : { inputHash: outcome.inputHash }),
    payload: {
      error,
      ...(givenUp ? {} : { retryAt }),
      ...(outcome.retriesCut === undefined ? {} : { retriesCut: true }),
      ...(outcome.nothingDone === true ? { nothingDone: true } : {}),
      ...(outcome.progress === undefined ? {} : { progress: outcome.progress }),
      ...(outcome.usage === undefined ? {} : { usage: outcome.usage }),
      ...(outcome.tookMs === undefined ? {} : { tookMs: outcome.tookMs }),
      ...(outcome.behind === undefined ? {} : marksOf(outcome.behind)),
    },
  });
  if (!isLate) return { givenUp, error };
  const late = noTimeLeft(deadline, outcome.path, error);
  return { givenUp, error: late, deadlineAt: deadline.at };
}

/** What an attempt's output puts into `step.sealed` and `item.sealed`, which share all but their kind. */
export function sealing(
  performing: Performing,
  outcome: Extract<AttemptOutcome, { readonly kind: "sealed" }>,
): Omit<Extract<Draft, { readonly kind: "item.sealed" }>, "kind"> {
  return {
    path: outcome.path,
    turn: outcome.turn,
    attempt: outcome.attempt,
    by: outcome.by ?? { kind: "agent", id: agentName(actorId(performing, outcome)) },
    ...agentField(actorId(performing, outcome)),
    reads: performing.reads,
    ...(outcome.inputHash === undefined ? {} : { inputHash: outcome.inputHash }),
    payload: {
      ...(outcome.usage === undefined ? {} : { usage: outcome.usage }),
      ...(outcome.tookMs === undefined ? {} : { tookMs: outcome.tookMs }),
      ...(outcome.behind === undefined ? {} : marksOf(outcome.behind)),
    },
    value: outcome.output,
  };
}

/** `name@version` of the agent that was called: a fallback, or the step's own. */
function actorId({ agent }: Performing, { behind }: AttemptOutcome): string | undefined {
  return behind?.fallback?.agent.id ?? agent;
}

function agentField(agent: string | undefined): { readonly agent?: string } {
  return agent === undefined ? {} : { agent };
}

function agentName(id: string | undefined): string {
  return id?.slice(0, id.lastIndexOf("@")) ?? "";
}

/** The marks of breakers, fallbacks, budgets and the registry that an outcome's entry carries. */
export function marksOf({ admission, breaker, fallback, spent, budget }: Behind): {
  readonly admission?: AdmissionMark;
  readonly breaker?: BreakerMark;
  readonly fallback?: FallbackMark;
  readonly spent?: Amounts;
  readonly budget?: BudgetMark;
} {
  return {
    ...(admission === undefined ? {} : { admission }),
    ...(spent === undefined ? {} : { spent }),
    ...(budget === undefined ? {} : { budget }),
    ...(breaker === undefined ? {} : { breaker }),
    ...(fallback === undefined
      ? {}
      : { fallback: { for: fallback.for, breaker: fallback.breaker } }),
  };
}
