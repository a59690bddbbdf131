/** Events that came when the runs of those who take them had ended: nothing follows from them unless a person sees to it. */
import { readStream } from "../history/read.ts";
import { type UnclaimedRecord, UNCLAIMED_PREFIX } from "../model/event-facts.ts";
import type { TopicSource } from "./topic-events.ts";

/** An event that came too late. */
export interface LateEvent {
  readonly id: string;
  readonly topic: string;
  readonly correlation: string;
  /** Names of the choreographies that would have taken it. */
  readonly choreographies: readonly string[];
  /** When it was set aside; milliseconds since 1970. */
  readonly at: number;
}

/** The newest first. */
export async function readLate(
  { store, namespace }: TopicSource,
  limit: number,
): Promise<readonly LateEvent[]> {
  const prefix = UNCLAIMED_PREFIX;
  const filter = { namespace, prefix, status: "late", order: "newest", limit } as const;
  const found: LateEvent[] = [];
  for (const { stream } of await store.heads(filter)) {
    const [encoded = ""] = stream.slice(prefix.length).split("/");
    for await (const { entry } of readStream(store, { namespace, stream })) {
      // The stream has one entry, which the engine wrote.
      const { id, topic, late } = entry.payload as unknown as UnclaimedRecord;
      const correlation = decodeURIComponent(encoded);
      found.push({ id, topic, correlation, choreographies: late, at: entry.at });
    }
  }
  return found;
}
