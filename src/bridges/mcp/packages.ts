/** The packages of MCP's SDK, which are installed only where somebody uses them. */
import type * as Client from "@modelcontextprotocol/client";
import type * as ClientStdio from "@modelcontextprotocol/client/stdio";
import type * as Server from "@modelcontextprotocol/server";
import type * as ServerStdio from "@modelcontextprotocol/server/stdio";
import { loadPackage } from "../packages.ts";

const WHAT = "Tools of MCP";

/** The SDK of clients. */
export type ClientSdk = typeof Client;

export async function loadServerPackage(): Promise<typeof Server> {
  return await loadPackage(
    WHAT,
    "@modelcontextprotocol/server",
    () => import("@modelcontextprotocol/server"),
  );
}

export async function loadServerStdio(): Promise<typeof ServerStdio> {
  return await loadPackage(
    WHAT,
    "@modelcontextprotocol/server",
    () => import("@modelcontextprotocol/server/stdio"),
  );
}

export async function loadClientPackage(): Promise<typeof Client> {
  return await loadPackage(
    WHAT,
    "@modelcontextprotocol/client",
    () => import("@modelcontextprotocol/client"),
  );
}

export async function loadClientStdio(): Promise<typeof ClientStdio> {
  return await loadPackage(
    WHAT,
    "@modelcontextprotocol/client",
    () => import("@modelcontextprotocol/client/stdio"),
  );
}
