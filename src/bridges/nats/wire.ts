/**
 * Messages of the bus as messages of NATS: the binary mode of CloudEvents, in which each attribute is a header `ce-<name>` and
 * the data are the payload. What other programs send in the structured mode (all of it as one JSON text) is read, too.
 */
import type { BusMessage } from "../../ports/bus.ts";

const PREFIX = "ce-";
/** Of W3C Trace Context: for consumers that know nothing of CloudEvents, and from publishers that don't. */
const TRACEPARENT = "traceparent";
/** What a header can't carry as it is, and the sign of the encoding itself. */
const ENCODED = /[^\u0021\u0023\u0024\u0026-\u007e]/gu;

/** A message of NATS, as far as it matters here. */
export interface WireMessage {
  readonly headers: ReadonlyMap<string, string>;
  readonly payload: string;
}

export function toWire({ attributes, data }: BusMessage): WireMessage {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(attributes))
    headers.set(`${PREFIX}${name}`, encodeValue(value));
  const { datacontenttype, traceparent } = attributes;
  if (datacontenttype !== undefined) headers.set("content-type", datacontenttype);
  if (traceparent !== undefined) headers.set(TRACEPARENT, traceparent);
  return { headers, payload: data };
}

/** `key` is what the subject says of the order, where the message itself says nothing. */
export function fromWire(
  topic: string,
  { headers, payload }: WireMessage,
  key: string | undefined,
): BusMessage {
  const found: Record<string, string> = {};
  const around: Record<string, string> = {};
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (lower.startsWith(PREFIX)) found[lower.slice(PREFIX.length)] = decodeValue(value);
    if (lower === TRACEPARENT) around[TRACEPARENT] = value;
  }
  const structured = found["specversion"] === undefined ? structuredOf(payload) : undefined;
  const { attributes: said, data } = structured ?? { attributes: found, data: payload };
  // What the event itself says of its trace is of its publisher; what stands around it may be of somebody on the way.
  const attributes = { ...around, ...said };
  const ordered = attributes["partitionkey"] ?? key;
  return { topic, ...(ordered === undefined ? {} : { key: ordered }), attributes, data };
}

function structuredOf(payload: string): Pick<BusMessage, "attributes" | "data"> | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(payload);
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null || !("specversion" in parsed)) return undefined;
  const { data = null, ...rest } = parsed as typeof parsed & { readonly data?: unknown };
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(rest))
    attributes[name] = typeof value === "string" ? value : JSON.stringify(value);
  return { attributes, data: JSON.stringify(data) };
}

function encodeValue(value: string): string {
  return value
    .toWellFormed()
    .replace(ENCODED, (sign) =>
      [...new TextEncoder().encode(sign)]
        .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
        .join(""),
    );
}

/** A value that is not encoded as it should be stands for itself. */
function decodeValue(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
