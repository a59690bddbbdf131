/**
 * Being told in memory that a topic has more events; they are read by topic-events.ts.
 */
import { topicLabel } from "../../model/event-facts.ts";
import type { Sealed } from "../../journal/seal.ts";
import type { Actor, Core, TopicWatcher } from "./core.ts";

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

/** Tells those who read the topics of what a run has published. Asked only where somebody reads a topic. */
export function tellTopics(core: Core, { run: { definition } }: Actor, { entries }: Sealed): void {
  const publisher = definition.choreography === undefined ? undefined : definition.name;
  for (const { stored } of entries) {
    const { label } = stored;
    if (label === undefined) continue;
    for (const told of core.topicWatchers.get(label) ?? []) told(publisher);
  }
}
