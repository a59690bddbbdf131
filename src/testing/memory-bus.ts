/** A bus outside of the store that lies in memory, for tests of the lines to it: it can be taken away, and written to by hand. */
import { dispatcher } from "../bus/dispatcher.ts";
import { placeWriter } from "../bus/place-writer.ts";
import type {
  Bus,
  BusContext,
  BusFactory,
  BusMessage,
  BusStart,
  Consumer,
  Consumption,
} from "../ports/bus.ts";

/** A bus in memory: give it to the `open()` of each deployment. */
export interface MemoryBus extends BusFactory {
  /** All that was published, in order. */
  readonly messages: readonly BusMessage[];
  /** What another program sends. */
  readonly send: (message: BusMessage) => void;
  /** While it is away nothing is taken and nothing is given. */
  readonly away: (isAway: boolean) => void;
}

interface Shared {
  readonly messages: BusMessage[];
  /** When each came, in milliseconds since 1970. */
  readonly times: number[];
  readonly wakers: Set<() => void>;
  away: boolean;
}

/**
 * A bus in memory, for tests of what crosses between deployments.
 *
 * @example const bus = memoryBus(); await open({ store: memory(), workflows: [shop], bus, group: "shop", clock });
 */
export function memoryBus(options: Partial<Pick<BusFactory, "topics" | "from">> = {}): MemoryBus {
  const shared: Shared = { messages: [], times: [], wakers: new Set(), away: false };
  const { messages } = shared;
  return {
    ...(options.topics === undefined ? {} : { topics: options.topics }),
    from: options.from ?? "now",
    inFlightMax: 20,
    open: async (context) => openBus(shared, context),
    messages,
    send: (message) => {
      messages.push(message);
      shared.times.push(shared.times.at(-1) ?? 0);
      wakeAll(shared);
    },
    away: (isAway) => {
      shared.away = isAway;
      wakeAll(shared);
    },
  };
}

function wakeAll({ wakers }: Shared): void {
  for (const wake of [...wakers]) wake();
}

function openBus(shared: Shared, context: BusContext): Bus {
  const { messages, wakers } = shared;
  const nameOf = ({ attributes }: BusMessage) => `${attributes["source"]} ${attributes["id"]}`;
  const consumers: Consumer[] = [];
  return {
    label: "memory bus",
    publish: async (sent) => {
      while (shared.away) await new Promise<void>((resolve) => wakers.add(resolve));
      const known = new Set(messages.map(nameOf));
      for (const each of sent) {
        if (known.has(nameOf(each))) continue;
        messages.push(each);
        shared.times.push(context.clock.now());
      }
      wakeAll(shared);
    },
    consume: async (consumption) => {
      const consumer = await consume(shared, context, consumption);
      consumers.push(consumer);
      return consumer;
    },
    trouble: () => (shared.away ? "It was taken away." : undefined),
    close: async () => {
      await Promise.all(consumers.map((consumer) => consumer.stop()));
    },
  };
}

function startOf({ messages, times }: Shared, from: BusStart): number {
  if (from === "now") return messages.length;
  if (from === "beginning") return 0;
  const first = times.findIndex((time) => time >= Date.parse(from));
  return first < 0 ? messages.length : first;
}

async function consume(
  shared: Shared,
  context: BusContext,
  consumption: Consumption,
): Promise<Consumer> {
  const { messages, wakers } = shared;
  const { topic, group, from, inFlightMax, keyOf = ({ key }) => key, handle } = consumption;
  const keeper = await context.places(group, topic);
  let read = keeper.place()?.position ?? startOf(shared, from);
  if (keeper.place() === undefined) await keeper.keep({ position: read });
  const writer = placeWriter(context.clock, keeper, () => {});
  let stopped = false;
  const out = dispatcher<BusMessage>({
    clock: context.clock,
    inFlightMax,
    handle: (message, position) => handle(message, { position }),
    failed: () => {},
    done: (position) => writer.moved({ position }),
  });
  const pump = (): void => {
    while (!stopped && !shared.away && read < messages.length && out.size() < inFlightMax) {
      const message = messages[read];
      read += 1;
      if (message?.topic === topic) out.take(message, read, keyOf(message));
    }
    if (!stopped && !shared.away && read < messages.length) void out.room(1).then(pump);
  };
  wakers.add(pump);
  pump();
  return {
    lag: async () =>
      messages.slice(read).filter((each) => each.topic === topic).length + out.size(),
    underWay: out.size,
    stop: async () => {
      stopped = true;
      wakers.delete(pump);
      await out.stop();
      await writer.stop();
    },
  };
}
