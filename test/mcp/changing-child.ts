/** A server over stdio whose tool changes when another is called, and which says so: with `old`, by the protocols before 2026. */
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio, StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";

function changingServer(): McpServer {
  const server = new McpServer(
    { name: "changing", version: "1.0.0" },
    { capabilities: { tools: { listChanged: true } } },
  );
  const text = (said: string) => ({ content: [{ type: "text" as const, text: said }] });
  const lookup = server.registerTool(
    "lookup",
    { inputSchema: z.object({ name: z.string() }) },
    () => text("found"),
  );
  server.registerTool("change", { inputSchema: z.object({}) }, () => {
    lookup.update({ paramsSchema: z.object({ name: z.string(), why: z.string() }) });
    return text("changed");
  });
  return server;
}

if (process.argv[2] === "old") await changingServer().connect(new StdioServerTransport());
else serveStdio(changingServer);
