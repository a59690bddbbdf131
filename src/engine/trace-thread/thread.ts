/**
 * The thread that makes traces, seen from the one that executes, which only keeps the place and helps with what needs the user's code.
 *
 * H1. What the thread has not read is in the journal. One that dies is started again, and begins from the place.
 * H2. It keeps no process alive, except while it is being started or stopped, and each has a limit.
 */
import { Worker } from "node:worker_threads";
import type { Clock } from "../../ports/clock.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import type { LogSink } from "../../ports/log-sink.ts";
import type { Portable } from "../../ports/portable.ts";
import { pauses, within } from "../../ports/waiting.ts";
import type { EngineMeasures } from "../../ports/tracing.ts";
import type { Catalogue } from "../definitions.ts";
import type { ContentParts } from "../trace-content.ts";
import { messageOf, type ProjectionPlace, type RunningTracing } from "../tracing.ts";
import { type Answering, answering } from "./answers.ts";
import type { InputFeed } from "./input-feed.ts";
import type { FromTraces, TopicMarks, ToTraces, TraceThreadData } from "./messages.ts";

export interface TraceThreadParts extends ContentParts {
  readonly store: JournalStore;
  readonly namespace: string;
  readonly clock: Clock;
  readonly log: LogSink;
  /** How the thread opens the store, and makes the tracing. */
  readonly there: { readonly store: Portable; readonly tracing: Portable };
  /** Whether spans have inputs and outputs. */
  readonly content: boolean;
  readonly feed: InputFeed;
}

/** A thread that is ready, and waits to be started. */
export interface TraceThread {
  readonly start: (place: ProjectionPlace) => RunningTracing;
  readonly abandon: () => Promise<void>;
}

const IS_SOURCE = import.meta.url.endsWith(".ts");
const ENTRY = new URL(IS_SOURCE ? "worker.ts" : "worker.js", import.meta.url);
/** Node reads no TypeScript by itself. What the process was started with is of its own code, and not for this. */
const EXEC_ARGV = IS_SOURCE
  ? ["--import", new URL("../../../node_modules/jiti/lib/jiti-register.mjs", import.meta.url).href]
  : [];
/** Spans live for one batch: where there is room for a few batches, what is collected is dead, and costs nothing. */
const YOUNG_MB = 64;
/** How long a thread may take to be ready. Usual are some tenths of a second, and seconds on a machine that has too much to do. */
const READY_MS = 30_000;
/** Pauses before it is started again. */
const RESTART_MIN_MS = 1_000;
const RESTART_MAX_MS = 60_000;
/** For what it has to say at the end, besides the limit for what it sends. */
const LAST_WORDS_MS = 1_000;

/** @throws where no thread can be started, or nothing can be opened in it */
export async function openTraceThread(parts: TraceThreadParts): Promise<TraceThread> {
  const first = await begin(parts);
  return {
    start: (place) => supervised({ ...parts, place }, first),
    abandon: () => first.end(),
  };
}

/** One life of the thread. */
interface Life {
  /** Why it ended. */
  readonly ended: Promise<string>;
  readonly start: (answering: Answering, position: number) => void;
  readonly measure: (measures: EngineMeasures) => void;
  readonly stop: (limitMs: number) => Promise<void>;
  readonly end: () => Promise<void>;
}

type StartedParts = TraceThreadParts & { readonly place: ProjectionPlace };

/** Begins where the place says, and again as often as it must. */
function supervised(parts: StartedParts, first: Life): RunningTracing {
  const { feed, place } = parts;
  const answers = answering(parts);
  const pause = pauses(parts.clock);
  const stopping = new AbortController();
  let life: Life | undefined = first;
  const supervise = async () => {
    for (let pauseMs = RESTART_MIN_MS; ; pauseMs = Math.min(pauseMs * 2, RESTART_MAX_MS)) {
      const from = place.position();
      life?.start(answers, from);
      const why = await life?.ended;
      feed.connect();
      if (stopping.signal.aborted) return;
      if (why !== undefined)
        tell(parts, `The thread of traces has died, and is started again: ${why} Nothing is lost.`);
      // One that came on was a healthy one.
      if (place.position() > from) pauseMs = RESTART_MIN_MS;
      await pause.wait(pauseMs);
      life = await beginAgain(parts, stopping.signal);
      if (stopping.signal.aborted) return await life?.end();
    }
  };
  const over = supervise();
  return {
    measure: (measures) => life?.measure(measures),
    stop: async (limitMs) => {
      stopping.abort();
      pause.end();
      answers.hurry();
      await life?.stop(limitMs);
      await over;
    },
  };
}

