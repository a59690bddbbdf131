/**
 * A retry met an open breaker, and waited. Then the wall clock was set back, and the breaker closed: the run was told to ask
 * again, found its retry pause still before it by that clock, and had no timer left to come back with (seed 2018264).
 */
import { agent, type Agent, workflow } from "baton";
import { expect, test } from "vitest";
import { ADA, anything, journalOf, of, opened } from "../support/opened.ts";
import { settableClock } from "../support/settable-clock.ts";

test("promise 11: what is held goes on when its breaker closes, though the clock was set back meanwhile", async () => {
  const clock = settableClock();
  const pay: Agent<unknown, unknown> = agent({
    name: "pay",
    version: "1.0.0",
    input: anything,
    output: anything,
    retry: { attempts: 2 },
    breaker: { name: "bank", failures: 5, whenOpen: "wait" },
    execute: (_, { attempt }) => {
      if (attempt === 1) throw new Error("busy");
      return "paid";
    },
  });
  const flow = workflow("paying", "1.0.0", { input: of<unknown>() })
    .step("pay", pay, { input: ({ input }) => input })
    .output((state) => state.pay);
  const { baton } = await opened({ workflows: [flow] }, clock);
  const run = await baton.start(flow, 1, { id: "r" });
  await clock.settle();
  await clock.until(baton.openBreaker("bank", { by: ADA, reason: "maintenance" }));
  await clock.advance(10_000);
  expect(await journalOf(baton, "r")).toContain("attempt.held pay");
  clock.setBack(600_000);
  await clock.until(baton.closeBreaker("bank", { by: ADA, reason: "it is back" }));
  await clock.settle();
  expect(await journalOf(baton, "r")).toContain("run.completed");
  expect(await run.outcome()).toMatchObject({ kind: "completed" });
});
