/** wide: one map over many items. Ten times the items must take about ten times as long. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { agent, contract, open, workflow } from "baton";
import { sqlite } from "baton/sqlite";
import { z } from "zod";
import { fileFigures } from "./journal-file.ts";
import { atMost, type Measurement, median, quantile, rounded, watchRss } from "./measurement.ts";
import { rawLimits } from "./raw.ts";

const Item = z.object({ id: z.string(), value: z.number() });
const ItemContract = contract("item", "1.0.0", Item);
const Items = contract("items", "1.0.0", z.object({ items: z.array(Item) }));
const Checked = contract("checked", "1.0.0", z.object({ value: z.number() }));

const checker = agent({
  name: "checker",
  version: "1.0.0",
  input: ItemContract,
  output: Checked,
  execute: async ({ value }) => ({ value: value * 2 }),
});

/** Items that are executed at the same time. */
const CONCURRENCY = 256;

const graph = workflow("bench.wide", "1.0.0", { input: Items })
  .map("checks", checker, {
    over: ({ input }) => input.items,
    input: (item) => item,
    concurrency: CONCURRENCY,
  })
  .output(({ checks }) => ({ count: checks.length }));

interface WideRun {
  readonly seconds: number;
  readonly file: string;
  readonly peakRssMiB: number;
}

async function wideRun(folder: string, width: number, no: number): Promise<WideRun> {
  const file = join(folder, `wide-${width}-${no}.db`);
  const baton = await open({ store: sqlite(file), workflows: [graph] });
  const items = Array.from({ length: width }, (_, i) => ({ id: `item-${i}`, value: i }));
  const rss = watchRss();
  const startMs = performance.now();
  const { count } = await (await baton.start(graph, { items })).result();
  const seconds = (performance.now() - startMs) / 1_000;
  const peakRssMiB = rss.stop();
  await baton.close();
  if (count !== width) throw new Error(`The map over ${width} items gave ${count}.`);
  return { seconds, file, peakRssMiB };
}

const NARROW = 1_000;
const WIDE = 10_000;
const REPEATS = 5;

export async function wide({ folder }: { readonly folder: string }): Promise<Measurement> {
  for (let i = 0; i < 5; i += 1) await wideRun(folder, NARROW, -1 - i);
  const { averageEntryBytes } = fileFigures(join(folder, `wide-${NARROW}--1.db`));
  const raw = await rawLimits(folder, averageEntryBytes);
  const narrow: WideRun[] = [];
  const broad: WideRun[] = [];
  // By turns, so that what else the machine does falls on both.
  for (let i = 0; i < REPEATS; i += 1) {
    narrow.push(await wideRun(folder, NARROW, i));
    broad.push(await wideRun(folder, WIDE, i));
  }
  const narrowSeconds = median(narrow.map(({ seconds }) => seconds));
  const times = broad.map(({ seconds }) => seconds);
  const seconds = median(times);
  const file = broad[0]?.file ?? "";
  const { entries, steps } = fileFigures(file);
  return {
    workload: "wide",
    inFlight: 1,
    runs: 1,
    seconds: rounded(seconds),
    runsPerSecond: rounded(1 / seconds),
    stepsPerSecond: rounded(steps / seconds),
    entriesPerSecond: rounded(entries / seconds),
    p50Ms: rounded(seconds * 1_000),
    p99Ms: rounded(quantile(times, 0.99) * 1_000),
    bytesPerRun: statSync(file).size,
    peakRssMiB: Math.max(...broad.map(({ peakRssMiB }) => peakRssMiB)),
    raw,
    ratio: rounded(entries / seconds / raw.groupCommit256PerSecond),
    concurrency: CONCURRENCY,
    secondsByWidth: { [NARROW]: rounded(narrowSeconds), [WIDE]: rounded(seconds) },
    targets: [
      atMost("time of 10,000 items, of that of 1,000", seconds / narrowSeconds, 12),
      atMost("seconds for 10,000 items", seconds, 2),
    ],
  };
}
