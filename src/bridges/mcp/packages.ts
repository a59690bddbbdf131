/** The packages of MCP's SDK, which are installed only where somebody uses them. */
import { BatonError } from "../../model/errors.ts";

export async function loadServerPackage() {
  return loaded("@modelcontextprotocol/server", () => import("@modelcontextprotocol/server"));
}

export async function loadServerStdio() {
  return loaded("@modelcontextprotocol/server", () => import("@modelcontextprotocol/server/stdio"));
}

export async function loadClientPackage() {
  return loaded("@modelcontextprotocol/client", () => import("@modelcontextprotocol/client"));
}

export async function loadClientStdio() {
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
