/** What a workload gives, and how its figures are come by. */
import type { RawLimits } from "./raw.ts";

/** A figure that must be reached, and whether it was. */
export interface Target {
  readonly name: string;
  readonly value: number;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly met: boolean;
}

export interface Measurement {
  readonly workload: string;
  /** Runs that are under way at the same time. */
  readonly inFlight: number;
  readonly runs: number;
  readonly seconds: number;
  readonly runsPerSecond: number;
  /** Sealed steps; the items of a map count as steps here. */
  readonly stepsPerSecond: number;
  readonly entriesPerSecond: number;
  /** From the call of `start` to the result. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Size of the file after it was closed, by run. */
  readonly bytesPerRun: number;
  /** The largest resident set that was seen while measuring. */
  readonly peakRssMiB: number;
  /** What SQLite reaches on the same disk with rows as large as the workload's average entry. */
  readonly raw: RawLimits;
  /** entriesPerSecond / raw.groupCommit256PerSecond */
  readonly ratio: number;
  readonly targets: readonly Target[];
  /** What only this workload has. */
  readonly [detail: string]: unknown;
}

export function atLeast(name: string, value: number, bound: number): Target {
  return { name, value: rounded(value), atLeast: bound, met: value >= bound };
}

export function atMost(name: string, value: number, bound: number): Target {
  return { name, value: rounded(value), atMost: bound, met: value <= bound };
}

/** The value below which the given part of the samples lies; `samples` need not be sorted. */
export function quantile(samples: readonly number[], part: number): number {
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** Three significant digits, which is more than repeats agree on. */
export function rounded(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

/** The resident set of this process, watched. */
export interface RssWatch {
  /** MiB, in order. */
  readonly samples: readonly number[];
  /** Takes a sample now. */
  sample(): void;
  /** Ends, and gives the largest, in MiB. */
  stop(): number;
}

/** Often enough for a peak that lasts, seldom enough to cost nothing. */
const RSS_EVERY_MS = 20;

export function watchRss(): RssWatch {
  const samples: number[] = [];
  const sample = (): void => {
    samples.push(process.memoryUsage.rss() / 2 ** 20);
  };
  sample();
  const timer = setInterval(sample, RSS_EVERY_MS);
  return {
    samples,
    sample,
    stop: () => {
      clearInterval(timer);
      sample();
      return rounded(Math.max(...samples));
    },
  };
}
