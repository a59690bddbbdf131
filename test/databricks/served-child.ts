/** A process that serves until it is killed. Every execution of an agent is a line in a file; the second waits for a file to be there. */
import { appendFileSync, existsSync } from "node:fs";
import { serve } from "@hono/node-server";
import { agent, contract, open, workflow } from "baton";
import { responsesAgent } from "baton/databricks";
import { sqlite } from "baton/sqlite";
import { z } from "zod";

const [store = "", executions = "", goOn = ""] = process.argv.slice(2);
const text = contract("text", "1.0.0", z.string());

function told(name: string, execute: (input: string) => string | Promise<string>) {
  return agent({
    name,
    version: "1.0.0",
    input: text,
    output: text,
    execute: async (input, { path, run }) => {
      appendFileSync(executions, `${run}\t${path}\n`);
      return await execute(input);
    },
  });
}

const first = told("first", (input) => `${input} first`);
const second = told("second", async (input) => {
  // Where the process is killed; the one after it finds the file.
  while (!existsSync(goOn)) await new Promise((resolve) => setTimeout(resolve, 5));
  return `${input} second`;
});
const relay = workflow("relay", "1.0.0", { input: text, output: text })
  .step("first", first, { input: ({ input }) => input })
  .step("second", second, { needs: ["first"], input: ({ first: given }) => given })
  .output(({ second: given }) => given);

const baton = await open({ store: sqlite(store), workflows: [relay] });
const server = serve(
  { fetch: responsesAgent(baton, relay), port: 0, hostname: "127.0.0.1" },
  ({ port }) => process.send?.({ port }),
);
process.on("disconnect", () => {
  server.close();
  process.exit();
});
