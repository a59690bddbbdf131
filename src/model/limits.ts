import { BatonError } from "./errors.ts";

/** Limits, each with its reason. All are settings of `open({ limits })`; over a limit, a typed error names both. */
export interface Limits {
  /** A larger value is kept as a blob, so that entries stay small enough to be read in bulk. */
  readonly inlinePayloadBytesMax: number;
  /** A larger output belongs in an object store, with a reference in the state. */
  readonly outputBytesMax: number;
  /** Of what an attempt says with a heartbeat: it stands in the entry of its failure, which is read in bulk. */
  readonly progressBytesMax: number;
  readonly stepsPerRunMax: number;
  readonly mapWidthMax: number;
  /** Runs that execute at the same time; others queue, durably started. */
  readonly concurrentRunsMax: number;
  /** Runs that wait for their place to execute, in memory; one more is refused, and nothing of it is kept. */
  readonly queuedRunsMax: number;
  /** Deaths of a process that one call is to blame for, before it is parked: one could be chance, and each costs a restart. */
  readonly crashesMax: number;
}

export const DEFAULT_LIMITS: Limits = {
  inlinePayloadBytesMax: 32 * 1024,
  outputBytesMax: 4 * 1024 * 1024,
  progressBytesMax: 4 * 1024,
  stepsPerRunMax: 100_000,
  mapWidthMax: 100_000,
  concurrentRunsMax: 1_000,
  queuedRunsMax: 100_000,
  crashesMax: 3,
};

/**
 * The defaults with what was set instead.
 * @throws BatonError `ARGUMENT_INVALID` for a limit that does not exist, or that is not a whole number of one or more
 */
export function limitsWith(set: Partial<Limits>): Limits {
  for (const [name, value] of Object.entries(set)) {
    const isKnown = Object.hasOwn(DEFAULT_LIMITS, name);
    if (isKnown && (value === undefined || (Number.isSafeInteger(value) && value >= 1))) continue;
    throw new BatonError(
      "ARGUMENT_INVALID",
      isKnown
        ? `limits.${name} is ${String(value)}; it takes a whole number of one or more.`
        : `There is no limit ${name}; there are ${Object.keys(DEFAULT_LIMITS).join(", ")}.`,
      { details: { limit: name } },
    );
  }
  return { ...DEFAULT_LIMITS, ...set };
}
