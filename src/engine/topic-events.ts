/**
 * Reading a topic: its events in the order of arrival, after a position, page by page.
 */
import { arrivedEntry, type RecordedEntry } from "../history/read.ts";
import { type Author, type Position } from "../model/entry.ts";
import { type EventFacts, topicLabel } from "../model/event-facts.ts";
import type { Json } from "../model/json.ts";
import type { JournalStore } from "../ports/journal-store.ts";

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

/** An event with its place in its topic. */
export interface TopicEvent extends FoundEvent {
  /** In the order of arrival over all streams. */
  readonly position: number;
}

/** Events that are read at once. */
const PAGE = 200;

/** Events of a topic after a position, at most a page of them. */
export async function eventsAfter(
  { store, namespace }: TopicSource,
  topic: string,
  position: number,
  limit = PAGE,
): Promise<readonly TopicEvent[]> {
  const arrived = await store.labelled(
    namespace,
    topicLabel(topic),
    position,
    Math.min(limit, PAGE),
  );
  return await Promise.all(
    arrived.map(async (each) => ({
      position: each.position,
      ...foundEvent(await arrivedEntry(store, each), each.stream),
    })),
  );
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
