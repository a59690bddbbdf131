/**
 * The embedded bus: the journal itself, behind the port. A topic is a label, a message an entry, a group's place a stream.
 *
 * Owns: reading topics for groups. Does not own: the events, which are in the journal with what they follow from; places
 * (places.ts); what a message must be to become an event (taking-in.ts).
 */
import { ENGINE } from "../../decide/turn.ts";
import { dispatcher } from "../../bus/dispatcher.ts";
import { placeWriter } from "../../bus/place-writer.ts";
import type { IntakeRecord } from "../../model/event-facts.ts";
import { topicLabel } from "../../model/event-facts.ts";
import type {
  Bus,
  BusCodec,
  BusMessage,
  BusPlace,
  BusStart,
  Consumer,
  Consumption,
  PlaceKeeper,
} from "../../ports/bus.ts";
import { LAG_MAX } from "../subscriptions.ts";
import { eventsAfter, type TopicEvent } from "../topic-events.ts";
import { recordedEvent } from "../topics.ts";

import type { Core } from "./core.ts";
import { placeOf } from "./places.ts";
import { publisherOf } from "./routing.ts";
import { takeIn } from "./taking-in.ts";
import { watchTopic } from "./topic-reader.ts";

/** Pause before a store that could not give events is asked again. */
const RETRY_MS = 1_000;

/** The journal as a bus, for as long as the engine has its lease. */
export function journalBus(core: Core, codec: BusCodec): Bus {
  const label = `journal of ${core.store.label}`;
  const place = { position: 0 };
  const consumers = new Set<Consumer>();
  return {
    label,
    publish: async (messages) => {
      await inOrder(messages, (message) => takeIn(core, codec, message, { bus: label, place }));
    },
    consume: async (consumption) => {
      const consumer = await consume(core, codec, consumption);
      consumers.add(consumer);
      return consumer;
    },
    trouble: () => undefined,
    close: async () => {
      await Promise.all([...consumers].map((consumer) => consumer.stop()));
    },
  };
}

/** Those of one key one after the other, those of others beside them. */
async function inOrder(
  messages: readonly BusMessage[],
  act: (message: BusMessage) => Promise<void>,
): Promise<void> {
  const last = new Map<string, Promise<void>>();
  await Promise.all(
    messages.map((message) => {
      const { key } = message;
      if (key === undefined) return act(message);
      const acted = (last.get(key) ?? Promise.resolve()).then(() => act(message));
      last.set(key, acted);
      return acted;
    }),
  );
}

/** Where a reader of a topic has come, in the stream `subscription/<group>.<topic>`. */
export async function keeperOf(core: Core, group: string, topic: string): Promise<PlaceKeeper> {
  const place = await placeOf(core, `${group}.${topic}`);
  return {
    place: () => {
      const known = place.record();
      if (known === undefined) return undefined;
      const { position, log } = known;
      return { position, ...(log === undefined ? {} : { log }) };
    },
    keep: async ({ position, log }: BusPlace) => {
      const kind = place.record() === undefined ? "subscription.opened" : "subscription.moved";
      const of = log === undefined ? {} : { log };
      const record: IntakeRecord = { topic, position, generation: 0, paused: false, ...of };
      await place.say(kind, record, ENGINE);
    },
  };
}

async function consume(core: Core, codec: BusCodec, consumption: Consumption): Promise<Consumer> {
  const { topic, group, from, inFlightMax, keyOf = ({ key }) => key, handle } = consumption;
  const keeper = await keeperOf(core, group, topic);
  const known = keeper.place();
  let read = known?.position ?? (await startOf(core, topic, from));
  if (known === undefined) await keeper.keep({ position: read });
  const complain = (message: string) =>
    core.log({ level: "error", message, at: core.clock.now(), data: { topic, group } });
  const writer = placeWriter(core.clock, keeper, (error) => {
    if (!isOver(core)) complain(`The place of ${group} in ${topic} was not kept: ${String(error)}`);
  });
  const out = dispatcher<BusMessage>({
    clock: core.clock,
    inFlightMax,
    handle: (message, position) => handle(message, { position }),
    failed: (error, position, pauseMs) => {
      if (!isOver(core))
        complain(
          `Event ${position} of ${topic} was not handled: ${String(error)} Tried again in ${pauseMs} ms.`,
        );
    },
    done: (position) => writer.moved({ position }),
  });
  let stopped = false;
  let pumping = false;
  let again = false;
  const pumpAll = async (): Promise<void> => {
    while (!stopped && !isOver(core)) {
      again = false;
      const page = await eventsAfter(core, topic, read);
      if (page.length === 0) return;
      for (const event of page) {
        await out.room(1);
        const message = await messageOf(core, codec, event);
        if (stopped || isOver(core)) return;
        out.take(message, event.position, keyOf(message));
        read = event.position;
      }
    }
  };
  const pump = (): void => {
    again = true;
    if (pumping) return;
    pumping = true;
    pumpAll()
      .catch((error: unknown) => {
        if (stopped || isOver(core)) return;
        complain(`Events of ${topic} could not be read: ${String(error)}`);
        core.clock.after(RETRY_MS, pump, true);
      })
      .finally(() => {
        pumping = false;
        if (again && !stopped && !isOver(core)) pump();
      });
  };
  const leave = watchTopic(core, topic, pump);
  pump();
  return {
    lag: async () => (await eventsLeft(core, topic, read)) + out.size(),
    underWay: out.size,
    stop: async () => {
      stopped = true;
      leave();
      await out.stop();
      await writer.stop();
    },
  };
}

function isOver(core: Core): boolean {
  return core.closing || core.stopped !== undefined;
}

async function messageOf(core: Core, codec: BusCodec, event: TopicEvent): Promise<BusMessage> {
  const { origin } = event.facts;
  const choreography = origin === undefined ? publisherOf(core, event) : origin.choreography;
  return codec.encode({
    event: await recordedEvent(core, event),
    ...(choreography === undefined ? {} : { choreography }),
    ...(origin === undefined ? {} : { origin }),
  });
}

/** The position after which a group begins that is new. */
async function startOf(core: Core, topic: string, from: BusStart): Promise<number> {
  if (from === "beginning") return 0;
  const labels = await core.store.labels(core.namespace);
  const last = labels.find(({ label }) => label === topicLabel(topic))?.lastPosition ?? 0;
  if (from === "now") return last;
  const sinceMs = Date.parse(from);
  for (let after = 0; ; ) {
    const page = await eventsAfter(core, topic, after);
    const first = page.find(({ at }) => at >= sinceMs);
    if (first !== undefined) return first.position - 1;
    const end = page.at(-1);
    if (end === undefined) return last;
    after = end.position;
  }
}

async function eventsLeft(core: Core, topic: string, after: number): Promise<number> {
  let [left, position] = [0, after];
  while (left < LAG_MAX) {
    const page = await eventsAfter(core, topic, position);
    const last = page.at(-1);
    if (last === undefined) break;
    left += page.length;
    position = last.position;
  }
  return Math.min(left, LAG_MAX);
}
