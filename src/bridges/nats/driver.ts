/** The way to the NATS clients: loaded only when they are asked for. */
import type * as Jetstream from "@nats-io/jetstream";
import type * as Transport from "@nats-io/transport-node";
import { loadPackage } from "../packages.ts";

export type Driver = Pick<typeof Transport, "connect" | "headers" | "credsAuthenticator"> &
  Pick<typeof Jetstream, "jetstream" | "jetstreamManager">;

const PACKAGES = "@nats-io/transport-node @nats-io/jetstream";

/** @throws BatonError DEPENDENCY_MISSING */
export async function loadDriver(load: () => Promise<Driver> = loadPackages): Promise<Driver> {
  return await loadPackage("Events over NATS", PACKAGES, load);
}

async function loadPackages(): Promise<Driver> {
  const [transport, js] = await Promise.all([
    import("@nats-io/transport-node"),
    import("@nats-io/jetstream"),
  ]);
  const { connect, headers, credsAuthenticator } = transport;
  const { jetstream, jetstreamManager } = js;
  return { connect, headers, credsAuthenticator, jetstream, jetstreamManager };
}
