/**
 * Events of the journal as messages of a bus, and back.
 *
 * On a bus the events of several deployments meet, and a CloudEvent is told from others by its source and its id. So its source
 * names the group that has published it (`//orders/baton/default/run/r1`), and the id of an event of a run, which is a place in
 * one journal only, begins with it (`orders+r1@3`). Ids that publishers have chosen, and those that came over a bus, stay as they are.
 */
import { CloudEvent } from "cloudevents";
import { remoteSpan } from "../../journal/trace-ids.ts";
import type { Position } from "../../model/entry.ts";
import type { Json } from "../../model/json.ts";
import type { BusCodec, BusMessage, DecodedMessage, LeavingEvent } from "../../ports/bus.ts";
import { cloudEvent } from "./cloud-event.ts";

/** Ids become parts of run ids, file names and URLs. */
const ID = /^[A-Za-z0-9][A-Za-z0-9._:@/~+=-]{0,255}$/;
const CORRELATION = /^[A-Za-z0-9][A-Za-z0-9._:@/~-]{0,199}$/;
/** A place in a journal; of which, is not said. No correlation, and so no run id before its first slash, has a plus. */
const BARE_PLACE = /^(?![^/+]*\+).*@\d+$/;
const HOPS = /^\d{1,9}$/;
const JSON_TYPE = /^application\/([a-z0-9.+-]+\+)?json\b/i;

/** The codec of one deployment. */
export function busCodec(group: string): BusCodec {
  return {
    encode: (leaving) => encode(leaving, group),
    decode,
    ownPlace: ({ attributes }) => ownPlace(attributes, group),
  };
}

/** The stream stands in the source; of an event of a run, its entry is named by the id. */
function ownPlace(
  { source = "", id = "" }: Readonly<Record<string, string>>,
  group: string,
): Position | undefined {
  const own = `//${group}/baton/`;
  if (!source.startsWith(own)) return undefined;
  const [, ...stream] = source.slice(own.length).split("/").map(decoded);
  return { stream: stream.join("/"), seq: Number(/@(\d+)$/.exec(id)?.[1] ?? 0) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function encode({ event, choreography, origin }: LeavingEvent, group: string): BusMessage {
  const { data, ...rest } = cloudEvent(event);
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(rest)) attributes[name] = String(value);
  const { causation } = event;
  if (origin === undefined) {
    attributes["source"] = `//${group}${rest.source}`;
    if (event.stream.startsWith("run/")) attributes["id"] = `${group}+${event.id}`;
    if (causation !== undefined && BARE_PLACE.test(causation))
      attributes["causationid"] = `${group}+${causation}`;
  } else attributes["source"] = origin.source;
  const published = origin === undefined ? choreography : origin.choreography;
  if (published !== undefined) attributes["choreography"] = published;
  return {
    topic: event.topic,
    ...(event.key === undefined ? {} : { key: event.key }),
    attributes,
    data: JSON.stringify(data),
  };
}

function decode({ topic, attributes, data: text }: BusMessage): DecodedMessage {
  const data = parsed(text);
  if (data === undefined) return refused("Its data is not JSON.");
  if (!Object.values(attributes).every((value) => value.isWellFormed()))
    return refused("An attribute of it is not well-formed text.");
  const invalid = invalidity(attributes, data);
  if (invalid !== undefined) return refused(`It is no CloudEvent 1.0: ${invalid}`);
  const { id = "", source = "", type, datacontenttype, causationid, choreography } = attributes;
  const { correlationid: correlation = id, hops = "0", traceparent = "" } = attributes;
  if (type !== topic) return refused(`Its type is ${type ?? "missing"}, its topic ${topic}.`);
  if (datacontenttype !== undefined && !JSON_TYPE.test(datacontenttype))
    return refused(`Its data is ${datacontenttype}, and not JSON.`);
  if (!ID.test(id)) return refused("Its id has characters that ids do not have, or too many.");
  if (BARE_PLACE.test(id))
    return refused("Its id is that of an event of a run, and does not say of which deployment.");
  if (!CORRELATION.test(correlation)) return refused("Its correlationid can't be that of a run.");
  if (!HOPS.test(hops)) return refused("Its hops are not a whole number.");
  return {
    kind: "event",
    id,
    source,
    correlation,
    hops: Number(hops),
    ...(causationid === undefined ? {} : { causation: causationid }),
    ...remoteSpan(traceparent),
    ...(choreography === undefined ? {} : { choreography }),
    data,
  };
}

function refused(message: string): DecodedMessage {
  return { kind: "refused", message };
}

function parsed(text: string): Json | undefined {
  try {
    // What JSON.parse gives is JSON.
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** What the SDK has against the attributes; it throws where a required one is missing, or one has a wrong form. */
function invalidity(attributes: Readonly<Record<string, string>>, data: Json): string | undefined {
  const { id, source, type, specversion } = attributes;
  for (const [name, value] of Object.entries({ id, source, type, specversion }))
    if (value === undefined || value === "") return `it has no ${name}.`;
  try {
    new CloudEvent<Json>({ ...attributes, data }).validate();
    return specversion === "1.0" ? undefined : `its specversion is ${specversion}.`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
