/** What a fallback answered for has nothing to undo; what the agent itself may have done before it has. */
import { agent, type Agent, workflow } from "baton";
import { expect, test } from "vitest";
import { anything, entriesOf, gate, of, opened, payloadsOf } from "../support/opened.ts";

const standIn: Agent<unknown, unknown> = agent({
  name: "stand-in",
  version: "1.0.0",
  input: anything,
  output: anything,
  execute: () => "stood in",
});

/** An agent behind a breaker that its first failure opens, and a step after it that fails for good. */
function failing(execute: () => unknown) {
  const undone: unknown[] = [];
  const charge: Agent<unknown, unknown> = agent({
    name: "charge",
    version: "1.0.0",
    input: anything,
    output: anything,
    timeout: "1s",
    retry: { attempts: 2 },
    breaker: { failures: 1, whenOpen: { fallback: standIn } },
    execute,
    compensateUnknown: true,
    compensate: (input: unknown, output: unknown) => {
      undone.push([input, output]);
    },
  });
  const ship: Agent<unknown, unknown> = agent({
    name: "ship",
    version: "1.0.0",
    input: anything,
    output: anything,
    retry: { attempts: 1 },
    execute: () => {
      throw new Error("no parcels today");
    },
  });
  const flow = workflow("order", "1.0.0", { input: of<unknown>() })
    .step("charge", charge, { input: ({ input }) => input })
    .step("ship", ship, { needs: ["charge"], input: ({ charge: paid }) => paid })
    .output(({ ship: shipped }) => shipped);
  return { flow, undone };
}

test("an answer of a fallback is not undone by the agent that it stood in for", async () => {
  const { flow, undone } = failing(() => {
    throw new Error("down");
  });
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 7, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "failed", step: "ship" });
  expect(undone).toEqual([]);
  expect((await entriesOf(baton, "r")).some(({ agent: by }) => by === "stand-in@1.0.0")).toBe(true);
});

test("an attempt that may have acted is undone, though a fallback answered after it", async () => {
  const never = gate();
  const { flow, undone } = failing(() => never.promise);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 7, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
  expect(undone).toEqual([[7, undefined]]);
  expect(await payloadsOf(baton, "r", "compensation.sealed")).toHaveLength(1);
  expect((await baton.verify()).problems).toEqual([]);
  expect(await baton.replay("r")).toMatchObject({ same: true });
});
