/**
 * Tracing as a projection of the journal: reads what has arrived, sends what has ended, and keeps its place.
 *
 * P1. The place moves over entries only once all that ended with them was taken. So nothing is lost, and some may be sent twice.
 * P2. One batch is in memory. While nobody takes it nothing more is read: the journal is the queue.
 * P3. Nothing here keeps a run waiting, or fails one.
 */
import type { Clock } from "../ports/clock.ts";
import type { TraceBatch, TraceSink, TracedTransition } from "../ports/tracing.ts";
import type { TraceSpan } from "../model/trace-span.ts";
import { type TraceSource, traceReader } from "./trace-reader.ts";

/** Where a projection stands, durably. */
export interface ProjectionPlace {
  /** 0 before the first. */
  readonly position: () => number;
  /** Resolves once it is in the journal. */
  readonly moved: (position: number) => Promise<void>;
}

export interface TracingParts extends TraceSource {
  readonly sink: TraceSink;
  readonly place: ProjectionPlace;
}

export interface RunningTracing {
  /** Sends what is in the journal by now, for at most so long, and ends. What was not sent is sent at the next open. */
  readonly stop: (limitMs: number) => Promise<void>;
}

/** How often the journal is looked at where nothing had come. */
const POLL_MS = 250;
/** Entries that are read at once. */
const PAGE = 500;
/** Spans that are sent at once: some hundred kilobytes of usual ones. */
const BATCH_SPANS = 512;
/** How often the place is written down: what was sent since is sent again after a crash. */
const PLACE_EVERY_MS = 5_000;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 60_000;

/** Begins where the place says. */
export function startTracing(parts: TracingParts): RunningTracing {
  const { clock, store, sink, place } = parts;
  const reader = traceReader(parts);
  const pause = pauses(clock);
  let [stopping, isLate] = [false, false];
  let [position, written, writtenMs] = [place.position(), place.position(), clock.monotonicMs()];

  const keepPlace = async () => {
    if (position === written) return;
    await place.moved(position);
    [written, writtenMs] = [position, clock.monotonicMs()];
  };

  /** Reads on until a batch is full, or there is nothing more. */
  const next = async (): Promise<{
    readonly batch: TraceBatch;
    readonly upTo: number;
    readonly own: boolean;
  }> => {
    const spans: TraceSpan[] = [];
    const transitions: TracedTransition[] = [];
    let [upTo, own] = [position, true];
    while (spans.length < BATCH_SPANS) {
      const page = await store.arrivals(upTo, PAGE);
      const batch = await reader.read(page);
      spans.push(...batch.spans);
      transitions.push(...batch.transitions);
      own &&= page.every(({ stream }) => stream.startsWith("projection/"));
      upTo = page.at(-1)?.position ?? upTo;
      if (page.length < PAGE) break;
    }
    return { batch: { spans, transitions }, upTo, own };
  };

  const step = async (): Promise<"more" | "nothing"> => {
    const { batch, upTo, own } = await next();
    if (upTo === position) return "nothing";
    if (batch.spans.length > 0 || batch.transitions.length > 0) await sendUntilTaken(batch);
    // That its own place was written is nothing to write a place for.
    if (own && position === written) written = upTo;
    position = upTo;
    if (clock.monotonicMs() - writtenMs >= PLACE_EVERY_MS) await keepPlace();
    return "more";
  };

  const sendUntilTaken = async (batch: TraceBatch): Promise<void> => {
    for (let waitMs = RETRY_MIN_MS, failures = 0; ; waitMs = Math.min(waitMs * 2, RETRY_MAX_MS)) {
      try {
        await sink.send(batch);
        if (failures > 0) tell("info", "Traces are taken again.");
        return;
      } catch (error) {
        failures += 1;
        if (failures === 1)
          tell(
            "warn",
            `Traces are not taken: ${messageOf(error)} They are sent again until they are.`,
          );
        if (stopping) throw error;
        await pause.wait(waitMs);
      }
    }
  };

  const tell = (level: "info" | "warn", message: string) =>
    parts.log({ level, message, at: clock.now() });

  const loop = async () => {
    for (;;) {
      const wasStopping = stopping;
      let did: "more" | "nothing" | "failed";
      try {
        did = await step();
      } catch (error) {
        did = "failed";
        if (stopping) return;
        tell("warn", `The journal could not be read for traces: ${messageOf(error)}`);
      }
      if (isLate) return;
      if (did === "more") continue;
      if (wasStopping) return;
      if (!stopping) await pause.wait(did === "failed" ? RETRY_MIN_MS : POLL_MS);
    }
  };

  const ended = loop();
  return {
    stop: async (limitMs) => {
      stopping = true;
      pause.end();
      await within(clock, limitMs, ended);
      isLate = true;
      // Where sending took too long, the place of what was taken by then.
      await within(clock, limitMs, keepPlace().catch(untold));
      await within(clock, limitMs, sink.close().catch(untold));
    },
  };
}

/** What fails at the end costs nothing but that something is sent again. */
function untold(): void {}

/** Waits for something, but not for ever. */
async function within(clock: Clock, limitMs: number, work: Promise<void>): Promise<void> {
  let cancel = () => {};
  const late = new Promise<void>((resolve) => {
    cancel = clock.after(limitMs, resolve, true);
  });
  await Promise.race([work, late]);
  cancel();
}

/** Waits that can be ended, all that come after too. In the background: they keep no process alive. */
function pauses(clock: Clock): {
  readonly wait: (ms: number) => Promise<void>;
  readonly end: () => void;
} {
  let ended = false;
  let wake = () => {};
  return {
    wait: (ms) =>
      new Promise<void>((resolve) => {
        if (ended) return resolve();
        const cancel = clock.after(ms, resolve, true);
        wake = () => {
          cancel();
          resolve();
        };
      }),
    end: () => {
      ended = true;
      wake();
    },
  };
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.endsWith(".") ? message : `${message}.`;
}

/** What is to be sent again. */
export interface ExportTracesOptions {
  /** Only what came after this position in the order of arrival; from the beginning if left out. */
  readonly after?: number;
  /** Only spans that ended then or later, in milliseconds since 1970. */
  readonly since?: number;
  /** Only those of one run. */
  readonly run?: string;
}

export interface TraceExport {
  /** Spans that were sent. */
  readonly spans: number;
  /** Everything up to here was looked at: `after` of the next time. */
  readonly position: number;
}

/** Sends history, whatever was sent before. @throws BatonError RUN_NOT_FOUND; what the sink throws */
export async function exportTraces(
  source: TraceSource,
  sink: TraceSink,
  { after = 0, since = 0, run }: ExportTracesOptions,
): Promise<TraceExport> {
  const reader = traceReader(source);
  let [spans, position] = [0, after];
  const send = async (found: readonly TraceSpan[]) => {
    const wanted = found.filter(({ endAt }) => endAt >= since);
    for (let i = 0; i < wanted.length; i += BATCH_SPANS)
      await sink.send({ spans: wanted.slice(i, i + BATCH_SPANS), transitions: [] });
    spans += wanted.length;
  };
  if (run !== undefined) {
    await send(await reader.run(run));
    return { spans, position };
  }
  for (;;) {
    const page = await source.store.arrivals(position, PAGE);
    await send((await reader.read(page)).spans);
    position = page.at(-1)?.position ?? position;
    if (page.length < PAGE) return { spans, position };
  }
}
