/** An event as it is read from the journal. */
import type { Author } from "./entry.ts";
import type { Json } from "./json.ts";

export interface RecordedEvent {
  /** Of one published in a run `<run>@<seq>`, of one from outside as its publisher said. */
  readonly id: string;
  readonly topic: string;
  /** `name@version` of the topic's contract when it was published. */
  readonly contract: string;
  /** What the event is about; absent if the topic has no key. */
  readonly key?: string;
  /** Of the run that began it all, or of the event from outside that did. */
  readonly correlation: string;
  /** The event whose delivery led to this one; absent for one that nothing led to. */
  readonly causation?: string;
  /** Events before it in the chain that led to it. */
  readonly hops: number;
  /** When it was published, in milliseconds since 1970. */
  readonly at: number;
  readonly by: Author;
  /** What of its run published it: a step, or a delivery as `subscription#seq`. Absent for an event from outside. */
  readonly path?: string;
  readonly namespace: string;
  /** The journal's stream and the entry in it. */
  readonly stream: string;
  readonly seq: number;
  /** In the order of arrival over the whole store: `after` of the next look. */
  readonly position: number;
  /** Of one that came over the bus: the `source` under which it was published there. */
  readonly origin?: string;
  /** 32 hex digits: of the trace that all of its correlation belongs to. */
  readonly traceId: string;
  /** Of one that came over the bus: the span of its trace in which it was published there. 16 hex digits. */
  readonly spanId?: string;
  readonly data: Json;
}

/** A topic with how much it had. */
export interface TopicSummary {
  readonly name: string;
  /** `name@version` of its contract in today's code; of a topic that no code names, of its newest event. */
  readonly contract: string;
  readonly description?: string;
  /** Events so far. */
  readonly events: number;
  /** When the newest was published, in milliseconds since 1970; absent if there was none. */
  readonly newestAt?: number;
  readonly keyed: boolean;
  readonly retentionMs?: number;
  /** What publishes to it in today's code: `workflow/step`, or a choreography that begins with it. */
  readonly publishers: readonly string[];
  /** What takes its events in today's code, written the same way. */
  readonly subscribers: readonly string[];
}
