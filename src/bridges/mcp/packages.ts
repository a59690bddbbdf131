/** The packages of MCP's SDK, which are installed only where somebody uses them. */
import type * as Client from "@modelcontextprotocol/client";
import type * as ClientStdio from "@modelcontextprotocol/client/stdio";
import type * as Server from "@modelcontextprotocol/server";
import type * as ServerStdio from "@modelcontextprotocol/server/stdio";
import { BatonError } from "../../model/errors.ts";

/** The SDK of clients. */
export type ClientSdk = typeof Client;

export async function loadServerPackage(): Promise<typeof Server> {
  return loaded("@modelcontextprotocol/server", () => import("@modelcontextprotocol/server"));
}

export async function loadServerStdio(): Promise<typeof ServerStdio> {
  return loaded("@modelcontextprotocol/server", () => import("@modelcontextprotocol/server/stdio"));
}

export async function loadClientPackage(): Promise<typeof Client> {
  return loaded("@modelcontextprotocol/client", () => import("@modelcontextprotocol/client"));
}

export async function loadClientStdio(): Promise<typeof ClientStdio> {
  return loaded("@modelcontextprotocol/client", () => import("@modelcontextprotocol/client/stdio"));
}

/** @throws BatonError DEPENDENCY_MISSING */
export async function loaded<X>(name: string, load: () => Promise<X>): Promise<X> {
  try {
    return await load();
  } catch (cause) {
    throw new BatonError("DEPENDENCY_MISSING", `MCP needs ${name}.`, {
      hint: `Install it: npm install ${name}`,
      details: { package: name },
      cause,
    });
  }
}
