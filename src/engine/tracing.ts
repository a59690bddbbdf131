/**
 * Tracing as a projection of the journal: reads what has arrived, sends what has ended, and keeps its place.
 *
 * P1. The place moves over entries only once all that ended with them was taken. So nothing is lost, and some may be sent twice.
 * P2. One batch is being sent, and one is made meanwhile. While nobody takes the first no more is read than finds room in it: the
 *     journal is the queue.
 * P3. Nothing here keeps a run waiting, or fails one.
 */
import type { EngineMeasures, TraceBatch, TraceSink, TracedTransition } from "../ports/tracing.ts";
import type { TraceSpan } from "../model/trace-span.ts";
import { type Pauses, pauses, within } from "../ports/waiting.ts";
import { type TraceReader, type TraceSource, traceReader } from "./trace-reader.ts";

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
  /**
   * How long is rested, in milliseconds, after a batch that took `workedMs`, where traces are `behindMs` behind; not at all if left
   * out. Nor while it is being stopped.
   */
  readonly rest?: (workedMs: number, behindMs: number) => number;
}

export interface RunningTracing {
  /** Tells the sink how the engine stands. */
  readonly measure: (measures: EngineMeasures) => void;
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
  const { clock, sink, rest } = parts;
  const reader = traceReader(parts);
  const pause = pauses(clock);
  const place = keptPlace(parts);
  let [stopping, isLate] = [false, false];
  let upToDateMs = clock.monotonicMs();

  let ahead: Promise<NextBatch> | undefined;
  const step = async (): Promise<"more" | "nothing"> => {
    const next = ahead ?? nextBatch(parts, reader, place.position());
    ahead = undefined;
    let made = await next;
    if (made.upTo !== place.position() && !isEmpty(made.batch)) {
      const sent = sendUntilTaken({ ...parts, reader, pause, isStopping: () => stopping }, made);
      if (!made.isAll) ahead = nextBatch(parts, reader, made.upTo);
      // Where it fails, that is seen when it is its turn.
      ahead?.catch(untold);
      made = await sent;
      sink.count?.(made.batch);
    }
    const { upTo, own, isAll, readMs } = made;
    if (isAll) upToDateMs = readMs;
    if (upTo === place.position()) return "nothing";
    place.passed(upTo, own);
    await place.keepNowAndThen();
    return "more";
  };

  const loop = async () => {
    for (;;) {
      const wasStopping = stopping;
      const beganMs = clock.monotonicMs();
      let did: "more" | "nothing" | "failed";
      try {
        did = await step();
      } catch (error) {
        did = "failed";
        if (stopping) return;
        tell(parts, "warn", `The journal could not be read for traces: ${messageOf(error)}`);
      }
      if (isLate) return;
      if (did === "more") {
        const nowMs = clock.monotonicMs();
        const restMs = stopping ? 0 : (rest?.(nowMs - beganMs, nowMs - upToDateMs) ?? 0);
        if (restMs > 0) await pause.wait(restMs);
        continue;
      }
      if (wasStopping) return;
      if (!stopping) await pause.wait(did === "failed" ? RETRY_MIN_MS : POLL_MS);
    }
  };

  const ended = loop();
  return {
    measure: (measures) => sink.measure?.(measures, clock.monotonicMs() - upToDateMs),
    stop: async (limitMs) => {
      stopping = true;
      pause.end();
      await within(clock, limitMs, ended, true);
      isLate = true;
      // Where sending took too long, the place of what was taken by then.
      await within(clock, limitMs, place.keep().catch(untold), true);
      await within(clock, limitMs, sink.close().catch(untold), true);
    },
  };
}

interface KeptPlace {
  readonly position: () => number;
  /** Everything up to there was taken. `own`: it was nothing but places of projections. */
  readonly passed: (upTo: number, own: boolean) => void;
  readonly keep: () => Promise<void>;
  readonly keepNowAndThen: () => Promise<void>;
}

