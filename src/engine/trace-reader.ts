/**
 * Makes spans of the entries of all runs, in the order of arrival.
 *
 * T1. A span comes with the entry that ends it, once for each time that the entry is read.
 * T2. Only runs that are under way are kept; one that is met in the middle is read from its beginning.
 * T3. What can't be read of one run is told once, and keeps no other from being traced.
 */
import { FINAL_KINDS } from "../model/entry-kinds.ts";
import { type Fact, type FactOf, runStream } from "../model/entry.ts";
import { isBatonError } from "../model/errors.ts";
import type { TraceSpan } from "../model/trace-span.ts";
import { outsideEvent } from "../history/trace/events.ts";
import { type RunTrace, runTrace } from "../history/trace/run-trace.ts";
import { rootId } from "../history/trace/draft.ts";
import { arrivedEntry, factOf, readRun, runOfStream } from "../history/read.ts";
import type { ArrivedEntry, JournalStore } from "../ports/journal-store.ts";
import type { LogSink } from "../ports/log-sink.ts";
import type { Clock } from "../ports/clock.ts";
import type { TraceBatch, TracedTransition } from "../ports/tracing.ts";
import type { ContentSource } from "./trace-content.ts";

export interface TraceSource {
  readonly store: JournalStore;
  readonly namespace: string;
  readonly clock: Clock;
  readonly log: LogSink;
  /** What spans have as inputs and outputs; undefined where they have none. */
  readonly content: ContentSource | undefined;
}

/** Runs that are kept while they are under way. One more, and that which was silent longest is read again when it goes on. */
export const TRACED_RUNS_MAX = 2_000;

export interface TraceReader {
  /** The spans that end with these entries. @throws what the store throws; the same entries may be given again then */
  readonly read: (arrived: readonly ArrivedEntry[]) => Promise<TraceBatch>;
  /** All spans of one run. @throws BatonError RUN_NOT_FOUND, JOURNAL_BROKEN, ENTRY_UNKNOWN */
  readonly run: (id: string) => Promise<readonly TraceSpan[]>;
}

interface Followed {
  readonly trace: RunTrace;
  seq: number;
}

const TRANSITIONS: Readonly<Partial<Record<Fact["kind"], TracedTransition["to"]>>> = {
  "breaker.opened": "open",
  "breaker.halfOpened": "halfOpen",
  "breaker.closed": "closed",
};

export function traceReader(source: TraceSource): TraceReader {
  const runs = followedRuns(source);
  const read = async (arrived: readonly ArrivedEntry[]): Promise<TraceBatch> => {
    const spans: TraceSpan[] = [];
    const transitions: TracedTransition[] = [];
    for (const each of arrived) {
      if (each.namespace !== source.namespace) continue;
      if (each.stream.startsWith("run/"))
        for (const span of await runs.next(each)) spans.push(span);
      else if (each.stream.startsWith("event/"))
        for (const span of await ofOutside(source, each)) spans.push(span);
      else if (each.stream.startsWith("breaker/"))
        transitions.push(...(await ofBreaker(source, each)));
    }
    return { spans: (await source.content?.complete?.(spans)) ?? spans, transitions };
  };
  return {
    read: async (arrived) => {
      try {
        return await read(arrived);
      } catch (error) {
        // Some runs have had some of these entries: what is given again is folded from the beginning.
        runs.forget();
        throw error;
      }
    },
    run: async (id) => {
      const spans: TraceSpan[] = [];
      let made: RunTrace | undefined;
      for await (const recorded of readRun(source.store, source.namespace, id)) {
        const fact = factOf(recorded);
        made ??= await traceOf(source, id, fact);
        for (const span of made.apply(fact)) spans.push(span);
      }
      return spans;
    },
  };
}

interface FollowedRuns {
  /** The spans that end with an entry of a run. */
  readonly next: (arrived: ArrivedEntry) => Promise<readonly TraceSpan[]>;
  readonly forget: () => void;
}

/** The runs that are under way, as far as their entries were given. */
function followedRuns(source: TraceSource): FollowedRuns {
  const followed = new Map<string, Followed>();
  const unreadable = new Set<string>();
  const keep = (id: string, run: Followed, fact: Fact) => {
    // Anew, so that the first of the map is the one that was silent longest.
    followed.delete(id);
    if (FINAL_KINDS.has(fact.kind)) return;
    followed.set(id, run);
    const [silent] = followed.size > TRACED_RUNS_MAX ? followed.keys() : [];
    if (silent !== undefined) followed.delete(silent);
  };
  const next = async (id: string, arrived: ArrivedEntry): Promise<readonly TraceSpan[]> => {
    const fact = factOf(await arrivedEntry(source.store, arrived));
    const known = followed.get(id);
    const run = known?.seq === fact.seq - 1 ? known : await caughtUp(source, id, fact);
    const spans = run.trace.apply(fact);
    run.seq = fact.seq;
    keep(id, run, fact);
    return spans;
  };
  return {
    forget: () => followed.clear(),
    next: async (arrived) => {
      const id = runOfStream(arrived.stream);
      if (unreadable.has(id)) return [];
      try {
        return await next(id, arrived);
      } catch (error) {
        if (!isUnreadable(error)) throw error;
        unreadable.add(id);
        const message = `Run ${id} can't be traced: ${String(error)}`;
        source.log({ level: "error", message, at: source.clock.now(), run: id });
        return [];
      }
    },
  };
}

/** The run as it was before an entry. What ended by then was given by whoever read that. */
async function caughtUp(source: TraceSource, id: string, fact: Fact): Promise<Followed> {
  let trace: RunTrace | undefined;
  if (fact.seq > 0)
    for await (const recorded of readRun(source.store, source.namespace, id)) {
      const earlier = factOf(recorded);
      if (earlier.seq >= fact.seq) break;
      trace ??= await traceOf(source, id, earlier);
      trace.apply(earlier);
    }
  return { trace: trace ?? (await traceOf(source, id, fact)), seq: fact.seq - 1 };
}

async function traceOf(source: TraceSource, id: string, first: Fact): Promise<RunTrace> {
  return runTrace(source.namespace, id, await source.content?.ofRun(id, first));
}

async function ofBreaker(
  { store }: TraceSource,
  arrived: ArrivedEntry,
): Promise<readonly TracedTransition[]> {
  const { kind, at } = factOf(await arrivedEntry(store, arrived));
  const to = TRANSITIONS[kind];
  return to === undefined ? [] : [{ breaker: runOfStream(arrived.stream), to, at }];
}

function isUnreadable(error: unknown): boolean {
  return (
    isBatonError(error, "JOURNAL_BROKEN") ||
    isBatonError(error, "ENTRY_UNKNOWN") ||
    isBatonError(error, "RUN_NOT_FOUND")
  );
}

/** An event from outside is a part of the run that it concerns, where its correlation id is that of one. */
async function ofOutside(
  source: TraceSource,
  arrived: ArrivedEntry,
): Promise<readonly TraceSpan[]> {
  const { store, namespace, content } = source;
  const fact = factOf(await arrivedEntry(store, arrived));
  if (fact.kind !== "event.published") return [];
  const parent = await concerned(source, fact);
  const parentId = parent === undefined ? undefined : rootId({ namespace, run: parent });
  return [outsideEvent(namespace, fact, content?.topics, parentId)];
}

async function concerned(
  { store, namespace }: TraceSource,
  { payload: { id, correlation = id } }: FactOf<"event.published">,
): Promise<string | undefined> {
  if (correlation === id) return undefined;
  const head = await store.head({ namespace, stream: runStream(correlation) });
  return head === undefined ? undefined : correlation;
}