/** Undefined where it fails, or is not to be any more. */
async function beginAgain(
  parts: TraceThreadParts,
  stopping: AbortSignal,
): Promise<Life | undefined> {
  if (stopping.aborted) return undefined;
  try {
    return await begin(parts, stopping);
  } catch (error) {
    if (stopping.aborted) return undefined;
    tell(parts, `The thread of traces could not be started again: ${messageOf(error)}`);
    return undefined;
  }
}

function tell({ log, clock }: TraceThreadParts, message: string): void {
  log({ level: "error", message, at: clock.now() });
}

/** Starts a thread, and waits until all is open in it. @throws where that fails, or takes too long, or `stopping` says to stop */
async function begin(parts: TraceThreadParts, stopping?: AbortSignal): Promise<Life> {
  const { feed, clock } = parts;
  const worker = new Worker(ENTRY, {
    name: "baton traces",
    workerData: dataOf(parts),
    execArgv: EXEC_ARGV,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  const post = (message: ToTraces) => worker.postMessage(message);
  const end = async () => void (await worker.terminate());
  const ended = new Promise<string>((resolve) => {
    worker.once("error", (error) => resolve(messageOf(error)));
    worker.once("exit", (code) => resolve(`It ended with ${code}.`));
  });
  let [answers, said]: [Answering | undefined, () => void] = [undefined, () => {}];
  const saidAll = new Promise<void>((resolve) => {
    said = resolve;
  });
  worker.on("message", (message: FromTraces) => {
    if (message.kind === "took") feed.took(message.characters);
    if (message.kind === "log") parts.log(message.line);
    if (message.kind === "ask") void answers?.answer(message).then(post);
    if (message.kind === "stopped") said();
  });
  try {
    await ready({ worker, ended, clock, stopping });
  } catch (error) {
    await end();
    throw error;
  }
  worker.unref();
  return {
    ended,
    end,
    start: (by, position) => {
      answers = by;
      feed.connect((batch) => post({ kind: "inputs", batch }));
      post({ kind: "start", position });
    },
    measure: (measures) => post({ kind: "measures", measures }),
    stop: async (limitMs) => {
      worker.ref();
      post({ kind: "stop", limitMs });
      await within(clock, limitMs + LAST_WORDS_MS, Promise.race([saidAll, ended]), true);
      await end();
    },
  };
}

interface Starting extends Pick<TraceThreadParts, "clock"> {
  readonly worker: Worker;
  readonly ended: Promise<string>;
  readonly stopping: AbortSignal | undefined;
}

/** @throws why it will never be ready, or need not be any more */
async function ready({ worker, ended, clock, stopping }: Starting): Promise<void> {
  let unheard = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      const stop = () => reject(new Error("It is being stopped."));
      const late = new Error(`It was not ready in ${READY_MS / 1_000} seconds.`);
      const cancel = clock.after(READY_MS, () => reject(late), true);
      stopping?.addEventListener("abort", stop);
      unheard = () => {
        cancel();
        stopping?.removeEventListener("abort", stop);
      };
      worker.on("message", (message: FromTraces) => {
        if (message.kind === "ready") resolve();
        if (message.kind === "failed") reject(new Error(message.message));
      });
      void ended.then((why) => reject(new Error(why)));
    });
  } finally {
    unheard();
  }
}

function dataOf({
  there,
  namespace,
  limits,
  content,
  catalogue,
}: TraceThreadParts): TraceThreadData {
  const topics = content ? topicMarks(catalogue) : undefined;
  return { ...there, namespace, limits, topics };
}

function topicMarks({ topics }: Catalogue): TopicMarks {
  const marks = new Map<string, ReadonlyMap<string, readonly string[]>>();
  for (const [name, { versions }] of topics)
    marks.set(name, new Map(versions.map(({ contract }) => [contract.id, contract.sensitive])));
  return marks;
}
