/** Places of groups in memory, for tests of a bus without a journal. */
import type { BusContext, BusPlace, Places } from "../../src/ports/bus.ts";

export function memoryPlaces(): Places {
  const kept = new Map<string, BusPlace>();
  return async (group, topic) => {
    const name = `${group}\n${topic}`;
    return {
      place: () => kept.get(name),
      keep: async (place) => void kept.set(name, place),
    };
  };
}

/** What a bus is opened with, on the machine's clock. */
export function busContext(more: Partial<BusContext> & Pick<BusContext, "clock">): BusContext {
  return {
    namespace: "default",
    group: "tests",
    topics: [],
    places: memoryPlaces(),
    log: () => {},
    ...more,
  };
}
