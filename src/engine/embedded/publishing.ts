/** Publishing from outside: an event with a stream of its own, so that its id makes it unique, and nobody waits for anybody. */
import { tryEvent } from "../../decide/publish.ts";
import { readStream } from "../../history/read.ts";
import { canonicalJson } from "../../journal/canonical.ts";
import type { Author, Fact } from "../../model/entry.ts";
import { type EventFacts, type EventOrigin, eventStream } from "../../model/event-facts.ts";
import { BatonError } from "../../model/errors.ts";
import type { Json } from "../../model/json.ts";
import type { PublishedEvent } from "../baton.ts";
import type { PublishRequest } from "../engine.ts";
import { tooLarge } from "../value-size.ts";
import type { Core } from "./core.ts";
import { commitAlone } from "./stream-journal.ts";
import { tellTopic } from "./topic-reader.ts";

/** Ids become part of run ids, file names and URLs. */
const EVENT_ID = /^[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}$/;

/**
 * Publishes an event, durably, before this resolves. The same id with the same data is the event that is there.
 * @throws BatonError EVENT_REFUSED, EVENT_CONFLICT, ARGUMENT_INVALID, VALUE_TOO_LARGE, and what the store throws
 */
export async function publishEvent(core: Core, request: PublishRequest): Promise<PublishedEvent> {
  const { topic, data, id, by } = request;
  const correlation = request.correlation ?? id;
  for (const each of [id, correlation]) checkId(each);
  const event = tryEvent(topic, `data of ${topic.name}`, () => data ?? null);
  if (!event.ok || event.value === undefined) {
    const violations = event.ok ? [] : event.violations;
    throw new BatonError(
      "EVENT_REFUSED",
      `The event breaks ${topic.contract.id}: ${violations[0]?.message ?? "it has no data"}`,
      { details: { topic: topic.name, violations } },
    );
  }
  const { key, data: value } = event.value;
  const large = tooLarge(core.limits, value, `event of ${topic.name}`);
  if (large !== undefined) throw new BatonError("VALUE_TOO_LARGE", large);
  await putEvent(core, {
    topic: topic.name,
    contract: topic.contract.id,
    id,
    hops: 0,
    key,
    correlation,
    value,
    by,
  });
  return Object.freeze({ id, topic: topic.name, correlation });
}

/** An event from outside, checked. */
export interface CheckedEvent extends Pick<EventFacts, "topic" | "contract" | "id" | "hops"> {
  readonly key: string | undefined;
  readonly correlation: string;
  readonly value: Json;
  readonly by: Author;
  readonly origin?: EventOrigin;
  readonly traceId?: string;
}

/** Appends an event, unless it is there; resolves once it is durable. @throws BatonError EVENT_CONFLICT, and what the store throws */
export async function putEvent(core: Core, event: CheckedEvent): Promise<void> {
  const { topic, contract, id, hops, key, correlation, value, by, origin, traceId } = event;
  const stream = { namespace: core.namespace, stream: eventStream(id) };
  const payload = {
    topic,
    contract,
    id,
    hops,
    ...(key === undefined ? {} : { key }),
    ...(correlation === id ? {} : { correlation }),
    ...(origin === undefined ? {} : { origin }),
  };
  const at = core.clock.now();
  const kind = "event.published";
  const trace = traceId === undefined ? {} : { traceId };
  const fact: Fact = { kind, by, payload, value, seq: 0, at, ...trace };
  const index = { status: "published", open: false, type: topic };
  if (await commitAlone(core, stream.stream, fact, index)) tellTopic(core, topic);
  else await compare(core, stream, event);
}

function checkId(id: string): void {
  if (EVENT_ID.test(id)) return;
  throw new BatonError("ARGUMENT_INVALID", `"${id.slice(0, 140)}" is not an event's id.`, {
    hint: "Use 1 to 128 letters, digits and . _ : ~ - ; the first a letter or digit.",
    details: { id },
  });
}

/** The id is taken: by the very same event, or by another. @throws BatonError EVENT_CONFLICT */
async function compare(
  core: Core,
  stream: { readonly namespace: string; readonly stream: string },
  event: Pick<CheckedEvent, "topic" | "value" | "correlation">,
): Promise<void> {
  for await (const { entry, value } of readStream(core.store, stream)) {
    // The stream has one entry, which publishEvent wrote.
    const facts = entry.payload as unknown as EventFacts;
    const { id } = facts;
    const isSame =
      facts.topic === event.topic &&
      (facts.correlation ?? id) === event.correlation &&
      canonicalJson(value ?? null) === canonicalJson(event.value);
    if (isSame) return;
    throw new BatonError(
      "EVENT_CONFLICT",
      `Event ${id} exists, with another topic, correlation or data.`,
      {
        details: { id, topic: facts.topic },
      },
    );
  }
}
