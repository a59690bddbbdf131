/** The SDK of A2A, which comes with Baton only where somebody has installed it. */
import type * as Protocol from "@a2a-js/sdk";
import type * as Client from "@a2a-js/sdk/client";
import type * as Errors from "@a2a-js/sdk/errors";
import type * as Server from "@a2a-js/sdk/server";
import { loadPackage } from "../packages.ts";

/** The parts that a server is made of. */
export interface ServerSdk {
  readonly protocol: typeof Protocol;
  readonly server: typeof Server;
  readonly errors: typeof Errors;
}

/** The parts that a client is made of. */
export interface ClientSdk {
  readonly protocol: typeof Protocol;
  readonly client: typeof Client;
  readonly errors: typeof Errors;
}

/** @throws BatonError `DEPENDENCY_MISSING` */
export async function loadServer(): Promise<ServerSdk> {
  const [protocol, server, errors] = await loaded(() =>
    Promise.all([
      import("@a2a-js/sdk"),
      import("@a2a-js/sdk/server"),
      import("@a2a-js/sdk/errors"),
    ]),
  );
  return { protocol, server, errors };
}

/** @throws BatonError `DEPENDENCY_MISSING` */
export async function loadClient(): Promise<ClientSdk> {
  const [protocol, client, errors] = await loaded(() =>
    Promise.all([
      import("@a2a-js/sdk"),
      import("@a2a-js/sdk/client"),
      import("@a2a-js/sdk/errors"),
    ]),
  );
  return { protocol, client, errors };
}

async function loaded<X>(load: () => Promise<X>): Promise<X> {
  return await loadPackage("Agents of A2A", "@a2a-js/sdk", load);
}
