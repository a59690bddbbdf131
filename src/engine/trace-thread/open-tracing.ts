/** Where traces are made: in a thread of their own where all that is needed can cross to it, else in the one that executes. */
import type { Clock } from "../../ports/clock.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import type { LogSink } from "../../ports/log-sink.ts";
import type { TraceSink, Tracing } from "../../ports/tracing.ts";
import { systemClock } from "../system-clock.ts";
import { catalogueContent, type ContentParts } from "../trace-content.ts";
import type { TraceSource } from "../trace-reader.ts";
import { type ProjectionPlace, type RunningTracing, startTracing } from "../tracing.ts";
import { inputFeed } from "./input-feed.ts";
import { openTraceThread } from "./thread.ts";

export interface TracingRoom extends ContentParts {
  readonly store: JournalStore;
  readonly namespace: string;
  readonly clock: Clock;
  readonly log: LogSink;
}

/** Tracing that has not begun: what is needed for it is here, and open. */
export interface OpenedTracing {
  /** Is to be given the input of each attempt that ends, before its entry is written. */
  readonly tellInput?: (hash: string, text: string) => void;
  /** Begins where the place says. */
  readonly start: (place: ProjectionPlace) => RunningTracing;
  /** Closes what was opened, where it was not started. */
  readonly abandon: () => Promise<void>;
}

/** @throws what `tracing.open` throws */
export async function openTracing(room: TracingRoom, tracing: Tracing): Promise<OpenedTracing> {
  return (await inOwnThread(room, tracing)) ?? (await inThisThread(room, tracing));
}

async function inOwnThread(
  room: TracingRoom,
  tracing: Tracing,
): Promise<OpenedTracing | undefined> {
  const { clock, log } = room;
  const there = { store: room.store.inThread, tracing: tracing.inThread };
  // Another clock than the machine's is this thread's alone.
  if (there.store === undefined || there.tracing === undefined || clock !== systemClock)
    return undefined;
  const { content } = tracing;
  const feed = inputFeed(clock);
  try {
    const { store, tracing: made } = there;
    const thread = await openTraceThread({
      ...room,
      there: { store, tracing: made },
      content,
      feed,
    });
    return { ...thread, ...(content ? { tellInput: feed.tell } : {}) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `Traces are made in the thread that executes, which costs it time, since no other could be started: ${why}`;
    log({ level: "error", message, at: clock.now() });
    return undefined;
  }
}

async function inThisThread(room: TracingRoom, tracing: Tracing): Promise<OpenedTracing> {
  const sink = await openSink(room, tracing);
  return {
    start: (place) => startTracing({ ...traceSource(room, tracing), sink, place }),
    abandon: () => sink.close(),
  };
}

/** @throws what `tracing.open` throws */
export function openSink({ clock, log }: TracingRoom, tracing: Tracing): Promise<TraceSink> {
  return tracing.open((level, message) => log({ level, message, at: clock.now() }));
}

/** What is read for spans in this thread. */
export function traceSource(room: TracingRoom, { content }: Tracing): TraceSource {
  const { store, namespace, clock, log } = room;
  return { store, namespace, clock, log, content: content ? catalogueContent(room) : undefined };
}
