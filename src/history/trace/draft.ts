/** A span that has not ended, and what a run's trace keeps of itself while it is folded. */
import type { Fact, Failure } from "../../model/entry.ts";
import { spanIdOf } from "../../journal/trace-ids.ts";
import {
  MOMENTS_MAX,
  type TraceFacts,
  type TraceMoment,
  type TraceSpan,
  type TraceSpanKind,
} from "../../model/trace-span.ts";
import type { Content } from "./content.ts";

/** A span that is being made. */
export type SpanDraft = {
  -readonly [K in keyof TraceSpan as K extends "endAt" | "outcome" | "moments" | "facts"
    ? never
    : K]: TraceSpan[K];
} & { readonly moments: TraceMoment[]; facts: TraceFacts };

/** What is known of a run's trace between two entries. */
export interface Tracing {
  readonly namespace: string;
  readonly run: string;
  /** Of the run's own span. */
  readonly rootId: string;
  /** What was given and what came out; undefined where it is not wanted, or the run's code is not here. */
  readonly content: Content | undefined;
  traceId: string;
  correlation: string;
  root: SpanDraft | undefined;
  rootEnded: boolean;
  /** By `place:turn`, the steps and deliveries that are open. */
  readonly steps: Map<string, SpanDraft>;
  /** By `place:turn`, the spans of those that have ended. */
  readonly closed: Map<string, string>;
  /** By seq, when what can be read was there. */
  readonly thereAt: Map<number, number>;
  /** By seq, the ids of the run's events. */
  readonly events: Map<number, string>;
  /** By step, its newest turn, and when that became possible. */
  readonly turns: Map<string, { readonly turn: number; readonly at: number }>;
  /** When the run went on from a savepoint. */
  restoredAt: number;
  /** Attempts whose span has ended, and of which more may be recorded. */
  readonly unknown: Set<string>;
  /** By path, the attempt that was announced. */
  readonly begun: Map<string, { readonly attempt: number; readonly at: number }>;
  rollback: SpanDraft | undefined;
  /** Spans that have ended with the entry that is being folded. */
  finished: TraceSpan[];
}

/** Opens a span of the run. */
export function draftOf(
  tracing: Tracing,
  kind: TraceSpanKind,
  {
    subject,
    spanId,
    startAt,
    parentId,
  }: {
    readonly subject: string;
    readonly spanId: string;
    readonly startAt: number;
    readonly parentId: string | undefined;
  },
): SpanDraft {
  const { namespace, run, traceId, correlation } = tracing;
  const draft: SpanDraft = {
    kind,
    traceId,
    spanId,
    subject,
    startAt,
    namespace,
    run,
    correlation,
    facts: {},
    moments: [],
    momentsDropped: 0,
    links: [],
  };
  if (parentId !== undefined) draft.parentId = parentId;
  return draft;
}

/** Says that something happened within a span. */
export function note(draft: SpanDraft, name: string, at: number, facts: TraceFacts = {}): void {
  if (draft.moments.length >= MOMENTS_MAX) draft.momentsDropped += 1;
  else draft.moments.push({ name, at, facts });
}

/** Ends a span: it is one of those that the entry has finished, and nobody's draft any more. */
export function finish(
  tracing: Tracing,
  draft: SpanDraft,
  end: { readonly at: number; readonly outcome: string; readonly error?: Failure },
): void {
  const { at, outcome, error } = end;
  // There is one for each thing that happens: copies of it would be half of what a trace costs.
  const span: SpanDraft & { endAt?: number; outcome?: string } = draft;
  span.endAt = Math.max(at, draft.startAt);
  span.outcome = outcome;
  if (error !== undefined) span.error = error;
  tracing.finished.push(span as TraceSpan);
}

/** The run's own span. */
export function rootId({ namespace, run }: Pick<Tracing, "namespace" | "run">): string {
  return spanIdOf({ namespace, run, of: "run" });
}

/** `name` and `version` of `name@version`. */
export function namedOf(id: string): { readonly subject: string; readonly version?: string } {
  const at = id.lastIndexOf("@");
  return at < 0 ? { subject: id } : { subject: id.slice(0, at), version: id.slice(at + 1) };
}

/** A fact's attempt, of those that are counted. */
export function attemptKey({ path = "", turn = 0, attempt = 1 }: Fact): string {
  return `${path}:${turn}:${attempt}`;
}
