/** What the journal says of events besides their data, and of how far those who take them have come. */
import type { Violation } from "./violation.ts";

/** What is said of an event besides its data. */
export interface EventFacts {
  readonly topic: string;
  /** `name@version` of the topic's contract when it was published. */
  readonly contract: string;
  readonly id: string;
  readonly hops: number;
  readonly key?: string;
  /** Under which what follows from one beginning is found; absent where it is the run's, or the event's, own id. */
  readonly correlation?: string;
  /** Absent for an event of this very store. */
  readonly origin?: EventOrigin;
}

/** Where an event was published that came over the bus. */
export interface EventOrigin {
  /** The CloudEvent's `source`. */
  readonly source: string;
  /** The id of the event that led to it there. */
  readonly causation?: string;
  /** The choreography of which a run has published it there. */
  readonly choreography?: string;
  /** The span in which it was published there, of the entry's trace. */
  readonly spanId?: string;
}

/** What is kept of a message of the bus that was not taken, or of an event that the bus did not take. */
export interface RefusedMessage {
  readonly topic: string;
  readonly direction: "in" | "out";
  /** Of the bus: kind and place. */
  readonly bus: string;
  /** Where it stands there, or, of one that was to leave, in the journal. */
  readonly position: number;
  /** The attributes of the CloudEvent, as they came. */
  readonly attributes: Readonly<Record<string, string>>;
  /** SHA-256 (hex) of its data, and their length: of the data themselves only what violations name is kept. */
  readonly dataHash: string;
  readonly dataBytes: number;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly violations?: readonly Violation[];
  };
}

/** Where the subscription of a choreography to its first topic stands. */
export interface IntakeRecord {
  readonly topic: string;
  /** Everything up to this place in the order of arrival has been dealt with. */
  readonly position: number;
  /** How often it was rewound. */
  readonly generation: number;
  readonly paused: boolean;
  readonly reason?: string;
  /** Of a reader of a bus outside of the store: which log the position is in. */
  readonly log?: string;
}

/**
 * An event that no run took when it came. `early`: workflows of which no run had begun under its correlation id; `late`:
 * choreographies of which one had ended.
 */
export interface UnclaimedRecord {
  readonly topic: string;
  readonly id: string;
  readonly early: readonly string[];
  readonly late: readonly string[];
}

/** By which the store finds the events of a topic. */
export function topicLabel(topic: string): string {
  return `topic/${topic}`;
}

/** The stream of an event that was published from outside. */
export function eventStream(id: string): string {
  return `event/${id}`;
}

/** The stream of a choreography's subscription to its first topic. */
export function subscriptionStream(name: string): string {
  return `subscription/${name}`;
}

/** The stream of a message that was refused: the very same message has the same. */
export function refusedStream(hash: string): string {
  return `refused/${hash}`;
}
/** What the streams of unclaimed events of one correlation id begin with. */
export function unclaimedPrefix(correlation: string): string {
  // Ids of runs have slashes.
  return `${UNCLAIMED_PREFIX}${encodeURIComponent(correlation)}/`;
}

/** What the streams of all unclaimed events begin with. */
export const UNCLAIMED_PREFIX = "unclaimed/";
