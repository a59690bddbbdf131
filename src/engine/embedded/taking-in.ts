/**
 * Taking in: a message of a bus becomes an event of this journal, under its own id, so that one that comes again changes nothing.
 * What is no CloudEvent, breaks its contract, or has the id of another event never enters: it is recorded as refused.
 */
import { tryEvent } from "../../decide/publish.ts";
import { type ErrorCode, isBatonError } from "../../model/errors.ts";
import type { BusCodec, BusMessage, BusPlace, DecodedMessage } from "../../ports/bus.ts";
import { tooLarge } from "../value-size.ts";
import type { Core } from "./core.ts";
import { type CheckedEvent, putEvent } from "./publishing.ts";
import { recordRefused } from "./refused-messages.ts";

const OF_THE_MESSAGE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "EVENT_CONFLICT",
  "VALUE_NOT_JSON",
  "VALUE_TOO_LARGE",
]);

/** From where a message comes: the label of its bus, and its place there. */
export interface CameFrom {
  readonly bus: string;
  readonly place: BusPlace;
}

/** Resolves once the event, or why it was refused, is in the journal. @throws what the store throws */
export async function takeIn(
  core: Core,
  codec: BusCodec,
  message: BusMessage,
  { bus, place }: CameFrom,
): Promise<void> {
  const decoded = codec.decode(message);
  const refuse = (error: Refused["error"]) =>
    recordRefused(core, message, { direction: "in", bus, position: place.position, error });
  if (decoded.kind === "refused")
    return await refuse({ code: "EVENT_REFUSED", message: decoded.message });
  const checked = checkedEvent(core, message, decoded);
  if (checked.kind === "refused") return await refuse(checked.error);
  try {
    await putEvent(core, checked.event);
  } catch (error) {
    // What is wrong with the message is so for good, and must not keep others up; what is wrong with the store is tried again.
    if (!isBatonError(error) || !OF_THE_MESSAGE.has(error.code)) throw error;
    await refuse({ code: error.code, message: error.message });
  }
}

/** The key under which a message is kept in order here: that of its topic, where the data have one. */
export function localKey(core: Core, codec: BusCodec, message: BusMessage): string | undefined {
  const topic = core.catalogue.topics.get(message.topic)?.topic;
  if (topic?.key === undefined) return message.key;
  const decoded = codec.decode(message);
  const event = decoded.kind === "event" ? tryEvent(topic, "data", () => decoded.data) : undefined;
  return event?.ok === true ? event.value?.key : message.key;
}

interface Refused {
  readonly kind: "refused";
  readonly error: Parameters<typeof recordRefused>[2]["error"];
}

function checkedEvent(
  core: Core,
  { topic: name, key: given }: BusMessage,
  decoded: Extract<DecodedMessage, { readonly kind: "event" }>,
): Refused | { readonly kind: "event"; readonly event: CheckedEvent } {
  const topic = core.catalogue.topics.get(name)?.topic;
  if (topic === undefined) return refused("TOPIC_NOT_FOUND", `There is no topic ${name} here.`);
  const { id, source, correlation, causation, choreography, hops, traceId, spanId, data } = decoded;
  const tried = tryEvent(topic, `data of ${name}`, () => data);
  if (!tried.ok || tried.value === undefined) {
    const violations = tried.ok ? [] : tried.violations;
    const message = `It breaks ${topic.contract.id}: ${violations[0]?.message ?? "it has no data"}`;
    return { kind: "refused", error: { code: "EVENT_REFUSED", message, violations } };
  }
  // Where the topic has no key here, the order is that of the publisher.
  const { key = given, data: value } = tried.value;
  const large = tooLarge(core.limits, value, `event of ${name}`);
  if (large !== undefined) return refused("VALUE_TOO_LARGE", large);
  const origin = {
    source,
    ...(causation === undefined ? {} : { causation }),
    ...(choreography === undefined ? {} : { choreography }),
    ...(spanId === undefined ? {} : { spanId }),
  };
  const by = { kind: "program", id: source } as const;
  const contract = topic.contract.id;
  const trace = traceId === undefined ? {} : { traceId };
  const event = { topic: name, contract, id, hops, key, correlation, value, by, origin, ...trace };
  return { kind: "event", event };
}

function refused(code: string, message: string): Refused {
  return { kind: "refused", error: { code, message } };
}
