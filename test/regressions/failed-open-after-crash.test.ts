/**
 * A process died, and the next one could not be opened with the code that it was given: it took the lease, and gave it back in good
 * order. Whoever came then did not know that a process had died, and noted nothing of what may have been under way.
 */
import { contract, memory, topic, workflow } from "baton";
import { expect, test } from "vitest";
import { z } from "zod";
import { agentOf, count } from "../support/opened.ts";
import { nextLife } from "../support/mortal.ts";

const once = agentOf("once", (n: number) => n);
const flow = workflow("flow", "1.0.0", { input: count })
  .step("a", once, { input: ({ input }) => input })
  .output(() => 1);
const another = workflow("flow", "1.0.0", { input: count })
  .step("b", once, { input: ({ input }) => input })
  .output(() => 1);
const topicOf = (schema: z.ZodType) => topic("told", contract("told", "1.0.0", schema));

test.each([
  ["WORKFLOW_CHANGED", { workflows: [another] }],
  ["TOPIC_CHANGED", { workflows: [flow], topics: [topicOf(z.object({ m: z.string() }))] }],
] as const)("an open that fails with %s leaves the lease as it found it", async (code, changed) => {
  const store = memory();
  const topics = [topicOf(z.object({ n: z.number() }))];
  const { process, clock } = await nextLife(store, undefined, () => ({
    workflows: [flow],
    topics,
  }));
  process.kill();
  const left = await (await store({ readOnly: false })).lease();
  expect(left).toMatchObject({ epoch: 1 });
  await expect(nextLife(store, clock, () => ({ ...changed }))).rejects.toMatchObject({ code });
  expect(await (await store({ readOnly: false })).lease()).toEqual(left);
});
