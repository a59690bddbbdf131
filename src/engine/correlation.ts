/** Reading what belongs together: the graph of a choreography's run, and why something has not given what it should. */
import { type EventGraph, eventGraph } from "../history/event-graph.ts";
import { type RecordedEntry, readStream } from "../history/read.ts";
import { whyOf } from "../history/why.ts";
import type { EarlyEvent, KnownEvent, Why, WhySource } from "../history/why-reason.ts";
import type { RunStatus } from "../model/run-status.ts";
import {
  eventStream,
  subscriptionStream,
  topicLabel,
  type UnclaimedRecord,
  unclaimedPrefix,
} from "../model/event-facts.ts";
import type { JournalStore, StreamHead } from "../ports/journal-store.ts";
import { headPages } from "./head-pages.ts";
import { BatonError } from "../model/errors.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import { readBreakers } from "./breakers.ts";
import { readBudgets } from "./budgets.ts";
import type { Catalogue } from "./definitions.ts";
import { correlatedRuns } from "./run-list.ts";
import { readSubscriptions } from "./subscriptions.ts";
import {
  eventsAfter,
  eventWithId,
  type PlacedEvent,
  type TopicEvent,
  type TopicSource,
} from "./topic-events.ts";

/** Where no run has a correlation id, events of it are looked for so far back in the order of arrival. */
const NEWEST_POSITIONS = 100_000;
/** What one answer may look at: of a correlation that has more runs, the first so many. */
const WHY_RUNS_MAX = 1_000;

/** @throws BatonError ARGUMENT_INVALID for a run of a workflow */
export function graphOfRun(
  entries: readonly RecordedEntry[],
  definition: WorkflowDefinition,
  beside: { readonly status: RunStatus; readonly nowMs: number },
): EventGraph {
  if (definition.choreography !== undefined) return eventGraph(entries, definition, beside);
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
    hint: "Nothing was published or started under this id. What is refused when it is published is told to its publisher, and not written.",
    details: { run: id },
  });
}

/** What an answer needs of the journal besides the entries of runs. */
export function journalSource(
  source: TopicSource,
  catalogue: Catalogue,
  nowMs: number,
): Pick<
  WhySource,
  "runs" | "events" | "early" | "subscriptions" | "paused" | "breaker" | "budget"
> {
  const { store, namespace } = source;
  return {
    runs: async (correlation) => {
      const filter = { correlation, order: "oldest", limit: WHY_RUNS_MAX } as const;
      return await correlatedRuns(store, namespace, filter);
    },
    events: async (id) => {
      const event = await eventWithId(source, id);
      // One of a run is told of with its run.
      const events = event?.stream === eventStream(id) ? [event] : await eventsUnder(source, id);
      return events.map(knownEvent);
    },
    early: async (correlation) => await earlyEvents(source, correlation),
    subscriptions: async () => await readSubscriptions(source, catalogue.workflows.values()),
    paused: async (name) => await pausedBy(source, name),
    breaker: async (name) =>
      (await readBreakers(store, namespace, catalogue)).find((each) => each.name === name),
    budget: async (name) =>
      (await readBudgets(store, namespace, catalogue, nowMs)).find((each) => each.name === name),
  };
}

function knownEvent({ facts, at }: PlacedEvent): KnownEvent {
  const { id, topic, key } = facts;
  return { id, topic, at, ...(key === undefined ? {} : { key }) };
}

/** Events from outside that were published under a correlation id which no run has, among the newest of each topic. */
async function eventsUnder(
  source: TopicSource,
  correlation: string,
): Promise<readonly TopicEvent[]> {
  const found: TopicEvent[] = [];
  const prefix = topicLabel("");
  for (const { label, lastPosition } of await source.store.labels(source.namespace)) {
    if (!label.startsWith(prefix)) continue;
    let after = Math.max(0, lastPosition - NEWEST_POSITIONS);
    for (;;) {
      const page = await eventsAfter(source, label.slice(prefix.length), after);
      found.push(...page.filter((event) => event.correlation === correlation));
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.position;
    }
  }
  return found;
}

/** What was set aside under a correlation id for runs that had not begun. */
async function earlyEvents(
  { store, namespace }: TopicSource,
  correlation: string,
): Promise<readonly EarlyEvent[]> {
  const found: EarlyEvent[] = [];
  for await (const heads of headPages(store, { namespace, prefix: unclaimedPrefix(correlation) })) {
    for (const head of heads) {
      const recorded = await newestOf(store, head);
      if (recorded === undefined) continue;
      // Whatever stands in the stream of an unclaimed event was set aside by the engine.
      const { id, topic, early } = recorded.entry.payload as unknown as UnclaimedRecord;
      if (early.length > 0) found.push({ id, topic, at: recorded.entry.at, workflows: early });
    }
  }
  return found;
}

/** The newest entry of a stream that is there. */
async function newestOf(store: JournalStore, head: StreamHead): Promise<RecordedEntry | undefined> {
  for await (const recorded of readStream(store, head, head.lastSeq)) return recorded;
  return undefined;
}

/** The entry with which a subscription was paused, if it is: its place may have been written down since. */
async function pausedBy(
  { store, namespace }: TopicSource,
  name: string,
): Promise<RecordedEntry | undefined> {
  const stream = { namespace, stream: subscriptionStream(name) };
  if ((await store.head(stream))?.status !== "paused") return undefined;
  let paused: RecordedEntry | undefined;
  for await (const recorded of readStream(store, stream))
    if (recorded.entry.kind === "subscription.paused") paused = recorded;
  return paused;
}
