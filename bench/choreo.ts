/** choreo: events through three hops of a choreography, beside the same three agents as the steps of a workflow. */
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { agent, choreography, contract, on, open, topic, workflow } from "baton";
import { sqlite } from "baton/sqlite";
import { z } from "zod";
import { warmUp } from "./credit.ts";
import { fileFigures } from "./journal-file.ts";
import { atLeast, type Measurement, median, quantile, rounded, watchRss } from "./measurement.ts";

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

// With the same deadline: a choreography with an end must have one, and it has its price.
const orchestrated = workflow("orchestrated", "1.0.0", {
  input: Finding,
  output: Finding,
  deadline: "1h",
})
  .step("research", research, { input: ({ input }) => input })
  .step("analysis", analysis, { needs: ["research"], input: ({ research: found }) => found })
  .step("writing", writing, { needs: ["analysis"], input: ({ analysis: analysed }) => analysed })
  .output(({ writing: written }) => written);

const HOPS = 3;

/** Events of a run: the first comes from outside. */
const EVENTS = HOPS + 1;

const WAYS = ["orchestrated", "started", "published"] as const;
type Way = (typeof WAYS)[number];

interface Flow {
  readonly seconds: number;
  /** Of all threads. */
  readonly cpuMicroseconds: number;
  readonly latenciesMs: readonly number[];
}

/** `runs` runs, `inFlight` at a time, each from its beginning to its end. Their ids begin with `mark`. */
async function flow(
  way: Way,
  file: string,
  { runs, inFlight, mark }: Omit<ChoreoOptions, "folder"> & { readonly mark: string },
): Promise<Flow> {
  const baton = await open({ store: sqlite(file), workflows: [choreographed, orchestrated] });
  const begin = async (n: number) => {
    const id = `${mark}-${n}`;
    const finding = { id, confidence: 0.9 };
    if (way === "orchestrated") return await baton.start(orchestrated, finding, { id });
    if (way === "started") return await baton.start(choreographed, finding, { id });
    // The subscription begins the run a moment after its event: then there is a handle of it.
    const begun = new Promise<void>((resolve) => atLastHop.set(id, resolve));
    await baton.publish(Asked, finding, { id });
    await begun;
    atLastHop.delete(id);
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
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  await Promise.all(Array.from({ length: inFlight }, work));
  const seconds = (performance.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  await baton.close();
  return { seconds, cpuMicroseconds: user + system, latenciesMs };
}

type Flows = Readonly<Record<Way, Flow>>;

/** The three ways by turns, so that all of them meet the same machine. */
async function byTurns(
  fileOf: (way: Way) => string,
  rounds: number,
  options: Omit<ChoreoOptions, "folder">,
): Promise<readonly Flows[]> {
  const all: Flows[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const mark = `r${round}`;
    const one = (way: Way) => flow(way, fileOf(way), { ...options, mark });
    all.push({
      orchestrated: await one("orchestrated"),
      started: await one("started"),
      published: await one("published"),
    });
  }
  return all;
}

const ROUNDS = 10;
/** With one at a time: enough for a p99. */
const ALONE_RUNS = 1_000;

export async function choreo({ folder, inFlight, runs }: ChoreoOptions): Promise<Measurement> {
  const raw = await warmUp(folder);
  const fileOf = (way: Way) => join(folder, `${way}.db`);
  const clear = () => {
    for (const way of WAYS) rmSync(fileOf(way));
  };
  await byTurns(fileOf, 1, { runs: 2_000, inFlight });
  clear();
  const rss = watchRss();
  const rounds = await byTurns(fileOf, ROUNDS, { runs: Math.ceil(runs / ROUNDS), inFlight });
  const peakRssMiB = rss.stop();
  const { entries } = fileFigures(fileOf("published"));
  const { size } = statSync(fileOf("published"));
  clear();
  const alone = await flow("published", fileOf("published"), {
    runs: ALONE_RUNS,
    inFlight: 1,
    mark: "a",
  });
  rmSync(fileOf("published"));

  const made = Math.ceil(runs / ROUNDS) * ROUNDS;
  const secondsOf = (way: Way) => rounds.reduce((sum, each) => sum + each[way].seconds, 0);
  const cpuOf = (way: Way) =>
    rounded((median(rounds.map((each) => each[way].cpuMicroseconds)) * ROUNDS) / made);
  // Each round for itself: what else the machine does comes and goes.
  const ratio = median(rounds.map((each) => each.orchestrated.seconds / each.published.seconds));
  const seconds = secondsOf("published");
  const latenciesMs = rounds.flatMap((each) => each.published.latenciesMs);
  return {
    workload: "choreo",
    inFlight,
    runs: made,
    seconds: rounded(seconds),
    runsPerSecond: rounded(made / seconds),
    stepsPerSecond: rounded((made * HOPS) / seconds),
    entriesPerSecond: rounded(entries / seconds),
    p50Ms: rounded(quantile(latenciesMs, 0.5)),
    p99Ms: rounded(quantile(latenciesMs, 0.99)),
    bytesPerRun: rounded(size / made),
    peakRssMiB,
    raw,
    ratio: rounded(entries / seconds / raw.groupCommit256PerSecond),
    targets: [
      atLeast("deliveries / orchestrated steps", ratio, 0.5),
      atLeast("events / orchestrated steps", (ratio * EVENTS) / HOPS, 0.5),
    ],
    eventsPerSecond: rounded((made * EVENTS) / seconds),
    orchestratedStepsPerSecond: rounded((made * HOPS) / secondsOf("orchestrated")),
    startedDeliveriesPerSecond: rounded((made * HOPS) / secondsOf("started")),
    aloneP50Ms: rounded(quantile(alone.latenciesMs, 0.5)),
    aloneP99Ms: rounded(quantile(alone.latenciesMs, 0.99)),
    orchestratedCpuMicrosecondsPerRun: cpuOf("orchestrated"),
    startedCpuMicrosecondsPerRun: cpuOf("started"),
    publishedCpuMicrosecondsPerRun: cpuOf("published"),
    deliveriesPerOrchestratedStepByCpu: rounded(cpuOf("orchestrated") / cpuOf("published")),
  };
}
