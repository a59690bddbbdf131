/** Watching a run: what is in the journal, then what comes. Shared by the engine (told in memory) and by readers (which poll). */
import { readRun, type RecordedEntry } from "../history/read.ts";
import { runStream } from "../model/entry.ts";
import { endsRun } from "../model/entry-kinds.ts";
import { isBatonError } from "../model/errors.ts";
import type { Json } from "../model/json.ts";
import type { Clock } from "../ports/clock.ts";
import type { JournalStore } from "../ports/journal-store.ts";

/** What a watcher gets: entries in order, and between them the partial output of running attempts if asked for. */
export type WatchItem =
  | ({ readonly kind: "entry" } & RecordedEntry)
  | {
      readonly kind: "partial";
      readonly path: string;
      readonly attempt: number;
      readonly chunk: Json;
    }
  /** What an attempt said with a heartbeat. */
  | {
      readonly kind: "progress";
      readonly path: string;
      readonly attempt: number;
      readonly progress: Json;
    };

export interface WatchOptions {
  /** 0 by default: from the beginning. */
  readonly fromSeq?: number;
  /** Whether partial output and progress are given too. */
  readonly partials?: boolean;
  readonly signal?: AbortSignal;
}

export interface WatchSource {
  readonly store: JournalStore;
  readonly namespace: string;
  readonly clock: Clock;
  /** Tells of new entries and partial output in this process; undefined where another process writes. */
  readonly subscribe?: (run: string, watcher: Subscriber) => () => void;
  /** The same of transitions of breakers. */
  readonly subscribeBreakers?: (watcher: BreakerSubscriber) => () => void;
  /** The same of the events of a topic. */
  readonly subscribeTopic?: (topic: string, watcher: TopicSubscriber) => () => void;
}

export interface Subscriber {
  readonly entries: () => void;
  readonly partial: (path: string, attempt: number, chunk: Json) => void;
  readonly progress: (path: string, attempt: number, progress: Json) => void;
  readonly ended: () => void;
}

export interface TopicSubscriber {
  readonly changed: () => void;
  readonly ended: () => void;
}

export interface BreakerSubscriber {
  readonly changed: () => void;
  readonly ended: () => void;
}

/** How often another process's journal is looked at. */
const POLL_MS = 200;
/** Partial output that nobody has fetched yet; the oldest is dropped first, since it is never part of the record. */
const PARTIALS_MAX = 10_000;

export async function* watchRun(
  source: WatchSource,
  run: string,
  options: WatchOptions = {},
): AsyncGenerator<WatchItem, void, undefined> {
  const { signal } = options;
  let nextSeq = options.fromSeq ?? 0;
  let partials: WatchItem[] = [];
  let over = false;
  let ended = false;
  const bell = makeBell();
  const tell = (item: WatchItem): void => {
    if (options.partials !== true) return;
    partials.push(item);
    if (partials.length > PARTIALS_MAX) partials.shift();
    bell.ring();
  };
  const leave = source.subscribe?.(run, {
    entries: bell.ring,
    partial: (path, attempt, chunk) => tell({ kind: "partial", path, attempt, chunk }),
    progress: (path, attempt, progress) => tell({ kind: "progress", path, attempt, progress }),
    ended: () => {
      over = true;
      bell.ring();
    },
  });
  signal?.addEventListener("abort", bell.ring);
  try {
    while (signal?.aborted !== true) {
      const heard = bell.heard();
      for await (const recorded of readNew(source, run, nextSeq)) {
        nextSeq = recorded.entry.seq + 1;
        yield { kind: "entry", ...recorded };
        // A run that took its end back has gone on after it.
        ended = endsRun(recorded.entry.kind, ended);
      }
      if (ended) return;
      const pending = partials;
      partials = [];
      yield* pending;
      if (over) return;
      if (nextSeq === options.fromSeq && (await hasEndedBefore(source, run, nextSeq))) return;
      await bell.wait(heard, source.subscribe === undefined ? source.clock : undefined);
    }
  } finally {
    leave?.();
    signal?.removeEventListener("abort", bell.ring);
  }
}

/** Whether nothing more comes, since the run ended before this seq. One that is not there yet is awaited. */
async function hasEndedBefore(
  { store, namespace }: WatchSource,
  run: string,
  seq: number,
): Promise<boolean> {
  const head = await store.head({ namespace, stream: runStream(run) });
  return head !== undefined && !head.open && head.lastSeq < seq;
}

/** A run is watched from its beginning on; a seq that is not there yet is simply not there yet. */
async function* readNew(
  source: WatchSource,
  run: string,
  fromSeq: number,
): AsyncGenerator<RecordedEntry, void, undefined> {
  try {
    yield* readRun(source.store, source.namespace, run, fromSeq);
  } catch (error) {
    if (fromSeq === 0 || !isBatonError(error, "RUN_NOT_FOUND")) throw error;
  }
}

/** Wakes a watcher. Rings are counted, so that one between a look and the wait is not missed. */
export interface Bell {
  readonly ring: () => void;
  readonly heard: () => number;
  /** Until it is rung; with `poll`, or until it is time to look again. */
  readonly wait: (heard: number, poll: Clock | undefined) => Promise<void>;
}

/** A bell that was not rung yet. */
export function makeBell(): Bell {
  let rings = 0;
  let waiting: (() => void) | undefined;
  return {
    ring: () => {
      rings += 1;
      waiting?.();
    },
    heard: () => rings,
    wait: (heard, poll) =>
      new Promise<void>((resolve) => {
        let cancel: (() => void) | undefined;
        const wake = () => {
          waiting = undefined;
          cancel?.();
          resolve();
        };
        if (rings !== heard) return wake();
        waiting = wake;
        cancel = poll?.after(POLL_MS, wake);
      }),
  };
}
