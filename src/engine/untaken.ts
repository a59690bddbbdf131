/** Events that a choreography should have begun a run of, and has not: found from the journal alone. */
import { runStream } from "../model/entry.ts";
import type { IntakeRecord } from "../model/event-facts.ts";
import { runIdFor } from "./run-id.ts";
import { isOwnEvent, LAG_MAX } from "./subscriptions.ts";
import { eventsAfter, type TopicEvent, type TopicSource } from "./topic-events.ts";

/**
 * The first event that a subscription could take and has not; undefined where there is none, where those that are there wait for
 * their turn, as its order and its places demand, and where it is paused. Looks at the next 10,000 events at most.
 */
export async function firstUntaken(
  source: TopicSource,
  name: string,
  record: IntakeRecord,
  concurrency: number,
): Promise<TopicEvent | undefined> {
  const { store, namespace } = source;
  if (record.paused) return undefined;
  const lines = new Set<string>();
  let [after, looked, places] = [record.position, 0, concurrency];
  while (looked < LAG_MAX) {
    const page = await eventsAfter(source, record.topic, after);
    for (const event of page) {
      looked += 1;
      after = event.position;
      const { key } = event.facts;
      const stream = runStream(runIdFor(name, record, event));
      const head = await store.head({ namespace, stream });
      if (head?.open === true) {
        // A run that waits for a person holds up those of its key, and nobody else.
        if (head.status !== "parked") places -= 1;
        if (key !== undefined) lines.add(key);
      } else if (head === undefined && !(key !== undefined && lines.has(key))) {
        if (places <= 0) return undefined;
        if (!(await isOwnEvent(source, name, event))) return event;
      }
    }
    if (page.length === 0) return undefined;
  }
  return undefined;
}
