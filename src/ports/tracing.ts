/**
 * Tracing: where spans go that are made of the journal. What is sent may be sent again, after a crash or by hand: with the same
 * ids, so that it is the same span.
 */
import type { BreakerStateKind } from "../model/breaker.ts";
import type { PressureSnapshot } from "../model/pressure.ts";
import type { ProjectionStart } from "../model/projection.ts";
import type { TraceSpan } from "../model/trace-span.ts";
import type { Portable } from "./portable.ts";

/** A transition of a breaker. */
export interface TracedTransition {
  readonly breaker: string;
  readonly to: "open" | "halfOpen" | "closed";
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What a part of the journal gave, in the order in which it ended. */
export interface TraceBatch {
  readonly spans: readonly TraceSpan[];
  readonly transitions: readonly TracedTransition[];
}

/** How an engine stands at a moment, in figures. Plain data, as batches are. */
export interface EngineMeasures {
  readonly pressure: PressureSnapshot;
  readonly breakers: readonly { readonly name: string; readonly state: BreakerStateKind }[];
  /** Of choreographies: events that are still to be dealt with. */
  readonly subscriptions: readonly { readonly name: string; readonly lag: number }[];
}

/** What takes spans. */
export interface TraceSink {
  /** Resolves once all of it was taken. Where it throws, the same is given again later, with what came since. */
  readonly send: (batch: TraceBatch) => Promise<void>;
  /** Counts a batch that was taken, for metrics. History that is sent again by hand is not counted. */
  readonly count?: (batch: TraceBatch) => void;
  /** Is told now and then how the engine stands, and how long ago all that was in the journal had been sent. */
  readonly measure?: (measures: EngineMeasures, behindMs: number) => void;
  readonly close: () => Promise<void>;
}

/** What `open({ tracing })` takes: `otel(...)` or `mlflow(...)` of `baton/otel`. */
export interface Tracing {
  /** Under which its place in the journal is kept. */
  readonly name: string;
  /** Whether spans have inputs and outputs. */
  readonly content: boolean;
  /** Where it begins that has no place yet; with the first entry of the journal, if left out. */
  readonly from?: ProjectionStart;
  /** Whether its sinks are to be told how the engine stands. */
  readonly measured?: boolean;
  /**
   * How another thread makes the same tracing, so that spans are made and sent there. Absent where what was given can't cross:
   * then it is done in the thread that executes.
   */
  readonly inThread?: Portable;
  /** @throws BatonError DEPENDENCY_MISSING, ARGUMENT_INVALID */
  readonly open: (
    log: (level: "info" | "warn" | "error", message: string) => void,
  ) => Promise<TraceSink>;
}
