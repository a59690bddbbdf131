/**
 * long: one run of many steps. What a step costs must not depend on how many came before it, nor on the size of the document
 * that lies in the state. Each step reads the counter of the step before, and the whole document.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { agent, contract, open, type Workflow, workflow } from "baton";
import { sqlite } from "baton/sqlite";
import { z } from "zod";
import { fileFigures } from "./journal-file.ts";
import { atMost, type Measurement, median, quantile, rounded, watchRss } from "./measurement.ts";
import { rawLimits } from "./raw.ts";

const Start = contract("start", "1.0.0", z.object({ document: z.string(), count: z.number() }));
const Work = contract("work", "1.0.0", z.object({ document: z.string(), count: z.number() }));
const Count = contract("count", "1.0.0", z.object({ count: z.number() }));

type Input = { readonly document: string; readonly count: number };
type Output = { readonly count: number };

/** As many of the same step: more than the types of the builder could follow, and each with the same ones. */
interface Chain {
  step(
    name: string,
    worker: ReturnType<typeof counter>,
    options: {
      readonly needs: readonly string[];
      readonly input: (view: Readonly<Record<string, Input>>) => Input;
    },
  ): Chain;
  output(project: (view: Readonly<Record<string, Output>>) => Output): Workflow<Input, Output>;
}

function counter(ended: (count: number) => void) {
  return agent({
    name: "counter",
    version: "1.0.0",
    input: Work,
    output: Count,
    execute: async ({ count }) => {
      ended(count);
      return { count: count + 1 };
    },
  });
}

function chain(steps: number, ended: (count: number) => void): Workflow<Input, Output> {
  const worker = counter(ended);
  // The builder is the same at run time; see Chain.
  let built = workflow(`bench.long-${steps}`, "1.0.0", { input: Start }) as unknown as Chain;
  let before = "input";
  for (let i = 0; i < steps; i += 1) {
    const previous = before;
    before = `step-${i}`;
    built = built.step(before, worker, {
      needs: previous === "input" ? ["input"] : ["input", previous],
      input: (view) => ({
        document: view["input"]?.document ?? "",
        count: view[previous]?.count ?? 0,
      }),
    });
  }
  const last = before;
  return built.output((view) => view[last] ?? { count: -1 });
}

interface LongRun {
  readonly steps: number;
  readonly documentBytes: number;
  readonly seconds: number;
  readonly msPerStepAtStart: number;
  readonly msPerStepAtEnd: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly bytesPerStep: number;
  readonly fileBytes: number;
  readonly entries: number;
  readonly averageEntryBytes: number;
}

async function longRun(folder: string, steps: number, documentBytes: number): Promise<LongRun> {
  const file = join(folder, `long-${steps}-${documentBytes}-${process.hrtime.bigint()}.db`);
  const atMs = new Float64Array(steps + 1);
  const graph = chain(steps, (count) => {
    atMs[count] = performance.now();
  });
  const baton = await open({ store: sqlite(file), workflows: [graph] });
  const startMs = performance.now();
  const run = await baton.start(graph, { document: "d".repeat(documentBytes), count: 0 });
  const { count } = await run.result();
  atMs[steps] = performance.now();
  await baton.close();
  if (count !== steps) throw new Error(`The chain of ${steps} steps counted ${count}.`);
  const tenth = Math.floor(steps / 10);
  const each = Array.from({ length: steps }, (_, i) => (atMs[i + 1] ?? 0) - (atMs[i] ?? 0));
  const { entries, averageEntryBytes, blobBytes } = fileFigures(file);
  return {
    steps,
    documentBytes,
    seconds: ((atMs[steps] ?? 0) - startMs) / 1_000,
    msPerStepAtStart: ((atMs[tenth] ?? 0) - (atMs[0] ?? 0)) / tenth,
    msPerStepAtEnd: ((atMs[steps] ?? 0) - (atMs[steps - tenth] ?? 0)) / tenth,
    p50Ms: quantile(each, 0.5),
    p99Ms: quantile(each, 0.99),
    // The document and the workflow's graph are blobs, stored once; what is left grows with the steps.
    bytesPerStep: (statSync(file).size - blobBytes) / steps,
    fileBytes: statSync(file).size,
    entries,
    averageEntryBytes,
  };
}

const LENGTHS = [100, 1_000, 10_000];
const DOCUMENT_BYTES = 10_240;
const DOCUMENTS_BYTES = [1_024, DOCUMENT_BYTES, 102_400];
/** Steps of the run that shows what the document's size does. */
const DOCUMENT_STEPS = 1_000;
const REPEATS = 3;

/** The median of several runs, by `figure`. */
async function repeated(
  folder: string,
  steps: number,
  bytes: number,
  figure: (run: LongRun) => number,
): Promise<LongRun> {
  const runs: LongRun[] = [];
  for (let i = 0; i < REPEATS; i += 1) runs.push(await longRun(folder, steps, bytes));
  const middle = median(runs.map(figure));
  const found = runs.find((run) => figure(run) === middle);
  if (found === undefined) throw new Error("There was no run to take the median of.");
  return found;
}

function endToStart({ msPerStepAtEnd, msPerStepAtStart }: LongRun): number {
  return msPerStepAtEnd / msPerStepAtStart;
}

export async function long({ folder }: { readonly folder: string }): Promise<Measurement> {
  const warm = await longRun(folder, 2_000, DOCUMENT_BYTES);
  const raw = await rawLimits(folder, warm.averageEntryBytes);
  const rss = watchRss();
  const lengths: LongRun[] = [];
  for (const steps of LENGTHS)
    lengths.push(await repeated(folder, steps, DOCUMENT_BYTES, endToStart));
  const documents: LongRun[] = [];
  for (const bytes of DOCUMENTS_BYTES) {
    documents.push(await repeated(folder, DOCUMENT_STEPS, bytes, ({ seconds }) => seconds));
  }
  const longest = lengths.at(-1) ?? warm;
  const [small, , large] = documents;
  const growth = (large?.bytesPerStep ?? Number.NaN) / (small?.bytesPerStep ?? Number.NaN);
  const { steps, entries, seconds } = longest;
  return {
    workload: "long",
    inFlight: 1,
    runs: 1,
    seconds: rounded(seconds),
    runsPerSecond: rounded(1 / seconds),
    stepsPerSecond: rounded(steps / seconds),
    entriesPerSecond: rounded(entries / seconds),
    // Of a step: there is one run.
    p50Ms: rounded(longest.p50Ms),
    p99Ms: rounded(longest.p99Ms),
    bytesPerRun: longest.fileBytes,
    peakRssMiB: rss.stop(),
    raw,
    ratio: rounded(entries / seconds / raw.groupCommit256PerSecond),
    lengths: lengths.map(shown),
    documents: documents.map(shown),
    targets: [
      atMost("time per step at the end of 10,000, of that at the start", endToStart(longest), 1.2),
      atMost("bytes per step over a document of 100 KB, of those over 1 KB", growth, 1.05),
    ],
  };
}

function shown(run: LongRun) {
  return {
    steps: run.steps,
    documentBytes: run.documentBytes,
    seconds: rounded(run.seconds),
    msPerStepAtStart: rounded(run.msPerStepAtStart),
    msPerStepAtEnd: rounded(run.msPerStepAtEnd),
    endToStart: rounded(endToStart(run)),
    bytesPerStep: rounded(run.bytesPerStep),
  };
}
