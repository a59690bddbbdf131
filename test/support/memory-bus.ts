/** A bus outside of the store that lies in memory, for tests of the lines to it: it can be taken away, and written to by hand. */
import { dispatcher } from "../../src/bus/dispatcher.ts";
import { placeWriter } from "../../src/bus/place-writer.ts";
import type { Bus, BusContext, BusFactory, BusMessage, Consumption } from "../../src/ports/bus.ts";

export interface MemoryBus extends BusFactory {
  /** All that was published, in order. */
  readonly messages: readonly BusMessage[];
  /** What another program sends. */
  readonly send: (message: BusMessage) => void;
  /** While it is away nothing is taken and nothing is given. */
  readonly away: (isAway: boolean) => void;
}

export function memoryBus(options: Partial<Pick<BusFactory, "topics" | "from">> = {}): MemoryBus {
  const messages: BusMessage[] = [];
  const wakers = new Set<() => void>();
  let away = false;
  const wakeAll = (): void => {
    for (const wake of [...wakers]) wake();
  };
  const isBack = async (): Promise<void> => {
    while (away) await new Promise<void>((resolve) => wakers.add(resolve));
  };

  async function consume(context: BusContext, consumption: Consumption) {
    const { topic, group, from, inFlightMax, keyOf = ({ key }) => key, handle } = consumption;
    const keeper = await context.places(group, topic);
    let read = keeper.place()?.position ?? (from === "now" ? messages.length : 0);
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
      while (!stopped && !away && read < messages.length && out.size() < inFlightMax) {
        const message = messages[read];
        read += 1;
        if (message?.topic === topic) out.take(message, read, keyOf(message));
      }
      if (!stopped && !away && read < messages.length) void out.room(1).then(pump);
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

  const open = async (context: BusContext): Promise<Bus> => ({
    label: "memory bus",
    publish: async (sent) => {
      await isBack();
      const ids = new Set(messages.map(({ attributes }) => `${attributes["source"]} ${attributes["id"]}`));
      for (const each of sent)
        if (!ids.has(`${each.attributes["source"]} ${each.attributes["id"]}`)) messages.push(each);
      wakeAll();
    },
    consume: (consumption) => consume(context, consumption),
    trouble: () => (away ? "It was taken away." : undefined),
    close: async () => {},
  });
  return {
    ...(options.topics === undefined ? {} : { topics: options.topics }),
    from: options.from ?? "now",
    inFlightMax: 20,
    open,
    messages,
    send: (message) => {
      messages.push(message);
      wakeAll();
    },
    away: (isAway) => {
      away = isAway;
      wakeAll();
    },
  };
}
