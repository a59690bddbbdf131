/** The thread that makes traces: reads the store, folds, encodes and sends. {@link startTraceThread} starts it. */
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { basename } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import type { JournalStore, StoreFactory } from "../../ports/journal-store.ts";
import type { LogLine } from "../../ports/log-sink.ts";
import type { Portable } from "../../ports/portable.ts";
import type { TraceSink, Tracing } from "../../ports/tracing.ts";
import { systemClock } from "../system-clock.ts";
import { type RunningTracing, startTracing } from "../tracing.ts";
import type {
  AskName,
  Answer,
  FromTraces,
  InputBatch,
  ToTraces,
  TraceThreadData,
} from "./messages.ts";
import { restWhileBusy } from "./rest.ts";
import { type AskThere, toldContent } from "./told-content.ts";
import { toldInputs } from "./told-inputs.ts";

// What the thread that started this one gave.
const data = workerData as TraceThreadData;
const told = toldInputs();
const asks = new Map<number, { resolve: (value: unknown) => void; refuse: (why: Error) => void }>();
let lastAsk = 0;

function say(message: FromTraces): void {
  parentPort?.postMessage(message);
}

const ask: AskThere = (name, asked) => {
  lastAsk += 1;
  const id = lastAsk;
  say({ kind: "ask", id, name, asked });
  return new Promise<Answer<AskName>>((resolve, refuse) => {
    asks.set(id, { resolve: resolve as (value: unknown) => void, refuse });
  }) as never;
};

function log(line: LogLine): void {
  say({ kind: "log", line });
}

/** What a module makes of plain data. */
async function made(from: Portable): Promise<unknown> {
  const { inThread } = (await import(from.module)) as { inThread: (options: unknown) => unknown };
  return inThread(from.options);
}

interface Opened {
  readonly store: JournalStore;
  readonly sink: TraceSink;
}

async function opened(): Promise<Opened> {
  const store = await ((await made(data.store)) as StoreFactory)({ readOnly: true });
  const tracing = (await made(data.tracing)) as Tracing;
  const sink = await tracing.open((level, message) =>
    log({ level, message, at: systemClock.now() }),
  );
  return { store, sink };
}

/** The thread is heard before each page, however little there is in it to send. */
function attentive(store: JournalStore): JournalStore {
  return {
    ...store,
    arrivals: async (after, limit) => {
      await new Promise((resolve) => setImmediate(resolve));
      return await store.arrivals(after, limit);
    },
  };
}

function start({ store, sink }: Opened, from: number): RunningTracing {
  if (process.platform === "linux") standBack();
  const { namespace, limits, topics } = data;
  let position = from;
  return startTracing({
    store: attentive(store),
    namespace,
    clock: systemClock,
    log,
    sink,
    rest: restWhileBusy(() => systemClock.monotonicMs()),
    content:
      topics === undefined ? undefined : toldContent({ namespace, limits, topics, told, ask }),
    place: {
      position: () => position,
      moved: async (to) => {
        await ask("moved", to);
        position = to;
      },
    },
  });
}

function took(batch: InputBatch): void {
  told.take(batch);
  say({ kind: "took", characters: batch.characters });
}

/** Where there are fewer cores than work, runs go first: what waits here waits in the journal. */
const NICE = 10;

/** Linux gives each thread a priority of its own; elsewhere it stays as it is. */
function standBack(): void {
  try {
    setPriority(Number(basename(readlinkSync("/proc/thread-self"))), NICE);
  } catch {
    // No such file, or no such right.
  }
}

async function main(): Promise<void> {
  let parts: Opened;
  try {
    parts = await opened();
  } catch (error) {
    return say({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
  let running: RunningTracing | undefined;
  parentPort?.on("message", (message: ToTraces) => {
    if (message.kind === "start") running = start(parts, message.position);
    if (message.kind === "inputs") took(message.batch);
    if (message.kind === "answer") asks.get(message.id)?.resolve(message.value);
    if (message.kind === "refused") asks.get(message.id)?.refuse(new Error(message.message));
    if (message.kind === "answer" || message.kind === "refused") asks.delete(message.id);
    if (message.kind === "measures") running?.measure(message.measures);
    if (message.kind === "stop") void stop(running, parts, message.limitMs);
  });
  say({ kind: "ready" });
}

async function stop(
  running: RunningTracing | undefined,
  { store }: Opened,
  limitMs: number,
): Promise<void> {
  await running?.stop(limitMs);
  await store.close();
  say({ kind: "stopped" });
  parentPort?.close();
}

await main();
