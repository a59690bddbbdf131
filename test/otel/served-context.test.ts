/** A Baton that calls another: the run there has a link to the attempt that called, whatever they speak. */
import { type Agent, agent, contract, memory, open, workflow } from "baton";
import { a2aAgent, a2aServer } from "baton/a2a";
import { databricksAgent, responsesAgent } from "baton/databricks";
import { mcpServer, mcpTools } from "baton/mcp";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { hosted } from "../mcp/hosted.ts";
import { entriesOf } from "../support/opened.ts";

const Number = contract("number", "1.0.0", z.object({ n: z.int() }));
const twice = workflow("twice", "1.0.0", { input: Number, output: Number })
  .step(
    "double",
    agent({
      name: "double",
      version: "1.0.0",
      input: Number,
      output: Number,
      execute: ({ n }) => ({ n: 2 * n }),
    }),
    { input: ({ input }) => input },
  )
  .output(({ double }) => double);

type Doubling = Agent<{ n: number }, { n: number }>;
type Serve = (baton: Awaited<ReturnType<typeof open>>) => Promise<Doubling>;

const REMOTE = { name: "remote", version: "1.0.0", input: Number, output: Number } as const;

async function listening(fetch: (request: Request) => Promise<Response>): Promise<string> {
  const { url, close } = await hosted(fetch);
  onTestFinished(close);
  return new URL(url).origin;
}

const WAYS: Readonly<Record<string, Serve>> = {
  A2A: async (baton) => {
    let handler: ((request: Request) => Promise<Response>) | undefined;
    const url = await listening(async (request) => (await handler?.(request)) ?? new Response());
    const card = { name: "twice", description: "Doubles.", version: "1.0.0", url };
    const author = () => ({ kind: "program", id: "caller" }) as const;
    handler = await a2aServer(baton, { workflows: [twice], card, author });
    return a2aAgent({ ...REMOTE, card: `${url}/.well-known/agent-card.json` });
  },
  "the Responses API": async (baton) => {
    const app = await listening(responsesAgent(baton, twice));
    return databricksAgent({ ...REMOTE, host: app, app, auth: () => "token" });
  },
  MCP: async (baton) => {
    const server = await mcpServer(baton);
    onTestFinished(() => server.close());
    const tools = await mcpTools({ transport: { url: await listening(server.fetch) } });
    onTestFinished(() => tools.close());
    return tools.agent("twice", REMOTE);
  },
};

test.each(Object.keys(WAYS))("by %s", async (way) => {
  const served = await open({ store: memory(), workflows: [twice] });
  onTestFinished(() => served.close({ graceMs: 0 }));
  const remote = await WAYS[way]?.(served);
  if (remote === undefined) throw new Error(`There is no way ${way}.`);
  const calling = workflow("calling", "1.0.0", { input: Number, output: Number })
    .step("there", remote, { input: ({ input }) => input })
    .output(({ there }) => there);
  const caller = await open({ store: memory(), workflows: [calling] });
  onTestFinished(() => caller.close({ graceMs: 0 }));
  const run = await caller.start(calling, { n: 21 }, { id: "r" });
  expect(await run.result()).toEqual({ n: 42 });
  const [{ id } = { id: "" }] = await served.runs();
  const [started] = await entriesOf(served, id);
  const [here] = await entriesOf(caller, "r");
  expect(here?.traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(started?.payload["traceparent"]).toContain(`00-${here?.traceId}-`);
  expect(started?.traceId).not.toBe(here?.traceId);
});
