/** credit: many short runs. How many a second, how long one takes, and what of SQLite's own limit is reached. */
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { open, type StoreFactory } from "baton";
import { sqlite } from "baton/sqlite";
import { application, creditGraph } from "./credit-graph.ts";
import { fileFigures } from "./journal-file.ts";
import { atLeast, atMost, type Measurement, quantile, rounded, watchRss } from "./measurement.ts";
import { rawCommits, type RawLimits, rawLimits } from "./raw.ts";

export interface CreditOptions {
  readonly folder: string;
  readonly inFlight: number;
  readonly runs: number;
}

/** Long enough for the compiler of the engine to have done its work, many at a time so that no disk makes it long. */
const WARM_UP_RUNS = 3_000;
const WARM_UP_IN_FLIGHT = 256;

export function creditRuns(inFlight: number): number {
  return inFlight === 1 ? 2_000 : inFlight < 100 ? 10_000 : 30_000;
}

export interface Flow {
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
}

/** Starts `runs` runs of the graph, `inFlight` at a time, and waits for all of them. */
export async function flow(
  store: StoreFactory,
  runs: number,
  inFlight: number,
  ended?: (run: number) => void,
): Promise<Flow> {
  const graph = creditGraph();
  const baton = await open({ store, workflows: [graph] });
  const latenciesMs: number[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < runs) {
      const n = next;
      next += 1;
      const fromMs = performance.now();
      const run = await baton.start(graph, application(n), { id: `application-${n}` });
      await run.result();
      latenciesMs.push(performance.now() - fromMs);
      ended?.(n);
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: inFlight }, work));
  const seconds = (performance.now() - startMs) / 1_000;
  await baton.close();
  return { seconds, latenciesMs };
}

/** Warms up, and measures the raw limits with rows of the size that the warm-up wrote. */
export async function warmUp(folder: string): Promise<RawLimits> {
  const file = join(folder, "warm-up.db");
  await flow(sqlite(file), WARM_UP_RUNS, WARM_UP_IN_FLIGHT);
  const { averageEntryBytes } = fileFigures(file);
  rmSync(file);
  return await rawLimits(folder, averageEntryBytes);
}

export async function credit({ folder, inFlight, runs }: CreditOptions): Promise<Measurement> {
  const raw = await warmUp(folder);
  const file = join(folder, "credit.db");
  const rss = watchRss();
  const { seconds, latenciesMs } = await flow(sqlite(file), runs, inFlight);
  const peakRssMiB = rss.stop();
  const measured = creditMeasurement("credit", {
    file,
    inFlight,
    runs,
    seconds,
    latenciesMs,
    peakRssMiB,
    raw,
  });
  if (inFlight !== 1) return measured;
  const p50InRawCommits = await runInRawCommits(folder, raw.rowBytes);
  return {
    ...measured,
    p50InRawCommits: rounded(p50InRawCommits),
    targets: [atMost("p50 of a run, in raw commits", p50InRawCommits, 8)],
  };
}

const PAIRED_RUNS = 1_000;
const PAIRED_EVERY = 10;

/** How many raw commits a run takes, one at a time: ten runs and ten commits by turns, so that both meet the same disk. */
async function runInRawCommits(folder: string, rowBytes: number): Promise<number> {
  const commits = rawCommits(folder, rowBytes);
  const store = sqlite(join(folder, "paired.db"));
  const { latenciesMs } = await flow(store, PAIRED_RUNS, 1, (run) => {
    if (run % PAIRED_EVERY === 0) commits.commit(PAIRED_EVERY);
  });
  return quantile(latenciesMs, 0.5) / commits.close();
}

export interface CreditFigures extends Flow {
  readonly file: string;
  readonly inFlight: number;
  readonly runs: number;
  readonly peakRssMiB: number;
  readonly raw: RawLimits;
}

export function creditMeasurement(workload: string, figures: CreditFigures): Measurement {
  const { file, inFlight, runs, seconds, latenciesMs, peakRssMiB, raw } = figures;
  const { entries, steps, averageEntryBytes } = fileFigures(file);
  const p50Ms = quantile(latenciesMs, 0.5);
  const ratio = entries / seconds / raw.groupCommit256PerSecond;
  return {
    workload,
    inFlight,
    runs,
    seconds: rounded(seconds),
    runsPerSecond: rounded(runs / seconds),
    stepsPerSecond: rounded(steps / seconds),
    entriesPerSecond: rounded(entries / seconds),
    p50Ms: rounded(p50Ms),
    p99Ms: rounded(quantile(latenciesMs, 0.99)),
    bytesPerRun: rounded(statSync(file).size / runs),
    peakRssMiB,
    raw,
    ratio: rounded(ratio),
    entriesPerRun: rounded(entries / runs),
    averageEntryBytes,
    targets:
      inFlight === 256 ? [atLeast("entries per second, of raw group commit", ratio, 0.1)] : [],
  };
}
