/** memory: very many runs through one process. What it holds must not grow with how many it has seen. */
import { join } from "node:path";
import { sqlite } from "baton/sqlite";
import { creditMeasurement, flow, warmUp } from "./credit.ts";
import { atMost, type Measurement, median, rounded, watchRss } from "./measurement.ts";

export interface MemoryOptions {
  readonly folder: string;
  readonly inFlight: number;
  readonly runs: number;
}

/** More than this between the first quarter and the last is growth, less is the collector's mood. */
const GROWTH_MAX = 1.1;

export async function memory({ folder, inFlight, runs }: MemoryOptions): Promise<Measurement> {
  const raw = await warmUp(folder);
  const file = join(folder, "memory.db");
  const rss = watchRss();
  const heapMiB: number[] = [];
  const marks: number[] = [];
  const { seconds, latenciesMs } = await flow(sqlite(file), runs, inFlight, (run) => {
    if (run % 100 === 0) heapMiB.push(process.memoryUsage().heapUsed / 2 ** 20);
    if (run % Math.ceil(runs / 4) === 0) marks.push(rss.samples.length);
  });
  const peakRssMiB = rss.stop();
  const quarter = (samples: readonly number[], no: number): readonly number[] =>
    samples.slice((samples.length * no) / 4, (samples.length * (no + 1)) / 4);
  const rssByQuarter = [0, 1, 2, 3].map((no) =>
    median(rss.samples.slice(marks[no] ?? 0, marks[no + 1] ?? rss.samples.length)),
  );
  // What is left after a collection: the lowest that was seen.
  const heapByQuarter = [0, 1, 2, 3].map((no) => Math.min(...quarter(heapMiB, no)));
  const growth = (rssByQuarter[3] ?? Number.NaN) / (rssByQuarter[0] ?? Number.NaN);
  const measured = creditMeasurement("memory", {
    file,
    inFlight,
    runs,
    seconds,
    latenciesMs,
    peakRssMiB,
    raw,
  });
  return {
    ...measured,
    rssMiBByQuarter: rssByQuarter.map(rounded),
    heapLeftMiBByQuarter: heapByQuarter.map(rounded),
    targets: [atMost("resident set of the last quarter, of that of the first", growth, GROWTH_MAX)],
  };
}