/** The place, written down now and then. */
function keptPlace({ place, clock }: TracingParts): KeptPlace {
  let [position, written, writtenMs] = [place.position(), place.position(), clock.monotonicMs()];
  const keep = async () => {
    if (position === written) return;
    const upTo = position;
    await place.moved(upTo);
    [written, writtenMs] = [upTo, clock.monotonicMs()];
  };
  return {
    position: () => position,
    passed: (upTo, own) => {
      // That its own place was written is nothing to write a place for.
      if (own && position === written) written = upTo;
      position = upTo;
    },
    keep,
    keepNowAndThen: async () => {
      if (clock.monotonicMs() - writtenMs >= PLACE_EVERY_MS) await keep();
    },
  };
}

interface NextBatch {
  readonly batch: TraceBatch;
  readonly upTo: number;
  readonly own: boolean;
  /** Nothing more was there. */
  readonly isAll: boolean;
  /** When it was read, by the monotonic clock. */
  readonly readMs: number;
}

/** Reads on until a batch is full, or there is nothing more. */
async function nextBatch(
  { store, clock }: TracingParts,
  reader: TraceReader,
  position: number,
): Promise<NextBatch> {
  const readMs = clock.monotonicMs();
  const spans: TraceSpan[] = [];
  const transitions: TracedTransition[] = [];
  let [upTo, own, isAll] = [position, true, false];
  while (spans.length < BATCH_SPANS && !isAll) {
    const page = await store.arrivals(upTo, PAGE);
    const batch = await reader.read(page);
    spans.push(...batch.spans);
    transitions.push(...batch.transitions);
    own &&= page.every(({ stream }) => stream.startsWith("projection/"));
    upTo = page.at(-1)?.position ?? upTo;
    isAll = page.length < PAGE;
  }
  return { batch: { spans, transitions }, upTo, own, isAll, readMs };
}

function isEmpty({ spans, transitions }: TraceBatch): boolean {
  return spans.length === 0 && transitions.length === 0;
}

interface SendingParts extends TracingParts {
  readonly reader: TraceReader;
  readonly pause: Pauses;
  readonly isStopping: () => boolean;
}

/** Gives what was taken: it grows while nobody takes it. @throws what the sink throws, once Baton is being closed */
async function sendUntilTaken(parts: SendingParts, next: NextBatch): Promise<NextBatch> {
  let made = next;
  for (let waitMs = RETRY_MIN_MS, failed = false; ; waitMs = Math.min(waitMs * 2, RETRY_MAX_MS)) {
    try {
      await parts.sink.send(made.batch);
      if (failed) tell(parts, "info", "Traces are taken again.");
      return made;
    } catch (error) {
      if (!failed)
        tell(
          parts,
          "warn",
          `Traces are not taken: ${messageOf(error)} They are sent again until they are.`,
        );
      failed = true;
      if (parts.isStopping()) throw error;
      await parts.pause.wait(waitMs);
    }
    made = await grown(parts, made);
  }
}

/**
 * With what came since, where it is not full. A collector that refuses all of a batch may refuse what is in it, or everything: which
 * of the two is seen once there is something in it that it takes.
 */
async function grown({ reader, ...parts }: SendingParts, made: NextBatch): Promise<NextBatch> {
  if (!made.isAll || made.batch.spans.length >= BATCH_SPANS) return made;
  try {
    const { batch, own, ...more } = await nextBatch(parts, reader, made.upTo);
    const spans = [...made.batch.spans, ...batch.spans];
    const transitions = [...made.batch.transitions, ...batch.transitions];
    return { ...more, batch: { spans, transitions }, own: made.own && own };
  } catch {
    // It is read again with the next.
    return made;
  }
}

function tell({ log, clock }: TracingParts, level: "info" | "warn", message: string): void {
  log({ level, message, at: clock.now() });
}

/** What fails at the end costs nothing but that something is sent again. */
function untold(): void {}

/** Why something failed, as a sentence in a line of the log. */
export function messageOf(error: unknown): string {
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
