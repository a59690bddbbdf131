/** Events of the journal as CloudEvents 1.0, validated by the SDK. All of it is filled in from the journal. */
import { CloudEvent } from "cloudevents";
import { eventSpanId, traceparentOf } from "../../journal/trace-ids.ts";
import type { Json } from "../../model/json.ts";
import type { RecordedEvent } from "../../model/recorded-event.ts";

/** A CloudEvent 1.0 in its JSON format. Of our own: the SDK's types need those of Node. */
export interface CloudEventJson {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  /** The topic. */
  readonly type: string;
  /** The key. */
  readonly subject?: string;
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly dataschema: string;
  readonly correlationid: string;
  readonly causationid?: string;
  readonly traceparent: string;
  readonly partitionkey?: string;
  readonly sequence: string;
  /** Events before it in the chain that led to it. */
  readonly hops: number;
  readonly data: Json;
}

/** Digits of the largest position: as text they are in the order of the numbers, as the extension `sequence` wants it. */
const SEQUENCE_DIGITS = 16;

/**
 * The event as a CloudEvent: `source` is the stream that has it, `type` the topic, `subject` and `partitionkey` its key,
 * `dataschema` the contract; `sequence` is its place in the order of arrival, `correlationid`, `causationid` and `traceparent`
 * say what it belongs to.
 *
 * @example for await (const event of baton.events("research.findings")) send(cloudEvent(event));
 */
export function cloudEvent(event: RecordedEvent): CloudEventJson {
  const { id, topic, contract, key, correlation, causation, at, position, hops, data } = event;
  // One that came over a bus keeps the span in which it was published: its trace has no other.
  const { traceId, spanId = eventSpanId(id) } = event;
  const made: CloudEventJson = {
    specversion: "1.0",
    id,
    source: sourceOf(event),
    type: topic,
    time: new Date(at).toISOString(),
    datacontenttype: "application/json",
    dataschema: `baton:contract/${contract}`,
    ...(key === undefined || key === "" ? {} : { subject: key, partitionkey: key }),
    correlationid: correlation,
    ...(causation === undefined ? {} : { causationid: causation }),
    traceparent: traceparentOf(traceId, spanId),
    sequence: String(position).padStart(SEQUENCE_DIGITS, "0"),
    hops,
    data,
  };
  // Throws where the specification would not have it.
  new CloudEvent<Json>({ ...made }).validate();
  return Object.freeze(made);
}

/** A URI reference; ids may have characters that are something else there. */
function sourceOf({ namespace, stream }: RecordedEvent): string {
  return `/baton/${[namespace, ...stream.split("/")].map(encodeURIComponent).join("/")}`;
}
