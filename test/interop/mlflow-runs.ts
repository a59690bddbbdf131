/** What runs, in the test and in the processes that it kills. */
import { agent, contract, exponential, workflow, type Workflow } from "baton";
import { z } from "zod";

export const EXPERIMENT = "interop";
export const RUNS = 1_000;

interface Item {
  readonly name: string;
  readonly n: number;
}
const Thing = contract("thing", "1.0.0", z.object({ name: z.string(), n: z.int() }));

function calling(name: string, failing: boolean) {
  return agent({
    name,
    version: "1.0.0",
    input: Thing,
    output: Thing,
    retry: { attempts: 3, backoff: exponential("10ms") },
    execute: async ({ name: of, n }, { usage, attempt }) => {
      usage({ model: "model-1", inputTokens: n + 1, outputTokens: attempt });
      await new Promise((resolve) => setTimeout(resolve, n % 7));
      if (failing && attempt === 1 && n % 3 === 0) throw new Error("busy");
      return { name: of, n: n + 1 };
    },
  });
}

export const scoring: Workflow<Item, Item> = workflow("scoring", "1.0.0", { input: Thing })
  .step("first", calling("first", true), { input: ({ input }) => input })
  .step("second", calling("second", false), { needs: ["first"], input: ({ first }) => first })
  .output(({ second }) => second);
