/** Subscriptions of choreographies to their first topics, as every engine and every reader sees them. */
import { readStream } from "../history/read.ts";
import { runStream } from "../model/entry.ts";
import { type IntakeRecord, subscriptionStream } from "../model/event-facts.ts";
import { compareVersions } from "../model/naming.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import type { IntakeSnapshot } from "./baton.ts";
import { headPages } from "./head-pages.ts";
import { runIdFor } from "./run-id.ts";
import { eventsAfter, type TopicEvent, type TopicSource } from "./topic-events.ts";

/** A lag is counted up to here. */
export const LAG_MAX = 10_000;
/** So many keys are named at most. */
export const HELD_UP_MAX = 20;

/** Of each choreography the newest version takes what comes. */
export function newestChoreographies(
  workflows: Iterable<WorkflowDefinition>,
): readonly WorkflowDefinition[] {
  const newest = new Map<string, WorkflowDefinition>();
  for (const each of workflows) {
    if (each.choreography === undefined) continue;
    const known = newest.get(each.name);
    if (known === undefined || compareVersions(each.version, known.version) > 0)
      newest.set(each.name, each);
  }
  return [...newest.values()];
}

/** What a run of this very choreography has published is delivered in that run. */
export async function isOwnEvent(
  { store, namespace }: TopicSource,
  name: string,
  { stream, facts }: TopicEvent,
): Promise<boolean> {
  if (facts.origin?.choreography === name) return true;
  if (!stream.startsWith(RUNS)) return false;
  const head = await store.head({ namespace, stream });
  return head?.type.startsWith(`${name}@`) === true;
}

/** How subscriptions stand, read from the journal: for a process that does not execute. */
export async function readSubscriptions(
  source: TopicSource,
  workflows: Iterable<WorkflowDefinition>,
): Promise<readonly IntakeSnapshot[]> {
  const topics = new Map<string, string>();
  for (const { name, choreography } of newestChoreographies(workflows))
    if (choreography !== undefined) topics.set(name, choreography.starts.name);
  const records = await recordedSubscriptions(source);
  for (const [name, { topic }] of records) if (!topics.has(name)) topics.set(name, topic);
  const snapshots: IntakeSnapshot[] = [];
  for (const [name, topic] of topics) {
    const record = records.get(name) ?? { topic, position: 0, generation: 0, paused: false };
    snapshots.push(await recordedSnapshot(source, name, record));
  }
  return snapshots;
}

const RUNS = runStream("");
const PREFIX = subscriptionStream("");
const ROUTES = "to-runs.";
/** Readers of topics that are no choreography's subscription: those that hand events to runs that are there, and those of the bus. */
const OTHERS = [ROUTES, "to-bus.", "from-bus."];

/** Whether it is the name of such a reader. */
export function isNoSubscription(name: string): boolean {
  return OTHERS.some((other) => name.startsWith(other));
}

/** Under which name the place of a topic's route is kept. */
export function routeName(topic: string): string {
  return `${ROUTES}${topic}`;
}

/** How far each subscription of a choreography has come, as it is written down. */
export async function recordedSubscriptions(
  source: TopicSource,
): Promise<ReadonlyMap<string, IntakeRecord>> {
  const { store, namespace } = source;
  const records = new Map<string, IntakeRecord>();
  for await (const heads of headPages(store, { namespace, prefix: PREFIX })) {
    for (const head of heads) {
      const name = head.stream.slice(PREFIX.length);
      if (isNoSubscription(name)) continue;
      for await (const { entry } of readStream(store, head, head.lastSeq)) {
        // The stream has entries of subscriptions only, each with the whole record.
        const record = entry.payload as unknown as IntakeRecord;
        records.set(name, record);
        break;
      }
    }
  }
  return records;
}

/**
 * The place is written down now and then only. What was dealt with after it is seen by the runs that it began: an event whose
 * run is there is under way, or, where it has ended or the order does not matter, dealt with.
 */
export async function recordedSnapshot(
  source: TopicSource,
  name: string,
  record: IntakeRecord,
): Promise<IntakeSnapshot> {
  const { store, namespace } = source;
  const { topic, position: written, generation, paused } = record;
  const lines = new Map<string, { readonly run: string; events: number }>();
  let [lag, underWay, looked] = [0, 0, 0];
  let [position, isWhole] = [written, true];
  let after = written;
  while (looked < LAG_MAX) {
    const page = await eventsAfter(source, topic, after);
    for (const event of page) {
      looked += 1;
      const run = runIdFor(name, record, event);
      const head = await store.head({ namespace, stream: runStream(run) });
      const { key } = event.facts;
      const isDone =
        head === undefined
          ? await isOwnEvent(source, name, event)
          : !head.open || key === undefined;
      if (!isDone) {
        lag += 1;
        isWhole = false;
        if (head !== undefined) underWay += 1;
        const line = key === undefined ? undefined : lines.get(key);
        if (line !== undefined) line.events += 1;
        else if (key !== undefined && head !== undefined) lines.set(key, { run, events: 0 });
      } else if (isWhole) position = event.position;
    }
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.position;
  }
  return Object.freeze({
    name,
    topic,
    position,
    lag: Math.min(lag, LAG_MAX),
    paused,
    generation,
    underWay,
    heldUp: [...lines]
      .filter(([, { events }]) => events > 0)
      .slice(0, HELD_UP_MAX)
      .map(([key, line]) => ({ key, ...line })),
  });
}
