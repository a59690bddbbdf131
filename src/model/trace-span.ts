/**
 * Spans as the journal has them: what was done, from when to when, as a part of what. Names of conventions and formats are put on
 * by the bridge that sends them.
 */
import type { Failure, UsageRecord } from "./entry.ts";
import type { Json } from "./json.ts";

/**
 * `step`: of one turn, a delivery too. `attempt`: one call of an agent. `model`: what one of several models did in an attempt.
 * `handoff`: one that was refused. `rollback`: the way back of a run, with its `compensation`s. `publish`, `receive`: an event.
 */
export type TraceSpanKind =
  | "run"
  | "step"
  | "attempt"
  | "model"
  | "handoff"
  | "rollback"
  | "compensation"
  | "publish"
  | "receive";

/** What a span says besides, by names of our own such as `turn`. Nothing in it is of a contract. */
export type TraceFacts = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** Something that happened within a span. */
export interface TraceMoment {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly facts: TraceFacts;
}

/** Another span because of which there is this one, or which belongs to it. */
export interface TraceLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly why: "event" | "parent" | "caller";
}

/** A span that has ended. Its ids follow from its place in the journal, so that it is the same span whenever it is made. */
export interface TraceSpan {
  readonly kind: TraceSpanKind;
  /** 32 hex digits: of all that has one correlation id. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  readonly parentId?: string;
  /** The workflow of a run, the agent of an attempt, the model, the topic of an event; else the path. */
  readonly subject: string;
  /** The version of the workflow or agent. */
  readonly version?: string;
  /** Milliseconds since 1970. */
  readonly startAt: number;
  readonly endAt: number;
  readonly namespace: string;
  /** Absent for an event from outside. */
  readonly run?: string;
  readonly correlation: string;
  readonly path?: string;
  readonly error?: Failure;
  /** How it ended, in the words of the journal: `completed`, `sealed`, `skipped`, `refused`, ... */
  readonly outcome: string;
  /** Sensitive fields are masked. Absent where nothing is known of it, or nothing may be shown. */
  readonly input?: Json;
  readonly output?: Json;
  readonly usage?: readonly UsageRecord[];
  /** Who started the run, where that was a person. */
  readonly person?: string;
  readonly facts: TraceFacts;
  readonly moments: readonly TraceMoment[];
  /** Moments over {@link MOMENTS_MAX}. */
  readonly momentsDropped: number;
  readonly links: readonly TraceLink[];
}

/** What a span keeps of what happened within it: enough for a person to read. */
export const MOMENTS_MAX = 128;
