/** What `baton/mcp` gives: MCP tools as agents, and workflows as MCP tools. */
export {
  type McpCaller,
  type McpServer,
  mcpServer,
  type McpServerOptions,
  type McpStreams,
} from "./bridges/mcp/mcp-server.ts";
export type {
  ServedBaton,
  ServedOutcome,
  ServedRun,
  WatchedEntry,
} from "./bridges/mcp/served.ts";
export type { McpToolHints, ServedWorkflow } from "./bridges/mcp/served-tools.ts";
