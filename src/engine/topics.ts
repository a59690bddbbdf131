/** Topics as every engine and every reader sees them: which there are, who publishes and takes, and their events. */
import { canonicalJson } from "../journal/canonical.ts";
import { traceIdOf } from "../journal/trace-ids.ts";
import { readStream } from "../history/read.ts";
import { topicLabel } from "../model/event-facts.ts";
import { BatonError } from "../model/errors.ts";
import { compareVersions } from "../model/naming.ts";
import type { RecordedEvent, TopicSummary } from "../model/recorded-event.ts";
import type { TopicDefinition } from "../model/topic.ts";
import type { StepDefinition, WorkflowDefinition } from "../model/workflow-definition.ts";
import {
  eventsAfter,
  eventWithId,
  type PlacedEvent,
  type TopicEvent,
  type TopicSource,
} from "./topic-events.ts";
import { makeBell, type WatchSource } from "./watch.ts";

/** A topic that code names, in all of its versions. */
export interface DeclaredTopic {
  /** That of the newest contract. */
  readonly topic: TopicDefinition;
  /** The same topic under each contract that some code has, the oldest first. */
  readonly versions: readonly TopicDefinition[];
  readonly publishers: readonly string[];
  readonly subscribers: readonly string[];
}

interface Use {
  readonly topic: TopicDefinition;
  readonly publisher?: string;
  readonly subscriber?: string;
}

/** The topics that workflows name, and those that were given, by name. Two of one name and version that differ are a problem. */
export function declaredTopics(
  workflows: Iterable<WorkflowDefinition>,
  given: readonly TopicDefinition[],
  problems: string[],
): ReadonlyMap<string, DeclaredTopic> {
  const uses: Use[] = given.map((topic) => ({ topic }));
  for (const workflow of workflows) uses.push(...usesOf(workflow));
  const byName = new Map<string, Use[]>();
  for (const use of uses) {
    const known = byName.get(use.topic.name);
    if (known === undefined) byName.set(use.topic.name, [use]);
    else known.push(use);
  }
  const declared = new Map<string, DeclaredTopic>();
  for (const [name, found] of byName) {
    const versions = versionsOf(found, problems);
    const topic = versions.at(-1);
    if (topic === undefined) continue;
    declared.set(name, {
      topic,
      versions,
      publishers: namesOf(found.map(({ publisher }) => publisher)),
      subscribers: namesOf(found.map(({ subscriber }) => subscriber)),
    });
  }
  return declared;
}

function usesOf({ name, steps, choreography }: WorkflowDefinition): readonly Use[] {
  const uses: Use[] = [];
  if (choreography !== undefined) {
    const { starts, ends, failsOn } = choreography;
    uses.push({ topic: starts, publisher: name, subscriber: name });
    for (const topic of [ends, failsOn])
      if (topic !== undefined) uses.push({ topic, subscriber: name });
  }
  for (const step of steps) uses.push(...stepUses(`${name}/${step.name}`, step));
  return uses;
}

function stepUses(place: string, step: StepDefinition): readonly Use[] {
  if (step.kind === "emit") return [{ topic: step.topic, publisher: place }];
  if (step.kind === "event") return [{ topic: step.topic, subscriber: place }];
  if (step.kind !== "subscription") return [];
  return [
    ...[...step.topics.values()].map((topic) => ({ topic, subscriber: place })),
    ...step.publishes.map(({ topic }) => ({ topic, publisher: place })),
  ];
}

function namesOf(names: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(names.filter((each) => each !== undefined))];
}

function versionsOf(uses: readonly Use[], problems: string[]): readonly TopicDefinition[] {
  const versions = new Map<string, TopicDefinition>();
  for (const { topic } of uses) {
    const { name, contract } = topic;
    const known = versions.get(contract.id);
    if (known === undefined) versions.set(contract.id, topic);
    else if (known.contract !== contract && describedAs(known) !== describedAs(topic))
      problems.push(`There are two topics "${name}" with different contracts ${contract.id}.`);
    const [first] = versions.values();
    if (first !== undefined && first.contract.name !== contract.name)
      problems.push(
        `There are two topics "${name}", with ${first.contract.id} and ${contract.id}.`,
      );
  }
  return [...versions.values()].sort((a, b) =>
    compareVersions(a.contract.version, b.contract.version),
  );
}

function describedAs({ contract }: TopicDefinition): string {
  return canonicalJson(contract.describe());
}

/** The topic that code names so, under its newest contract. @throws BatonError TOPIC_NOT_FOUND */
export function topicNamed(
  declared: ReadonlyMap<string, DeclaredTopic>,
  name: string,
): TopicDefinition {
  const found = declared.get(name);
  if (found === undefined) throw unknownTopic(name, [...declared.keys()]);
  return found.topic;
}

function unknownTopic(topic: string, known: readonly string[]): BatonError {
  return new BatonError("TOPIC_NOT_FOUND", `There is no topic ${topic}.`, {
    ...(known.length === 0 ? {} : { hint: `There are: ${[...known].sort().join(", ")}.` }),
    details: { topic, known: [...known].sort() },
  });
}

