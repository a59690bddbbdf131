import { workflow } from "baton";
import { expect, test } from "vitest";
import { GRACE, grant, registered } from "../support/admitted.ts";
import { agentOf, count } from "../support/opened.ts";

test("a fork by nobody executes for nobody, whoever started what it begins from", async () => {
  const one = agentOf("one", (n: number) => n);
  const two = agentOf("two", (n: number) => n + 1);
  const flow = workflow("two-steps", "1.0.0", { input: count })
    .step("a", one, { input: ({ input }) => input })
    .step("b", two, { needs: ["a"], input: ({ a }) => a })
    .output(({ b }) => b);
  const { baton, clock } = await registered({ workflows: [flow], principal: "batch" });
  await grant(baton, ["workflow", "two-steps"], ["agent", "one"], ["agent", "two"]);
  const batch = { principal: "batch", privilege: "EXECUTE" } as const;
  await baton.registry.grant("workflow", "two-steps", batch, "ada");
  const hers = await baton.start(flow, 1, { id: "hers", by: GRACE });
  expect(await clock.until(hers.result())).toBe(2);
  const fork = await baton.fork("hers", { at: 1 });
  expect(await clock.until(fork.outcome())).toMatchObject({ error: { code: "NOT_GRANTED" } });
  const again = await baton.fork("hers", { at: 1, by: GRACE });
  expect(await clock.until(again.outcome())).toEqual({ kind: "completed", output: 2 });
});
