/** Everybody whom the lender asks, on one port of this machine. */
import { serve, type ServerType } from "@hono/node-server";
import { Hono } from "hono";
import { bureau } from "./bureau.ts";
import { employer } from "./employer.ts";
import { MODEL, modelProvider } from "./model.ts";
import { workspace } from "./risk.ts";

/** Where they are. */
export interface Addresses {
  /** Of the bureau's MCP server. */
  readonly bureau: string;
  /** How many inquiries are open there. */
  readonly inquiries: string;
  /** Of the agent card of whoever verifies incomes. */
  readonly employer: string;
  /** The workspace with the risk model. */
  readonly databricks: string;
  readonly model: { readonly url: string; readonly name: string };
}

export interface Neighbours {
  readonly addresses: Addresses;
  readonly close: () => Promise<void>;
}

export async function neighbours(): Promise<Neighbours> {
  const app = new Hono();
  const { server, url } = await listening(app);
  const [files, incomes, risk] = [bureau(), await employer(`${url}/employer`), await workspace()];
  app.all("/bureau/mcp", ({ req }) => files.fetch(req.raw));
  app.get("/bureau/inquiries", (context) => context.json(files.inquiries()));
  app.all("/employer", ({ req }) => incomes.fetch(req.raw));
  app.all("/employer/*", ({ req }) => incomes.fetch(req.raw));
  app.route("/databricks", risk.app);
  app.route("/model", modelProvider());
  return {
    addresses: {
      bureau: `${url}/bureau/mcp`,
      inquiries: `${url}/bureau/inquiries`,
      employer: `${url}/employer/.well-known/agent-card.json`,
      databricks: `${url}/databricks`,
      model: { url: `${url}/model/v1`, name: MODEL },
    },
    close: async () => {
      await Promise.all([incomes.baton.close(), risk.baton.close()]);
      await closed(server);
    },
  };
}

function listening(app: Hono): Promise<{ readonly server: ServerType; readonly url: string }> {
  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) =>
      resolve({ server, url: `http://127.0.0.1:${port}` }),
    );
  });
}

function closed(server: ServerType): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    if ("closeAllConnections" in server) server.closeAllConnections();
  });
}
