/**
 * MCP's SDK for Python, as programs of its own: one that speaks the newest protocol, and the last one that spoke nothing but those
 * before it. Both are installed from PyPI.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { installedIn, installFromPypi } from "../../examples/reference-stack/servers/installing.ts";

/** What was tested. */
export const PYTHON_SDKS = { new: "mcp==2.3.0", old: "mcp==1.30.0" } as const;
export type PythonSdk = keyof typeof PYTHON_SDKS;

export function pythonOf(sdk: PythonSdk): string {
  return join(installedIn(`mcp-${sdk}`), "venv/bin/python");
}

/** Gives why it can't be installed. */
export function installPython(sdk: PythonSdk): string | undefined {
  return installFromPypi(`mcp-${sdk}`, [PYTHON_SDKS[sdk]]);
}

export interface PythonAnswer {
  readonly protocol: string;
  readonly tools: readonly string[];
  readonly progress: readonly (readonly [number, string])[];
  readonly results: readonly {
    readonly isError?: boolean;
    readonly structuredContent?: unknown;
    readonly content: readonly { readonly text?: string }[];
    readonly _meta?: { readonly "baton/run"?: { readonly id: string; readonly status: string } };
  }[];
}

/** What a Python client is to do. */
export interface PythonCalls {
  readonly url?: string;
  readonly command?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly mode?: "auto" | "legacy";
  readonly calls: readonly {
    readonly name: string;
    readonly arguments: Readonly<Record<string, unknown>>;
    readonly meta?: Readonly<Record<string, string>>;
  }[];
}

const CALLS = `
import asyncio, json, sys
order = json.loads(sys.argv[1])
progress = []
async def on_progress(done, total, message):
    progress.append([done, message])
async def ask(session, protocol):
    tools = [tool.name for tool in (await session.list_tools()).tools]
    results = []
    for call in order["calls"]:
        result = await session.call_tool(call["name"], call["arguments"], progress_callback=on_progress, meta=call.get("meta"))
        results.append(result.model_dump(mode="json", by_alias=True, exclude_none=True))
    print(json.dumps({"protocol": protocol, "tools": tools, "progress": progress, "results": results}))
`;

const CLIENTS: Readonly<Record<PythonSdk, string>> = {
  new: `${CALLS}
from mcp import Client, StdioServerParameters
async def main():
    server = order.get("url") or StdioServerParameters(command=order["command"], args=order["args"], env=order["env"])
    async with Client(server, mode=order["mode"]) as client:
        await ask(client, client.protocol_version)
asyncio.run(main())
`,
  old: `${CALLS}
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client
async def main():
    opened = streamablehttp_client(order["url"]) if "url" in order else stdio_client(
        StdioServerParameters(command=order["command"], args=order["args"], env=order["env"]))
    async with opened as streams:
        async with ClientSession(streams[0], streams[1]) as session:
            await ask(session, (await session.initialize()).protocolVersion)
asyncio.run(main())
`,
};

/** What a Python client was answered. It runs beside this process, which may be the server. */
export async function pythonCalls(sdk: PythonSdk, order: PythonCalls): Promise<PythonAnswer> {
  const child = spawn(pythonOf(sdk), ["-c", CLIENTS[sdk], JSON.stringify(order)]);
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => (out += String(chunk)));
  child.stderr.on("data", (chunk) => (err += String(chunk)));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(err.slice(-3_000));
  return JSON.parse(out) as PythonAnswer;
}

const TOOLS = `
import os, sys
from pydantic import BaseModel, Field

class Person(BaseModel):
    name: str
    score: int = Field(ge=0, le=1000)
    tags: list[str] = []

@server.tool(annotations=ToolAnnotations(readOnlyHint=True))
def lookup(name: str) -> Person:
    """Looks a person up."""
    return Person(name=name, score=700)

@server.tool()
def add(a: int, b: int = 1) -> int:
    """Adds."""
    return a + b

@server.tool(annotations=ToolAnnotations(readOnlyHint=True))
def pid() -> int:
    """Says which process this is."""
    return os.getpid()

@server.tool(annotations=ToolAnnotations(readOnlyHint=True))
def fails() -> str:
    """Fails."""
    raise ValueError("there is no such thing")

@server.tool(annotations=ToolAnnotations(readOnlyHint=True))
async def counts(ctx: Context) -> str:
    """Counts."""
    for i in range(3):
        await ctx.report_progress(i, 3, f"at {i}")
    return "counted"
`;

export const SERVERS: Readonly<Record<PythonSdk, string>> = {
  new: `
from mcp.server.mcpserver import MCPServer, Context
from mcp.types import ToolAnnotations
server = MCPServer("python")
${TOOLS}
if len(sys.argv) > 1:
    server.run("streamable-http", port=int(sys.argv[1]))
else:
    server.run()
`,
  old: `
from mcp.server.fastmcp import FastMCP, Context
from mcp.types import ToolAnnotations
import sys
server = FastMCP("python", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
${TOOLS}
server.run("streamable-http" if len(sys.argv) > 1 else "stdio")
`,
};

/** A Python server over HTTP, once it listens. */
export async function pythonServer(
  sdk: PythonSdk,
): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const port = await freePort();
  const child = spawn(pythonOf(sdk), ["-c", SERVERS[sdk], String(port)]);
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr.on("data", (chunk) => {
      said += String(chunk);
      if (said.includes("Uvicorn running")) resolve();
    });
    child.once("exit", () => reject(new Error(said)));
  });
  return { url: `http://127.0.0.1:${port}/mcp`, child };
}

async function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0));
    });
  });
}
