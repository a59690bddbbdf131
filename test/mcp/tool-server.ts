/** A server of tools, made with the SDK, whose tools do what tests need. */
import {
  createMcpHandler,
  inputRequired,
  McpServer,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { z } from "zod";

/** What the server was asked, and what it is to do. */
export interface Told {
  readonly calls: { readonly tool: string; readonly meta: Readonly<Record<string, unknown>> }[];
  readonly headers: Headers[];
  /** The schema of `lookup` has changed since. */
  changed: boolean;
  /** Answers of HTTP to calls in the place of the server's own, first in, first out. */
  readonly instead: ((id: unknown) => Response)[];
  /** Resolves what the tool `slow` waits for. */
  release: () => void;
  readonly aborted: string[];
}

export function told(): Told {
  return { calls: [], headers: [], changed: false, instead: [], release: () => {}, aborted: [] };
}

export function toolServer(heard: Told): McpServer {
  const server = new McpServer(
    { name: "tools", version: "1.0.0" },
    { capabilities: { logging: {}, tools: {} } },
  );
  const hear: Hear = (tool, { mcpReq }) => {
    heard.calls.push({ tool, meta: mcpReq._meta ?? {} });
  };
  addQuick(server, heard, hear);
  addSlow(server, heard, hear);
  addOdd(server);
  return server;
}

type Hear = (tool: string, context: ServerContext) => void;

function addQuick(server: McpServer, heard: Told, hear: Hear): void {
  server.registerTool(
    "lookup",
    {
      description: "Looks a person up.",
      inputSchema: z.object({ name: heard.changed ? z.int() : z.string() }),
      outputSchema: z.object({ name: z.string(), score: z.int() }),
      annotations: { readOnlyHint: true },
    },
    ({ name }, context) => {
      hear("lookup", context);
      const found = { name: String(name), score: 700 };
      return { content: [{ type: "text", text: JSON.stringify(found) }], structuredContent: found };
    },
  );
  server.registerTool(
    "book",
    { description: "Books a transfer.", inputSchema: z.object({ cents: z.int() }) },
    async ({ cents }, context) => {
      hear("book", context);
      if (cents < 0)
        return { isError: true, content: [{ type: "text", text: "Less than nothing." }] };
      return { content: [{ type: "text", text: `booked ${cents}` }] };
    },
  );
  server.registerTool(
    "echo",
    { inputSchema: z.looseObject({}), annotations: { idempotentHint: true } },
    (given, context) => {
      hear("echo", context);
      return { content: [{ type: "text", text: JSON.stringify(given) }] };
    },
  );
}

function addSlow(server: McpServer, heard: Told, hear: Hear): void {
  server.registerTool(
    "slow",
    { inputSchema: z.object({}), annotations: { readOnlyHint: true } },
    async (_given, context) => {
      hear("slow", context);
      const { _meta: meta, notify, signal, log } = context.mcpReq;
      const progressToken = meta?.progressToken;
      if (progressToken !== undefined)
        await notify({
          method: "notifications/progress",
          params: { progressToken, progress: 1, total: 2, message: "half" },
        });
      await log("warning", "this takes a while", "tools");
      await new Promise<void>((resolve) => {
        heard.release = resolve;
        signal.addEventListener("abort", () => {
          heard.aborted.push("slow");
          resolve();
        });
      });
      return { content: [{ type: "text", text: "done" }] };
    },
  );
}

/** What is too large, what is no text, and what asks. */
function addOdd(server: McpServer): void {
  server.registerTool(
    "large",
    { inputSchema: z.object({ bytes: z.int() }), annotations: { readOnlyHint: true } },
    ({ bytes }) => ({ content: [{ type: "text", text: "x".repeat(bytes) }] }),
  );
  server.registerTool(
    "picture",
    { inputSchema: z.object({}), annotations: { readOnlyHint: true } },
    () => ({ content: [{ type: "image", data: "AAAA", mimeType: "image/png" }] }),
  );
  server.registerTool(
    "asking",
    { inputSchema: z.object({}), annotations: { readOnlyHint: true } },
    () =>
      inputRequired({
        inputRequests: {
          sure: inputRequired.elicit({
            message: "Sure?",
            requestedSchema: { type: "object", properties: { yes: { type: "boolean" } } },
          }),
        },
      }),
  );
}

/** The server's HTTP face. */
export function toolHandler(heard: Told): (request: Request) => Promise<Response> {
  const handler = createMcpHandler(() => toolServer(heard));
  return async (request) => {
    const id = await callId(request);
    const instead = id === undefined ? undefined : heard.instead.shift();
    if (instead !== undefined) return instead(id);
    heard.headers.push(request.headers);
    return handler.fetch(request);
  };
}

/** Of a call of a tool; undefined for anything else. */
async function callId(request: Request): Promise<unknown> {
  if (request.method !== "POST") return undefined;
  const { id, method } = (await request.clone().json()) as Readonly<Record<string, unknown>>;
  return method === "tools/call" ? id : undefined;
}
