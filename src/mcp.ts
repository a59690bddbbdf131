/** What `baton/mcp` gives: MCP tools as agents, and workflows as MCP tools. */
export type { McpTool } from "./bridges/mcp/called-tool.ts";
export {
  type McpCaller,
  type McpServer,
  mcpServer,
  type McpServerOptions,
  type McpStream,
  type McpStreams,
} from "./bridges/mcp/mcp-server.ts";
export type { ServedBaton, ServedItem, ServedOutcome, ServedRun } from "./bridges/served-baton.ts";
export type { McpToolHints, ServedWorkflow } from "./bridges/mcp/served-tools.ts";
export {
  type McpAgentOptions,
  type McpTools,
  mcpTools,
  type McpToolsOptions,
} from "./bridges/mcp/mcp-tools.ts";
export type { McpAnswer, McpCallContext } from "./bridges/mcp/mcp-answer.ts";
export type {
  McpAddress,
  McpProcess,
  McpTransport,
} from "./bridges/mcp/transport-options.ts";