/** All topics: those that code names, and those that had an event. */
export async function readTopics(
  source: TopicSource,
  declared: ReadonlyMap<string, DeclaredTopic>,
): Promise<readonly TopicSummary[]> {
  const { store, namespace } = source;
  const prefix = topicLabel("");
  const found = new Map<string, { readonly entries: number; readonly lastPosition: number }>();
  for (const { label, ...rest } of await store.labels(namespace))
    if (label.startsWith(prefix)) found.set(label.slice(prefix.length), rest);
  const summaries: TopicSummary[] = [];
  for (const name of [...new Set([...declared.keys(), ...found.keys()])].sort()) {
    const { entries = 0, lastPosition = 0 } = found.get(name) ?? {};
    const [newest] = entries === 0 ? [] : await eventsAfter(source, name, lastPosition - 1, 1);
    summaries.push(summaryOf(name, entries, newest, declared.get(name)));
  }
  return summaries;
}

function summaryOf(
  name: string,
  events: number,
  newest: TopicEvent | undefined,
  declared: DeclaredTopic | undefined,
): TopicSummary {
  const { description, key, retentionMs, contract } = declared?.topic ?? {};
  return Object.freeze({
    name,
    contract: contract?.id ?? newest?.facts.contract ?? "",
    ...(description === undefined ? {} : { description }),
    events,
    ...(newest === undefined ? {} : { newestAt: newest.at }),
    keyed: declared === undefined ? newest?.facts.key !== undefined : key !== undefined,
    ...(retentionMs === undefined ? {} : { retentionMs }),
    publishers: declared?.publishers ?? [],
    subscribers: declared?.subscribers ?? [],
  });
}

/** Which events are asked for. */
export interface EventsOptions {
  /** Continue after the event with this `position`; from the beginning if left out. */
  readonly after?: number;
  /** At most this many. */
  readonly limit?: number;
  /** Only those of one correlation id. */
  readonly correlation?: string;
  /** Waits for new ones when all were given, until `signal` aborts, or Baton is closed. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/** The events of a topic, in the order of arrival. @throws BatonError TOPIC_NOT_FOUND */
export async function* readEvents(
  source: WatchSource,
  declared: ReadonlyMap<string, DeclaredTopic>,
  topic: string,
  options: EventsOptions = {},
): AsyncGenerator<RecordedEvent, void, undefined> {
  const { limit = Number.POSITIVE_INFINITY, correlation, follow = false, signal } = options;
  await checkKnown(source, declared, topic);
  let [after, given, over] = [options.after ?? 0, 0, false];
  const bell = makeBell();
  const leave = follow
    ? source.subscribeTopic?.(topic, {
        changed: bell.ring,
        ended: () => {
          over = true;
          bell.ring();
        },
      })
    : undefined;
  signal?.addEventListener("abort", bell.ring);
  try {
    while (signal?.aborted !== true && given < limit) {
      const heard = bell.heard();
      const page = await eventsAfter(source, topic, after);
      for (const event of page) {
        if (given >= limit) return;
        after = event.position;
        if (correlation !== undefined && event.correlation !== correlation) continue;
        given += 1;
        yield await recordedEvent(source, event);
      }
      if (page.length > 0) continue;
      if (!follow || over) return;
      await bell.wait(heard, source.subscribeTopic === undefined ? source.clock : undefined);
    }
  } finally {
    leave?.();
    signal?.removeEventListener("abort", bell.ring);
  }
}

/** The event of an id. @throws BatonError EVENT_NOT_FOUND */
export async function readEvent(source: TopicSource, id: string): Promise<RecordedEvent> {
  const event = await eventWithId(source, id);
  if (event !== undefined) return await recordedEvent(source, event);
  throw new BatonError("EVENT_NOT_FOUND", `There is no event ${id}.`, { details: { id } });
}

async function checkKnown(
  { store, namespace }: TopicSource,
  declared: ReadonlyMap<string, DeclaredTopic>,
  topic: string,
): Promise<void> {
  if (declared.has(topic)) return;
  const prefix = topicLabel("");
  const labels = (await store.labels(namespace)).map(({ label }) => label);
  if (labels.includes(topicLabel(topic))) return;
  const had = labels.filter((label) => label.startsWith(prefix));
  const known = new Set([...declared.keys(), ...had.map((label) => label.slice(prefix.length))]);
  throw unknownTopic(topic, [...known]);
}

/** An event with all that the journal says of it. */
export async function recordedEvent(
  source: TopicSource,
  event: PlacedEvent,
): Promise<RecordedEvent> {
  const { facts, stream, seq, position, at, by, path, correlation, traceId, data } = event;
  const { id, topic, contract, key, hops, origin } = facts;
  const causation = origin === undefined ? await causeOf(source, event) : origin.causation;
  return Object.freeze({
    id,
    topic,
    contract,
    ...(key === undefined ? {} : { key }),
    correlation,
    ...(causation === undefined ? {} : { causation }),
    hops,
    at,
    by,
    ...(path === undefined ? {} : { path }),
    namespace: source.namespace,
    stream,
    seq,
    position,
    traceId: traceId ?? traceIdOf(source.namespace, correlation),
    ...(origin === undefined ? {} : { origin: origin.source }),
    ...(origin?.spanId === undefined ? {} : { spanId: origin.spanId }),
    data,
  });
}

/** The path of a delivery names the entry of its event, which knows the event's id. */
async function causeOf(
  { store, namespace }: TopicSource,
  { stream, path }: PlacedEvent,
): Promise<string | undefined> {
  const seq = /#(\d+)$/.exec(path ?? "")?.[1];
  if (seq === undefined) return undefined;
  for await (const { entry } of readStream(store, { namespace, stream }, Number(seq))) {
    const { id } = entry.payload;
    return entry.kind.startsWith("event.") && typeof id === "string" ? id : undefined;
  }
  return undefined;
}
