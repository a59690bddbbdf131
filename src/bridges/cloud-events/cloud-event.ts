/** Events of the journal as CloudEvents 1.0, made and validated by the SDK. All of it is filled in from the journal. */
import { createHash } from "node:crypto";
import { CloudEvent } from "cloudevents";
import type { Json } from "../../model/json.ts";
import type { RecordedEvent } from "../../model/recorded-event.ts";

/** Digits of the largest position: as text they are in the order of the numbers, as the extension `sequence` wants it. */
const SEQUENCE_DIGITS = 16;

/**
 * The event as a CloudEvent: `source` is the stream that has it, `type` the topic, `subject` and `partitionkey` its key,
 * `dataschema` the contract; `sequence` is its place in the order of arrival, `correlationid`, `causationid` and `traceparent`
 * say what it belongs to.
 *
 * @example for await (const event of baton.events("research.findings")) send(cloudEvent(event));
 */
export function cloudEvent(event: RecordedEvent): CloudEvent<Json> {
  const { id, topic, contract, key, correlation, causation, at, position, traceId, data } = event;
  return new CloudEvent<Json>({
    id,
    source: sourceOf(event),
    type: topic,
    time: new Date(at).toISOString(),
    datacontenttype: "application/json",
    dataschema: `baton:contract/${contract}`,
    ...(key === undefined || key === "" ? {} : { subject: key, partitionkey: key }),
    correlationid: correlation,
    ...(causation === undefined ? {} : { causationid: causation }),
    traceparent: `00-${traceId}-${spanIdOf(id)}-01`,
    sequence: String(position).padStart(SEQUENCE_DIGITS, "0"),
    data,
  });
}

/** A URI reference; ids may have characters that are something else there. */
function sourceOf({ namespace, stream }: RecordedEvent): string {
  return `/baton/${[namespace, ...stream.split("/")].map(encodeURIComponent).join("/")}`;
}

/** 16 hex digits: the span in which the event was published. */
function spanIdOf(id: string): string {
  return createHash("sha256").update(`baton/span/v1\n${id}`).digest("hex").slice(0, 16);
}
