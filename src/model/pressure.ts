/** How busy an engine is, for people and dashboards: what executes, what waits, and for what. */
import type { RateSnapshot } from "./rate.ts";

/** An agent that has work, or a limit. */
export interface AgentPressure {
  /** `name@version` */
  readonly agent: string;
  readonly executing: number;
  /** Attempts that wait for a place. */
  readonly waiting: number;
  readonly concurrency?: number;
  readonly queue?: number;
  /** Retries that all its runs together may still make now. */
  readonly retriesLeft?: number;
}

export interface PressureSnapshot {
  readonly runs: {
    readonly executing: number;
    /** Runs that wait for a place to execute, and starts that are not in the journal yet. */
    readonly queued: number;
    readonly concurrentRunsMax: number;
    readonly queuedRunsMax: number;
  };
  readonly agents: readonly AgentPressure[];
  readonly rates: readonly RateSnapshot[];
}
