/** The way to the NATS clients: loaded only when they are asked for. */
import type * as Jetstream from "@nats-io/jetstream";
import type * as Transport from "@nats-io/transport-node";
import { BatonError } from "../../model/errors.ts";

export type Driver = Pick<typeof Transport, "connect" | "headers" | "credsAuthenticator"> &
  Pick<typeof Jetstream, "jetstream" | "jetstreamManager">;

/** @throws BatonError DEPENDENCY_MISSING */
export async function loadDriver(load: () => Promise<Driver> = loadPackages): Promise<Driver> {
  try {
    return await load();
  } catch (cause) {
    throw new BatonError("DEPENDENCY_MISSING", "The bus of NATS needs two packages of NATS.", {
      hint: "Install them: npm install @nats-io/transport-node @nats-io/jetstream",
      details: { packages: ["@nats-io/transport-node", "@nats-io/jetstream"] },
      cause,
    });
  }
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
