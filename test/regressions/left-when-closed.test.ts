/**
 * A run rested until its retry was due, and the process was closed over that retry. Nothing in the store said that the run did
 * more than wait: it was not resumed, and what the retry did stood (seed 2013884).
 */
import { memory, workflow } from "baton";
import { expect, test } from "vitest";
import { virtualClock } from "baton/testing";
import { ADA, count, gate, opened, payloadsOf } from "../support/opened.ts";
import { undoing } from "../support/undoing.ts";

/** `pay` fails once; `ms` later its process is closed, and its breaker is open in the next one, so that it is not called again. */
async function closedAfter(ms: number) {
  const clock = virtualClock();
  const store = memory({ now: () => clock.now() });
  const acts: string[] = [];
  const never = gate();
  const pay = undoing<number>("pay", acts, {
    unknown: true,
    attempts: 2,
    breaker: { name: "bank", whenOpen: "fail" },
    execute: async (_, { attempt }) => {
      if (attempt === 1) throw new Error("busy");
      acts.push("paid");
      await never.promise;
      return 1;
    },
  });
  const flow = workflow("w", "1.0.0", { input: count })
    .step("pay", pay, { input: ({ input }) => input })
    .output(() => 0);
  const one = await opened({ workflows: [flow], store }, clock);
  await one.baton.start(flow, 1, { id: "r" });
  await clock.advance(ms);
  await clock.until(one.baton.openBreaker("bank", { by: ADA, reason: "maintenance" }));
  await clock.until(one.baton.close({ graceMs: 0 }));
  await clock.advance(1_000);
  const { baton } = await opened({ workflows: [flow], store }, clock);
  await clock.advance(100);
  await clock.until(baton.closeBreaker("bank", { by: ADA, reason: "it is back" }));
  const outcome = await clock.until((await baton.run("r")).outcome());
  return { acts, outcome, resumed: await payloadsOf(baton, "r", "run.resumed"), baton };
}

test("promise 6: a retry that its process was closed over is undone, though the run had rested before it", async () => {
  const { acts, outcome, resumed, baton } = await closedAfter(500);
  expect(resumed).toEqual([{ incarnation: 1 }]);
  expect(outcome).toMatchObject({ kind: "compensated", error: { code: "BREAKER_OPEN" } });
  expect(acts).toEqual(["paid", "undo r pay 0"]);
  expect((await baton.verify()).problems).toEqual([]);
});

test("a run that only rested when its process was closed is woken, and not resumed", async () => {
  const { acts, outcome, resumed } = await closedAfter(50);
  expect(resumed).toEqual([]);
  expect(outcome).toMatchObject({ kind: "failed", error: { code: "BREAKER_OPEN" } });
  expect(acts).toEqual([]);
});
