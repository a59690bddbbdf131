/**
 * Reading events: those of a topic in the order of arrival, after a position, page by page; and one by its place or its id.
 */
import { arrivedEntry, type RecordedEntry } from "../history/read.ts";
import { type Author, type Position, runStream } from "../model/entry.ts";
import { type EventFacts, eventStream, topicLabel } from "../model/event-facts.ts";
import type { Json } from "../model/json.ts";
import type { JournalStore, LabelledEntry } from "../ports/journal-store.ts";

/** What reading a topic needs. */
export interface TopicSource {
  readonly store: JournalStore;
  readonly namespace: string;
}

/** An event, and where its entry is. */
export interface FoundEvent {
  readonly stream: string;
  readonly seq: number;
  /** When it was published; milliseconds since 1970. */
  readonly at: number;
  /** Path of what published it; undefined for one from outside. */
  readonly path: string | undefined;
  readonly by: Author;
  readonly causation: Position | undefined;
  readonly facts: EventFacts;
  readonly correlation: string;
  /** Of one that came over the bus with a trace of its own. */
  readonly traceId: string | undefined;
  readonly data: Json;
}

/** An event with its place in the order of arrival over all streams. */
export interface PlacedEvent extends FoundEvent {
  readonly position: number;
}

/** An event as its topic has it. */
export interface TopicEvent extends PlacedEvent {
  /** What the index says of the stream: of a run, its workflow. */
  readonly type: string;
}

/** Events that are read at once. */
const PAGE = 200;

/** Events of a topic after a position, at most a page of them. */
export async function eventsAfter(
  source: TopicSource,
  topic: string,
  position: number,
  limit = PAGE,
): Promise<readonly TopicEvent[]> {
  const arrived = await arrivedAfter(source, topic, position, limit);
  return await Promise.all(arrived.map((each) => eventOf(source, each)));
}

/** The same as they are stored: for who passes over most of them. */
export function arrivedAfter(
  { store, namespace }: TopicSource,
  topic: string,
  position: number,
  limit = PAGE,
): Promise<readonly LabelledEntry[]> {
  return store.labelled(namespace, topicLabel(topic), position, Math.min(limit, PAGE));
}

/** An event out of its stored entry. @throws BatonError JOURNAL_BROKEN, ENTRY_UNKNOWN */
export async function eventOf({ store }: TopicSource, stored: LabelledEntry): Promise<TopicEvent> {
  const { position, type, stream } = stored;
  return { position, type, ...foundEvent(await arrivedEntry(store, stored), stream) };
}

/** The event whose entry is at a place; undefined if nothing is there. */
export async function eventAt(
  { store, namespace }: TopicSource,
  { stream, seq }: Position,
): Promise<FoundEvent | undefined> {
  const [stored] = await store.read({ namespace, stream }, seq, 1);
  if (stored === undefined) return undefined;
  return foundEvent(await arrivedEntry(store, { ...stored, namespace, stream }), stream);
}

/** The event of an id: one from outside has a stream of its own, one of a run names its entry. */
export async function eventWithId(
  { store, namespace }: TopicSource,
  id: string,
): Promise<PlacedEvent | undefined> {
  const [, run, seq] = /^(.+)@(\d+)$/.exec(id) ?? [];
  const stream = run === undefined ? eventStream(id) : runStream(run);
  const arrived = await store.arrived({ namespace, stream }, Number(seq ?? 0));
  if (arrived === undefined) return undefined;
  const recorded = await arrivedEntry(store, arrived);
  const { kind, payload } = recorded.entry;
  // Other entries of a run are no events, and one that was received has its id from elsewhere.
  const isIt = kind === "event.published" && payload["id"] === id;
  return isIt ? { position: arrived.position, ...foundEvent(recorded, stream) } : undefined;
}

function foundEvent({ entry, value = null }: RecordedEntry, stream: string): FoundEvent {
  // Only events carry a topic's label, and their payload was checked when it was sealed.
  const facts = entry.payload as unknown as EventFacts;
  return {
    stream,
    seq: entry.seq,
    at: entry.at,
    path: entry.path,
    by: entry.by,
    causation: entry.causation,
    facts,
    correlation: facts.correlation ?? stream.slice(stream.indexOf("/") + 1),
    traceId: entry.traceId,
    data: value,
  };
}
