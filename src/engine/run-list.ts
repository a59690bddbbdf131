/** Lists of runs, read from the store's index. */
import { runOfStream } from "../history/read.ts";
import { runStream } from "../model/entry.ts";
import { type RunStatus } from "../model/run-status.ts";
import type { HeadFilter, JournalStore, StreamHead } from "../ports/journal-store.ts";
import type { RunsFilter, RunSummary } from "./baton.ts";

const LISTED_DEFAULT = 100;

/** The runs that a filter lets through. */
export async function listRuns(
  store: JournalStore,
  namespace: string,
  filter: RunsFilter,
): Promise<readonly RunSummary[]> {
  const { correlation } = filter;
  if (correlation !== undefined)
    return await correlatedRuns(store, namespace, { ...filter, correlation });
  const heads = await store.heads(headFilter(namespace, "", filter));
  return heads.map(summaryOf);
}

/** The run of a correlation id and those whose ids begin with it, by prefix: all other runs cost nothing. */
export async function correlatedRuns(
  store: JournalStore,
  namespace: string,
  filter: RunsFilter & { readonly correlation: string },
): Promise<readonly RunSummary[]> {
  const { correlation, limit = LISTED_DEFAULT, order } = filter;
  const own = await store.head({ namespace, stream: runStream(correlation) });
  const heads = [...(await store.heads(headFilter(namespace, `${correlation}/`, filter)))];
  if (own !== undefined && passes(own, filter)) heads.push(own);
  heads.sort((a, b) => (order === "oldest" ? a.no - b.no : b.no - a.no));
  return heads.slice(0, limit).map(summaryOf);
}

function headFilter(namespace: string, ids: string, filter: RunsFilter): HeadFilter {
  const { status, workflow, open, after, order = "newest", limit = LISTED_DEFAULT } = filter;
  return {
    namespace,
    prefix: runStream(ids),
    order,
    limit,
    ...(status === undefined ? {} : { status }),
    ...(workflow === undefined ? {} : { type: workflow }),
    ...(open === undefined ? {} : { open }),
    ...(after === undefined ? {} : { after }),
  };
}

/** Whether a run that was found by its id alone is among those that are asked for. */
function passes(head: StreamHead, { status, workflow, open, after, order }: RunsFilter): boolean {
  if (status !== undefined && head.status !== status) return false;
  if (workflow !== undefined && head.type !== workflow) return false;
  if (open !== undefined && head.open !== open) return false;
  return after === undefined || (order === "oldest" ? head.no > after : head.no < after);
}

/** A run as its index has it. */
export function summaryOf(head: StreamHead): RunSummary {
  return {
    id: runOfStream(head.stream),
    workflow: head.type,
    // The index of a run's stream is written by the engine alone, with a RunStatus.
    status: head.status as RunStatus,
    lastSeq: head.lastSeq,
    no: head.no,
    ...(head.wakeAtMs === undefined ? {} : { wakeAtMs: head.wakeAtMs }),
  };
}
