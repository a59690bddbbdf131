/** choreo: events through three hops of a choreography, beside the same three agents as the steps of a workflow. */
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { agent, choreography, contract, on, open, topic, workflow } from "baton";
import { sqlite } from "baton/sqlite";
import { z } from "zod";
import { warmUp } from "./credit.ts";
import { fileFigures } from "./journal-file.ts";
import { atLeast, type Measurement, quantile, rounded, watchRss } from "./measurement.ts";

export interface ChoreoOptions {
  readonly folder: string;
  readonly inFlight: number;
  readonly runs: number;
}

const Finding = contract("finding", "1.0.0", z.object({ id: z.string(), confidence: z.number() }));
const [Asked, Found, Analysed, Written] = [
  topic("asked", Finding),
  topic("found", Finding),
  topic("analysed", Finding),
  topic("written", Finding),
] as const;

const hop = (name: string) =>
  agent({
    name,
    version: "1.0.0",
    input: Finding,
    output: Finding,
    execute: ({ id, confidence }) => Promise.resolve({ id, confidence }),
  });
const [research, analysis] = [hop("research"), hop("analysis")] as const;

/** By finding: whoever waits until its run has come to its last hop. */
const atLastHop = new Map<string, () => void>();
const writing = agent({
  name: "writing",
  version: "1.0.0",
  input: Finding,
  output: Finding,
  execute: ({ id, confidence }) => {
    atLastHop.get(id)?.();
    return Promise.resolve({ id, confidence });
  },
});

const choreographed = choreography("report", "1.0.0", {
  starts: Asked,
  ends: Written,
  deadline: "1h",
  subscriptions: {
    research: on(Asked, research, { publishes: Found }),
    analysis: on(Found, analysis, { publishes: Analysed }),
    writing: on(Analysed, writing, { publishes: Written }),
  },
});

const orchestrated = workflow("orchestrated", "1.0.0", { input: Finding, output: Finding })
  .step("research", research, { input: ({ input }) => input })
  .step("analysis", analysis, { needs: ["research"], input: ({ research: found }) => found })
  .step("writing", writing, { needs: ["analysis"], input: ({ analysis: analysed }) => analysed })
  .output(({ writing: written }) => written);

const HOPS = 3;

interface Way {
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
}

/** `runs` runs, `inFlight` at a time, each from its beginning to its end. */
async function flow(
  { runs, inFlight }: ChoreoOptions,
  file: string,
  way: "published" | "started" | "orchestrated",
): Promise<Way> {
  const baton = await open({ store: sqlite(file), workflows: [choreographed, orchestrated] });
  const begin = async (n: number) => {
    const finding = { id: `f${n}`, confidence: 0.9 };
    if (way === "orchestrated") return await baton.start(orchestrated, finding, { id: `o${n}` });
    if (way === "started") return await baton.start(choreographed, finding, { id: `s${n}` });
    const id = `e${n}`;
    // The subscription begins the run a moment after its event: then there is a handle of it.
    const begun = new Promise<void>((resolve) => atLastHop.set(finding.id, resolve));
    await baton.publish(Asked, finding, { id });
    await begun;
    atLastHop.delete(finding.id);
    return await baton.run(`${id}/report`);
  };
  const latenciesMs: number[] = [];
  let next = 0;
  const work = async () => {
    while (next < runs) {
      const n = next;
      next += 1;
      const fromMs = performance.now();
      const run = await begin(n);
      await run.result();
      latenciesMs.push(performance.now() - fromMs);
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: inFlight }, work));
  const seconds = (performance.now() - startMs) / 1_000;
  await baton.close();
  return { seconds, latenciesMs };
}

export async function choreo(options: ChoreoOptions): Promise<Measurement> {
  const { folder, inFlight, runs } = options;
  const raw = await warmUp(folder);
  const at = (name: string) => join(folder, `${name}.db`);
  await flow({ ...options, runs: 2_000 }, at("warm"), "published");
  const steps = await flow(options, at("orchestrated"), "orchestrated");
  const started = await flow(options, at("started"), "started");
  const rss = watchRss();
  const { seconds, latenciesMs } = await flow(options, at("choreo"), "published");
  const peakRssMiB = rss.stop();
  const { entries } = fileFigures(at("choreo"));
  const { size } = statSync(at("choreo"));
  for (const name of ["warm", "orchestrated", "started", "choreo"]) rmSync(at(name));
  const stepsPerSecond = (runs * HOPS) / seconds;
  const orchestratedPerSecond = (runs * HOPS) / steps.seconds;
  return {
    workload: "choreo",
    inFlight,
    runs,
    seconds: rounded(seconds),
    runsPerSecond: rounded(runs / seconds),
    stepsPerSecond: rounded(stepsPerSecond),
    entriesPerSecond: rounded(entries / seconds),
    p50Ms: rounded(quantile(latenciesMs, 0.5)),
    p99Ms: rounded(quantile(latenciesMs, 0.99)),
    bytesPerRun: rounded(size / runs),
    peakRssMiB,
    raw,
    ratio: rounded(entries / seconds / raw.groupCommit256PerSecond),
    targets: [
      atLeast("deliveries / orchestrated steps", stepsPerSecond / orchestratedPerSecond, 0.5),
    ],
    // The first event of each run comes from outside.
    eventsPerSecond: rounded((runs * (HOPS + 1)) / seconds),
    orchestratedStepsPerSecond: rounded(orchestratedPerSecond),
    startedDeliveriesPerSecond: rounded((runs * HOPS) / started.seconds),
  };
}
