import { memoryBus } from "baton/testing";
import { systemClock } from "../../src/engine/system-clock.ts";
import { busContext, memoryPlaces } from "../nats/places.ts";
import { busConformance, OTHER_TOPIC, TOPIC } from "./bus.ts";

busConformance("the bus in memory, of baton/testing", async () => {
  const bus = memoryBus();
  const context = busContext({
    clock: systemClock,
    places: memoryPlaces(),
    topics: [{ name: TOPIC }, { name: OTHER_TOPIC }],
  });
  return { open: () => bus.open(context), dispose: async () => {} };
});
