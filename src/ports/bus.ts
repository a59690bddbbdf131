/**
 * The bus port: CloudEvents on topics, as plain encoded values.
 *
 * Promises of every implementation (test/conformance/bus.ts holds them):
 * U1. When publish resolves, every message is durable. A message may be there more than once after a failure.
 * U2. A group is handed every message of its topic from its place on, at least once: its place is never beyond a message whose
 *     handling has not resolved. Several groups each get each message.
 * U3. Messages of one key are handled one after the other, in the order in which they were published; those of others beside them.
 * U4. Handling that throws is tried again after a pause that grows; the messages of its key wait for it.
 * U5. No more messages are in hand than was asked for.
 * U6. A bus that can't be reached is waited for: nothing is lost, and nothing has to be begun anew.
 */
import type { Position } from "../model/entry.ts";
import type { EventOrigin } from "../model/event-facts.ts";
import type { Json } from "../model/json.ts";
import type { RecordedEvent } from "../model/recorded-event.ts";
import type { Clock } from "./clock.ts";
import type { LogSink } from "./log-sink.ts";

/** A message: a CloudEvent 1.0, or something that is none yet. */
export interface BusMessage {
  readonly topic: string;
  /** What decides its order; without one it has none. */
  readonly key?: string;
  /** The context attributes of the CloudEvent as text, by name: `id`, `source`, `type`, and so on. */
  readonly attributes: Readonly<Record<string, string>>;
  /** The data, as JSON text. */
  readonly data: string;
}

/** How far a group has come. */
export interface BusPlace {
  /** Everything up to here has been handled. */
  readonly position: number;
  /** Which log the position is in, where it may be replaced by another: a stream that was deleted and made again. */
  readonly log?: string;
}

/** Where a group's place is kept. */
export interface PlaceKeeper {
  readonly place: () => BusPlace | undefined;
  /** Resolves once it is durable. */
  readonly keep: (place: BusPlace) => Promise<void>;
}

/** The keeper of one group's place in one topic. */
export type Places = (group: string, topic: string) => Promise<PlaceKeeper>;

/** Where a group begins that has no place yet; an ISO time for the messages from then on. */
export type BusStart = "beginning" | "now" | (string & {});

export interface Consumption {
  readonly topic: string;
  readonly group: string;
  readonly from: BusStart;
  /** Messages that are in hand at a time, at most. */
  readonly inFlightMax: number;
  /** What decides the order of a message; its own key if left out. */
  readonly keyOf?: (message: BusMessage) => string | undefined;
  /** Resolves once nothing of the message can be lost any more. `place` says where it stands, for people. */
  readonly handle: (message: BusMessage, place: BusPlace) => Promise<void>;
}

/** A consumption that goes on until it is stopped. */
export interface Consumer {
  /** Messages that are still to be handled, counted up to 10,000; undefined where that can't be told now. */
  readonly lag: () => Promise<number | undefined>;
  /** Messages in hand. */
  readonly underWay: () => number;
  /** Why this topic can't be read where the bus itself can be reached; undefined where it can. */
  readonly trouble?: () => string | undefined;
  /** Takes no more, waits a moment for what is in hand, and keeps its place. */
  readonly stop: () => Promise<void>;
}

export interface Bus {
  /** Kind and place, for messages: `nats://localhost:4222`. */
  readonly label: string;
  /** Resolves once all are durable; waits for a bus that can't be reached. @throws BatonError VALUE_TOO_LARGE, where the bus will never take one */
  readonly publish: (messages: readonly BusMessage[]) => Promise<void>;
  readonly consume: (consumption: Consumption) => Promise<Consumer>;
  /** Why it can't be reached now; undefined where it can. */
  readonly trouble: () => string | undefined;
  /** Ends all that was begun; what waits is refused. */
  readonly close: () => Promise<void>;
}

/** What a bus outside is opened with. */
export interface BusContext {
  readonly namespace: string;
  /** Who publishes and consumes. */
  readonly group: string;
  /** The topics that cross, with how long each is kept. */
  readonly topics: readonly { readonly name: string; readonly retentionMs?: number }[];
  readonly places: Places;
  readonly clock: Clock;
  readonly log: LogSink;
}

/** A bus outside of the store, as `open({ bus })` takes it. */
export interface BusFactory {
  /** The topics that cross; all that code names if left out. */
  readonly topics?: readonly string[];
  /** Where a deployment begins that is new to the bus. */
  readonly from: BusStart;
  /** Messages in hand for each topic and direction. */
  readonly inFlightMax: number;
  /** Does not wait until the bus can be reached. @throws BatonError DEPENDENCY_MISSING */
  readonly open: (context: BusContext) => Promise<Bus>;
}

/** What a message says, checked as far as that is possible without its topic's contract. */
export type DecodedMessage =
  | {
      readonly kind: "event";
      readonly id: string;
      readonly source: string;
      readonly correlation: string;
      readonly causation?: string;
      readonly hops: number;
      /** The trace of the publisher, and the span in which it was published. */
      readonly traceId?: string;
      readonly spanId?: string;
      /** The choreography of which a run has published it. */
      readonly choreography?: string;
      readonly data: Json;
    }
  | { readonly kind: "refused"; readonly message: string };

/** An event that is to leave the store. */
export interface LeavingEvent {
  readonly event: RecordedEvent;
  readonly choreography?: string;
  /** Where it came from, of one that came over the bus itself. */
  readonly origin?: EventOrigin;
}

/** Between events of the journal and messages of the bus, for one deployment. */
export interface BusCodec {
  readonly encode: (leaving: LeavingEvent) => BusMessage;
  readonly decode: (message: BusMessage) => DecodedMessage;
  /** Where in its journal this very deployment has published the message, as it says; undefined for one of another. */
  readonly ownPlace: (message: BusMessage) => Position | undefined;
}
