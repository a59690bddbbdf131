/** Reading what belongs together: the graph of a choreography's run, and why something has not given what it should. */
import { type EventGraph, eventGraph } from "../history/event-graph.ts";
import { type RecordedEntry, readStream } from "../history/read.ts";
import { type Why, type WhySource, whyOf } from "../history/why.ts";
import type { RunStatus } from "../model/entry.ts";
import { eventStream, subscriptionStream } from "../model/event-facts.ts";
import { BatonError } from "../model/errors.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import type { JournalStore, StreamName } from "../ports/journal-store.ts";
import { correlatedRuns } from "./run-list.ts";

/** What one answer may look at: of a correlation that has more runs, the first so many. */
const WHY_RUNS_MAX = 1_000;

/** @throws BatonError ARGUMENT_INVALID for a run of a workflow */
export function graphOfRun(
  entries: readonly RecordedEntry[],
  definition: WorkflowDefinition,
  status: RunStatus,
): EventGraph {
  if (definition.choreography !== undefined) return eventGraph(entries, definition, { status });
  throw new BatonError("ARGUMENT_INVALID", `${definition.id} is no choreography.`, {
    hint: "Its graph is that of its steps: `baton graph --run <run>`.",
    details: { workflow: definition.id },
  });
}

/** @throws BatonError RUN_NOT_FOUND where neither a run nor an event has that id */
export async function answerWhy(source: WhySource, id: string): Promise<Why> {
  const why = await whyOf(source, id);
  if (why !== undefined) return why;
  throw new BatonError("RUN_NOT_FOUND", `There is no run and no event ${id}.`, {
    details: { run: id },
  });
}

/** What an answer needs of the journal besides the entries of runs. */
export function journalSource(
  store: JournalStore,
  namespace: string,
): Pick<WhySource, "runs" | "event" | "paused"> {
  return {
    runs: async (correlation) => {
      const filter = { correlation, order: "oldest", limit: WHY_RUNS_MAX } as const;
      return await correlatedRuns(store, namespace, filter);
    },
    event: (id) => newestOf(store, { namespace, stream: eventStream(id) }),
    paused: async (name) => {
      const newest = await newestOf(store, { namespace, stream: subscriptionStream(name) });
      return newest?.entry.payload["paused"] === true ? newest : undefined;
    },
  };
}

/** The newest entry of a stream that may not be there. */
async function newestOf(
  store: JournalStore,
  stream: StreamName,
): Promise<RecordedEntry | undefined> {
  const head = await store.head(stream);
  if (head === undefined) return undefined;
  for await (const recorded of readStream(store, stream, head.lastSeq)) return recorded;
  return undefined;
}
