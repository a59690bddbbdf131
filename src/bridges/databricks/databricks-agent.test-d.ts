/** What the compiler refuses of an agent that is elsewhere. */
import { z } from "zod";
import { contract } from "../../model/contract.ts";
import { databricksAgent, type DatabricksAgentOptions } from "./databricks-agent.ts";

const Order = contract("order", "1.0.0", z.object({ cents: z.int() }));
const Decision = contract("decision", "1.0.0", z.object({ taken: z.boolean() }));
const base = { name: "a", version: "1.0.0", input: Order, output: Decision } as const;
const reached = { host: "https://example.com", auth: { token: "x" }, endpoint: "a" } as const;

export const fits = databricksAgent({
  ...base,
  ...reached,
  toRequest: ({ cents }, { run }) => ({ input: [{ role: "user", content: `${cents} of ${run}` }] }),
  fromResponse: ({ text }, { cents }) => ({ taken: text === "yes" && cents > 0 }),
  compensate: ({ cents }, { taken }) => [cents, taken],
  retry: { attempts: 20 },
});

// @ts-expect-error in one place or the other
export const both = databricksAgent({ ...base, ...reached, app: "https://example.com" });

// @ts-expect-error nowhere
export const nowhere = databricksAgent({
  ...base,
  host: "https://example.com",
  auth: { token: "x" },
});

// @ts-expect-error what it does is done elsewhere
export const executes = databricksAgent({ ...base, ...reached, execute: () => ({ taken: true }) });

export const wrong: DatabricksAgentOptions<{ cents: number }, { taken: boolean }> = {
  ...base,
  ...reached,
  // @ts-expect-error not what the contract says
  fromResponse: ({ text }) => ({ taken: text }),
};
