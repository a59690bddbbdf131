/**
 * Reading a topic: its events in the order of arrival, after a position, page by page; and being told when there are more.
 */
import { arrivedEntry } from "../../history/read.ts";
import { type EventFacts, topicLabel } from "../../model/entry.ts";
import type { Json } from "../../model/json.ts";
import type { Core, TopicWatcher } from "./core.ts";

/** An event with its place. */
export interface TopicEvent {
  /** In the order of arrival over all streams. */
  readonly position: number;
  readonly stream: string;
  readonly seq: number;
  /** When it was published; milliseconds since 1970. */
  readonly at: number;
  /** Path of what published it; undefined for one from outside. */
  readonly path: string | undefined;
  readonly facts: EventFacts;
  readonly correlation: string;
  readonly data: Json;
}

/** Events that are read at once. */
const PAGE = 200;

/** Events of a topic after a position, at most `limit` (a page, if left out). */
export async function eventsAfter(
  core: Pick<Core, "store" | "namespace">,
  topic: string,
  position: number,
  limit = PAGE,
): Promise<readonly TopicEvent[]> {
  const { store, namespace } = core;
  const arrived = await store.labelled(namespace, topicLabel(topic), position, limit);
  return await Promise.all(
    arrived.map(async (each) => {
      const { entry, value = null } = await arrivedEntry(store, each);
      // Only events carry a topic's label, and their payload was checked when it was sealed.
      const facts = entry.payload as unknown as EventFacts;
      return {
        position: each.position,
        stream: each.stream,
        seq: each.seq,
        at: entry.at,
        path: entry.path,
        facts,
        correlation: facts.correlation ?? each.stream.slice(each.stream.indexOf("/") + 1),
        data: value,
      };
    }),
  );
}

/** Calls `told` whenever something may have been published to the topic, until the function that is given back is called. */
export function watchTopic(core: Core, topic: string, told: TopicWatcher): () => void {
  const label = topicLabel(topic);
  const watchers = core.topicWatchers.get(label) ?? new Set<TopicWatcher>();
  core.topicWatchers.set(label, watchers.add(told));
  return () => {
    watchers.delete(told);
    if (watchers.size === 0) core.topicWatchers.delete(label);
  };
}

/** Tells those who read the topic that there is more. */
export function tellTopic(core: Core, topic: string): void {
  for (const told of core.topicWatchers.get(topicLabel(topic)) ?? []) told(undefined);
}
