import { nats } from "baton/nats";
import { systemClock } from "../../src/engine/system-clock.ts";
import { afterAll, beforeAll } from "vitest";
import { busConformance, OTHER_TOPIC, TOPIC } from "../conformance/bus.ts";
import { type NatsServer, natsServer } from "../../bench/nats-server.ts";
import { busContext, memoryPlaces } from "./places.ts";

let server: NatsServer;
let streams = 0;
beforeAll(async () => {
  server = await natsServer();
});
afterAll(() => server.dispose());

busConformance("NATS JetStream", async () => {
  streams += 1;
  const bus = nats({ servers: server.address, stream: `TESTS${streams}`, prefix: `t${streams}` });
  const context = busContext({
    clock: systemClock,
    places: memoryPlaces(),
    topics: [{ name: TOPIC }, { name: OTHER_TOPIC }],
  });
  return { open: () => bus.open(context), dispose: async () => {} };
});
