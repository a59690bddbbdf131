/** A timeout of more than 24 days, which Node's timers don't hold, ended each attempt at once. */
import { setTimeout } from "node:timers/promises";
import { agent, contract, memory, open, workflow } from "baton";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";

test("an agent may take as long as its timeout says, also where that is a month", async () => {
  const Count = contract("count", "1.0.0", z.number());
  const patient = agent({
    name: "patient",
    version: "1.0.0",
    input: Count,
    output: Count,
    timeout: "30d",
    retry: { attempts: 1 },
    execute: async (n) => {
      await setTimeout(20);
      return n;
    },
  });
  const flow = workflow("flow", "1.0.0", { input: Count })
    .step("a", patient, { input: ({ input }) => input })
    .output(({ a }) => a);
  // In the machine's own time.
  const baton = await open({ store: memory(), workflows: [flow] });
  onTestFinished(() => baton.close({ graceMs: 0 }));
  expect(await (await baton.start(flow, 7)).outcome()).toEqual({ kind: "completed", output: 7 });
});
