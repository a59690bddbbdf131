/** Circuit breakers as values: the policy of an agent, and what is recorded of a breaker. The machine is in decide/breaker.ts. */
import type { AgentDefinition } from "./agent-definition.ts";
import type { Author, Failure } from "./entry.ts";

export type BreakerStateKind = "closed" | "open" | "halfOpen";

/** A sliding window over calls, in which the rate of failures opens the breaker. */
export interface BreakerWindow {
  /** The newest so many calls, or the calls of the newest so many milliseconds. */
  readonly over:
    | { readonly kind: "calls"; readonly size: number }
    | { readonly kind: "time"; readonly durationMs: number };
  /** Above 0, at most 1: the share of failures from which on it opens. */
  readonly rate: number;
  /** Fewer calls than this in the window say nothing. */
  readonly minimum: number;
}

/** What decides when a breaker opens and closes. Agents that share a breaker must have the same. */
export interface BreakerSettings {
  /** Failures in a row that open it; undefined where a window decides. */
  readonly failures: number | undefined;
  readonly window: BreakerWindow | undefined;
  readonly cooldownMs: number;
  /** Calls that are let through at a time while it is half-open; as many must succeed to close it. */
  readonly probes: number;
}

/** What becomes of an attempt that meets an open breaker. */
export type WhenOpen =
  | { readonly kind: "wait" }
  | { readonly kind: "fail" }
  | { readonly kind: "fallback"; readonly agent: AgentDefinition };

/** The breaker of an agent. */
export interface BreakerPolicy {
  readonly name: string;
  readonly settings: BreakerSettings;
  readonly whenOpen: WhenOpen;
  /** Whether an error is a sign of a sick downstream; absent for the default, which {@link countsByDefault} is. */
  readonly counts?: (error: unknown) => boolean;
}

/** A failed call that led to a transition: never its message, which may hold what the run was about. */
export interface BreakerEvidence {
  readonly code: string;
  readonly run: string;
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Newest failures that are kept as evidence: enough to see whether they are of one kind. */
export const BREAKER_EVIDENCE_MAX = 10;

/** What led to a transition. */
export type BreakerCause = "failures" | "rate" | "probe" | "cooldown" | "person";

/** What is recorded of every transition, in the stream `breaker/<name>`. */
export interface BreakerRecord {
  readonly cause: BreakerCause;
  readonly reason: string;
  readonly evidence: readonly BreakerEvidence[];
  /** How often it has opened so far, so that the newest entry alone tells. */
  readonly openedCount: number;
}

/** What a breaker did to an attempt, or an attempt to a breaker: stands in the run's own entry of it. */
export interface BreakerMark {
  readonly name: string;
  /** The attempt was one of the probes for which the breaker was half-open. */
  readonly probe?: true;
  /** The transition that the attempt's outcome led to. */
  readonly to?: "open" | "closed";
}

/** In the entries of an attempt that was made by a fallback agent. */
export interface FallbackMark {
  /** `name@version` of the agent whose breaker was open. */
  readonly for: string;
  readonly breaker: string;
}

/** A breaker as it stands. */
export interface BreakerSnapshot {
  readonly name: string;
  readonly state: BreakerStateKind;
  /** Failures in a row while closed; known to the process that executes only, else 0. */
  readonly failuresInARow: number;
  readonly openedCount: number;
  /** When an open breaker lets a probe through, in milliseconds since 1970; absent if a person must close it. */
  readonly until?: number;
  /** When, by whom and why its state was entered; absent if it never left its first. */
  readonly since?: number;
  readonly by?: Author;
  readonly reason?: string;
  readonly evidence: readonly BreakerEvidence[];
  /** Runs of this process that wait for it. */
  readonly waitingRuns: number;
  /** `name@version` of the agents behind it, as far as this process has them. */
  readonly agents: readonly string[];
}

/** The stream that a breaker's transitions are kept in. */
export function breakerStream(name: string): string {
  return `breaker/${name}`;
}

/**
 * The default policy: what is thrown, and a timeout, speak of a downstream that is sick. An output that breaks its contract
 * (or is too large) does not: something answered, in time, and a breaker that opens on it would keep the retry from getting
 * a better answer. Aborted attempts and refused handoffs are never asked about: they say nothing of the downstream.
 */
export function countsByDefault(failure: Failure): boolean {
  return failure.code !== "CONTRACT_VIOLATED" && failure.code !== "VALUE_TOO_LARGE";
}
