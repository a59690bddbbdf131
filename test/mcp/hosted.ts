/** Servers of HTTP and clients of MCP for tests: real ones, on a port that is free. */
import { serve } from "@hono/node-server";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

export interface Hosted {
  readonly url: string;
  readonly close: () => Promise<void>;
}

export async function hosted(fetch: (request: Request) => Promise<Response>): Promise<Hosted> {
  const closed: (() => Promise<void>)[] = [];
  const port = await new Promise<number>((resolve) => {
    const server = serve({ fetch, port: 0, hostname: "127.0.0.1" }, (info) => resolve(info.port));
    closed.push(
      () =>
        new Promise((done) => {
          server.close(() => done());
          if ("closeAllConnections" in server) server.closeAllConnections();
        }),
    );
  });
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    close: async () => {
      for (const close of closed) await close();
    },
  };
}

/** A client of the SDK, of the newest protocol or of those before it. */
export async function clientOf(
  url: string,
  mode: "auto" | "legacy" = "auto",
  headers: Readonly<Record<string, string>> = {},
): Promise<Client> {
  const client = new Client({ name: "test", version: "1.0.0" }, { versionNegotiation: { mode } });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { ...headers } } }),
  );
  return client;
}
