/** The SDK's servers: one for each request of HTTP, and for each connection over stdio, all with the same tools. */
import type * as Sdk from "@modelcontextprotocol/server";
import type { Author } from "../../model/entry.ts";
import type { McpCaller } from "./mcp-server.ts";
import type { ServedBaton } from "../served-baton.ts";
import type { ToolAnswer } from "./served-answers.ts";
import { type CallOptions, callWorkflow, type WorkflowCall } from "./served-call.ts";
import { callStatus } from "./served-status.ts";
import { STATUS_LISTED, STATUS_TOOL, type WorkflowTool } from "./served-tools.ts";

export interface FactoryOptions {
  readonly baton: ServedBaton;
  readonly tools: ReadonlyMap<string, WorkflowTool>;
  readonly calls: OpenCalls;
  /** Who calls where nobody was asked who it is. */
  readonly by: Author;
  readonly server: { readonly name: string; readonly version: string };
  readonly instructions?: string;
  readonly call: CallOptions;
}

export function serverFactory(
  sdk: Pick<typeof Sdk, "McpServer" | "ProtocolError" | "ProtocolErrorCode">,
  { baton, tools, calls, by, server, instructions, call }: FactoryOptions,
): (request: Sdk.McpRequestContext) => Sdk.McpServer {
  const listed = [...[...tools.values()].map((tool) => tool.listed), STATUS_LISTED];
  return ({ era, requestInfo }) => {
    const isWish = era === "modern" || requestInfo === undefined;
    const made = new sdk.McpServer(server, {
      capabilities: { tools: {} },
      ...(instructions === undefined ? {} : { instructions }),
    });
    made.server.setRequestHandler("tools/list", () => ({
      tools: listed.map((each) => ({ ...each })),
    }));
    made.server.setRequestHandler("tools/call", async ({ params }, context) => {
      const { name, arguments: given = {} } = params;
      const author = authorOf(context.http?.authInfo, by);
      if (name === STATUS_TOOL)
        return calls.add(callStatus(baton, tools, given, author, call.onError));
      const tool = tools.get(name);
      if (tool === undefined)
        throw new sdk.ProtocolError(sdk.ProtocolErrorCode.InvalidParams, `Unknown tool: ${name}`);
      const asked = { by: author, arguments: given, isWish, ...calledFrom(context) };
      return calls.add(callWorkflow(baton, tool, asked, call));
    });
    return made;
  };
}

function calledFrom({
  mcpReq,
}: Sdk.ServerContext): Pick<WorkflowCall, "meta" | "signal" | "progress"> {
  const { _meta: meta = {}, signal, notify } = mcpReq;
  const { progressToken } = meta;
  if (progressToken === undefined) return { meta, signal };
  return {
    meta,
    signal,
    progress: async (progress, message) =>
      notify({
        method: "notifications/progress",
        params: { progressToken, progress, message },
      }),
  };
}

/** What is being answered. */
export interface OpenCalls {
  readonly add: (answer: Promise<ToolAnswer>) => Promise<ToolAnswer>;
  readonly ended: () => Promise<void>;
}

export function openCalls(): OpenCalls {
  const open = new Set<Promise<ToolAnswer>>();
  return {
    add: async (answer) => {
      open.add(answer);
      try {
        return await answer;
      } finally {
        open.delete(answer);
      }
    },
    ended: async () => {
      await Promise.allSettled(open);
      // The SDK sends in the same turn what it was given.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

function authorOf(caller: McpCaller | undefined, by: Author): Author {
  if (caller === undefined) return by;
  const sub = caller.extra?.["sub"];
  return {
    kind: "program",
    id: caller.clientId,
    ...(typeof sub === "string" && sub !== "" ? { onBehalfOf: sub } : {}),
  };
}
