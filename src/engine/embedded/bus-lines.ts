/**
 * Lines to a bus outside: for each topic one out of the journal, and, where something here takes the topic, one into it.
 *
 * The journal is the outbox, and the inbox too: both ends of a line are buses behind one port, and the journal is one of them.
 *
 * Owns: the lines. Does not own: the place of a line, which is in the journal, also of one that comes in: a store that is put
 * back to an earlier copy takes again what came since.
 *
 * B1. What this journal has published leaves it at least once, those of a key in order; what came over a bus does not leave again.
 * B2. What comes in is settled once it is an event of this journal, or its refusal is in it. What comes again changes nothing.
 * B3. Without the bus everything else goes on: what is published waits in the journal.
 */
import type { Position } from "../../model/entry.ts";
import { isBatonError } from "../../model/errors.ts";
import type { Bus, BusCodec, BusFactory, BusMessage, Consumer } from "../../ports/bus.ts";
import { type BusLine, lineName } from "../bus-lines.ts";
import { eventAt } from "../topic-events.ts";
import type { Core } from "./core.ts";
import { journalBus, keeperOf } from "./journal-bus.ts";
import { recordRefused } from "./refused-messages.ts";
import { localKey, takeIn } from "./taking-in.ts";

/** The bus that a deployment is opened with. */
export interface OutsideBus {
  readonly factory: BusFactory;
  /** Who this deployment is on the bus. */
  readonly group: string;
  readonly codec: BusCodec;
}

export interface BusLines {
  /** The lines out: resolves once the place of each is known; does not wait for the bus. Comes before anything is published. */
  open(): Promise<void>;
  /** The lines in. Comes after those who take what comes in know where they stand. */
  takeIn(): Promise<void>;
  snapshots(): Promise<readonly BusLine[]>;
  stop(): Promise<void>;
}

interface Line {
  readonly direction: BusLine["direction"];
  readonly topic: string;
  readonly consumer: Consumer;
}

export function busLines(core: () => Core, outside: OutsideBus | undefined): BusLines {
  const lines: Line[] = [];
  let bus: Bus | undefined;
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    const consumers = lines.map(({ consumer }) => consumer.stop());
    // What waits for a bus that is away would wait for long.
    if (bus?.trouble() !== undefined) await bus.close();
    await Promise.all(consumers);
    await bus?.close();
  };
  const stopOnce = (): Promise<void> => (stopping ??= stop());
  return {
    async open() {
      if (outside === undefined) return;
      bus = await openBus(core(), outside);
      const ends = { core: core(), bus, outside, stop: stopOnce };
      for (const topic of crossing(core(), outside.factory))
        lines.push({ direction: "out", topic, consumer: await lineOut(ends, topic) });
    },
    async takeIn() {
      if (outside === undefined || bus === undefined) return;
      const ends = { core: core(), bus, outside, stop: stopOnce };
      for (const topic of crossing(core(), outside.factory)) {
        const takes = (core().catalogue.topics.get(topic)?.subscribers.length ?? 0) > 0;
        if (takes) lines.push({ direction: "in", topic, consumer: await lineIn(ends, topic) });
      }
    },
    snapshots: async () => {
      const label = bus?.label ?? "";
      const ofBus = bus?.trouble();
      return await Promise.all(
        lines.map(async ({ direction, topic, consumer }) => {
          // Of a store that can't be read now, others tell.
          const lag = await consumer.lag().catch(() => undefined);
          const trouble = ofBus ?? consumer.trouble?.();
          return Object.freeze({
            direction,
            topic,
            bus: label,
            ...(lag === undefined ? {} : { lag }),
            underWay: consumer.underWay(),
            ...(trouble === undefined ? {} : { trouble }),
          });
        }),
      );
    },
    stop: stopOnce,
  };
}

/** The topics that cross: those that the bus was made for, or all that code names. */
function crossing({ catalogue }: Core, { topics }: BusFactory): readonly string[] {
  const known = [...catalogue.topics.keys()];
  return topics === undefined ? known : known.filter((topic) => topics.includes(topic));
}

async function openBus(core: Core, { factory, group }: OutsideBus): Promise<Bus> {
  const { namespace, clock, log, catalogue } = core;
  const topics = crossing(core, factory).map((name) => {
    const retentionMs = catalogue.topics.get(name)?.topic.retentionMs;
    return { name, ...(retentionMs === undefined ? {} : { retentionMs }) };
  });
  const places = (of: string, topic: string) => keeperOf(core, of, topic);
  return await factory.open({ namespace, group, topics, places, clock, log });
}

interface Ends {
  readonly core: Core;
  readonly bus: Bus;
  readonly outside: OutsideBus;
  readonly stop: () => Promise<void>;
}

/** The relay: what this journal has published goes to the bus. */
async function lineOut({ core, bus, outside }: Ends, topic: string): Promise<Consumer> {
  const { codec, factory } = outside;
  return await journalBus(core, codec).consume({
    topic,
    group: lineName("out"),
    // What was published before there was a bus is nothing that the bus is to hear of.
    from: "now",
    inFlightMax: factory.inFlightMax,
    handle: async (message, { position }) => {
      if (codec.ownPlace(message) === undefined) return;
      try {
        await bus.publish([message]);
      } catch (error) {
        if (!isBatonError(error, "VALUE_TOO_LARGE")) throw error;
        const { code, message: text } = error;
        const refusal = { direction: "out", bus: bus.label, position } as const;
        await recordRefused(core, message, { ...refusal, error: { code, message: text } });
      }
    },
  });
}

/** What others have published comes into this journal. */
async function lineIn({ core, bus, outside, stop }: Ends, topic: string): Promise<Consumer> {
  const { codec, factory } = outside;
  return await bus.consume({
    topic,
    group: lineName("in"),
    from: factory.from,
    inFlightMax: factory.inFlightMax,
    keyOf: (message: BusMessage) => localKey(core, codec, message),
    handle: async (message, place) => {
      if (core.stopped !== undefined) {
        // Whoever has the store now takes it.
        void stop();
        throw core.stopped;
      }
      const own = codec.ownPlace(message);
      if (own === undefined) await takeIn(core, codec, message, { bus: bus.label, place });
      else await recognise(core, message, own, { bus: bus.label, position: place.position });
    },
  });
}

/** What this store has published comes back to it, and is known. What it has not, another store has under the same group. */
async function recognise(
  core: Core,
  message: BusMessage,
  own: Position,
  from: { readonly bus: string; readonly position: number },
): Promise<void> {
  const event = await eventAt(core, own);
  if (event?.facts.topic === message.topic) return;
  const text = `It says that this deployment has published it, at ${own.stream} ${own.seq}, and this store has not: another store has the same group, or this one was put back to an earlier copy.`;
  const error = { code: "EVENT_CONFLICT", message: text };
  await recordRefused(core, message, { direction: "in", ...from, error });
}
