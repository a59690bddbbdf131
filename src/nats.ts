/** The public surface of `baton/nats`: a bus over NATS JetStream. */
export { nats } from "./bridges/nats/nats.ts";
export type { NatsOptions } from "./bridges/nats/options.ts";
