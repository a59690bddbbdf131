/**
 * tracing: what traces cost the thread that executes, and whoever makes them. The credit graph by turns without traces, with them
 * made in a thread of their own, and in the thread that executes; each with inputs and outputs, to a collector in another process.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { open, type Tracing } from "baton";
import { otel } from "baton/otel";
import { sqlite } from "baton/sqlite";
import { creditMeasurement, warmUp } from "./credit.ts";
import { application, creditGraph } from "./credit-graph.ts";
import { atLeast, atMost, type Measurement, median, rounded, watchRss } from "./measurement.ts";

export interface TracingOptions {
  readonly folder: string;
  readonly inFlight: number;
  /** Of each way in each round. */
  readonly runs: number;
}

const ROUNDS = 5;
/** The tool's own promise: what traces may cost the thread that executes. */
const COST_MAX = 1.1;

/** One round of one way. */
interface Round {
  readonly file: string;
  readonly latenciesMs: readonly number[];
  /** To the last outcome. */
  readonly seconds: number;
  /** To the end of closing, when all was sent. */
  readonly sentSeconds: number;
  /** CPU time of the thread that executes, in microseconds a run, opening and closing included. */
  readonly executing: number;
  /** The same of the whole process. */
  readonly process: number;
}

export async function tracing(options: TracingOptions): Promise<Measurement> {
  const { folder, inFlight, runs } = options;
  const raw = await warmUp(folder);
  const collector = fork(fileURLToPath(import.meta.url), ["collect"]);
  const [port] = (await once(collector, "message")) as readonly unknown[];
  const traced = otel({ url: `http://127.0.0.1:${String(port)}/v1/traces` });
  const { inThread: _, ...here } = traced;
  const ways: Readonly<Record<string, Tracing | undefined>> = {
    without: undefined,
    ownThread: traced,
    executingThread: here,
  };
  const rss = watchRss();
  // Once, so that all is compiled.
  for (const [way, each] of Object.entries(ways)) await round(options, `warm-${way}`, each);
  const rounds = new Map<string, Round[]>();
  for (let no = 0; no < ROUNDS; no += 1)
    for (const [way, each] of Object.entries(ways))
      rounds.set(way, [...(rounds.get(way) ?? []), await round(options, `${way}-${no}`, each)]);
  const peakRssMiB = rss.stop();
  collector.disconnect();
  const of = (way: string, figure: (each: Round) => number) =>
    median((rounds.get(way) ?? []).map(figure));
  const [last] = (rounds.get("ownThread") ?? []).slice(-1);
  if (last === undefined) throw new Error("Nothing was measured.");
  const figures = Object.keys(ways).map((way) => ({
    way,
    runsPerSecond: rounded(of(way, ({ seconds }) => runs / seconds)),
    sentRunsPerSecond: rounded(of(way, ({ sentSeconds }) => runs / sentSeconds)),
    executingMicroseconds: rounded(of(way, ({ executing }) => executing)),
    processMicroseconds: rounded(of(way, ({ process: all }) => all)),
  }));
  const cost =
    of("ownThread", ({ executing }) => executing) / of("without", (each) => each.executing);
  const kept =
    of("ownThread", ({ seconds }) => 1 / seconds) / of("without", (each) => 1 / each.seconds);
  return {
    ...creditMeasurement("tracing", { ...last, inFlight, runs, peakRssMiB, raw }),
    ways: figures,
    targets: [
      atMost("CPU of the executing thread with traces, of that without", cost, COST_MAX),
      atLeast("runs a second with traces, of those without", kept, 1 / COST_MAX),
    ],
  };
}

async function round(
  { folder, inFlight, runs }: TracingOptions,
  name: string,
  tracing: Tracing | undefined,
): Promise<Round> {
  const file = join(folder, `${name}.db`);
  const graph = creditGraph();
  const [cpuBefore, executingBefore] = [process.cpuUsage(), executingMicroseconds()];
  const openedMs = performance.now();
  const baton = await open({
    store: sqlite(file),
    workflows: [graph],
    ...(tracing === undefined ? {} : { tracing }),
  });
  const latenciesMs: number[] = [];
  let next = 0;
  const startMs = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < runs) {
        const fromMs = performance.now();
        await (await baton.start(graph, application(next++))).outcome();
        latenciesMs.push(performance.now() - fromMs);
      }
    }),
  );
  const seconds = (performance.now() - startMs) / 1_000;
  await baton.close();
  const sentSeconds = (performance.now() - openedMs) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const executing = (executingMicroseconds() - executingBefore) / runs;
  if (tracing !== undefined) await checkAllSent(file, tracing.name);
  return { file, latenciesMs, seconds, sentSeconds, executing, process: (user + system) / runs };
}

/** A figure of runs whose traces were not all sent would be a lie. */
async function checkAllSent(file: string, name: string): Promise<void> {
  const store = await sqlite(file)({ readOnly: true });
  const stream = { namespace: "default", stream: `projection/${name}` };
  const head = await store.head(stream);
  const [last] = await store.read(stream, head?.lastSeq ?? 0, 1);
  const { payload } = JSON.parse(last?.text ?? "{}") as { payload?: { position: number } };
  const unsent = (await store.arrivals(payload?.position ?? 0, 10)).filter(
    (each) => !each.stream.startsWith("projection/"),
  );
  await store.close();
  if (unsent.length > 0)
    throw new Error(`Not everything of ${file} was sent before it was closed.`);
}

/** CPU time of the main thread, where Linux tells it; else of the process. */
function executingMicroseconds(): number {
  try {
    const [nanoseconds = ""] = readFileSync(
      `/proc/self/task/${process.pid}/schedstat`,
      "utf8",
    ).split(" ");
    return Number(nanoseconds) / 1_000;
  } catch {
    const { user, system } = process.cpuUsage();
    return user + system;
  }
}

/** Answers 200 to everything. */
function collect(): void {
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.end());
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
  process.once("disconnect", () => process.exit(0));
}

if (process.argv[2] === "collect") collect();
