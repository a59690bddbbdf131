/** An attempt that was lost with its process, and that nobody makes again, may have acted: the way back knows of it. */
import { memory, workflow } from "baton";
import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { ADA, agentOf, count, gate, opened, payloadsOf } from "../support/opened.ts";
import { undoing } from "../support/undoing.ts";

const never = gate();
const failing = agentOf<number, number>("boom", () => {
  throw new Error("no");
});

function paying(acts: string[], execute: () => number | Promise<number>, unknown: boolean) {
  const agent = undoing<number>("pay", acts, {
    unknown,
    timeout: "1h",
    breaker: { name: "bank", whenOpen: "fail" },
    execute,
  });
  return workflow("pay", "1.0.0", { input: count })
    .step("pay", agent, { input: ({ input }) => input })
    .output(({ pay }) => pay);
}

/** A process is left while the agent acts; in the next one its breaker is open, so that it is not called again. */
async function leftWhileActing(unknown: boolean) {
  const clock = virtualClock();
  const store = memory({ now: () => clock.now() });
  const acts: string[] = [];
  const first = paying(
    acts,
    async () => {
      acts.push("paid");
      await never.promise;
      return 1;
    },
    unknown,
  );
  const one = await opened({ workflows: [first], store }, clock);
  await one.baton.start(first, 1, { id: "r" });
  await clock.settle();
  await clock.until(one.baton.openBreaker("bank", { by: ADA, reason: "maintenance" }));
  await clock.until(one.baton.close({ graceMs: 0 }));
  const two = await opened({ workflows: [paying(acts, () => 1, unknown)], store }, clock);
  await clock.settle();
  return { clock, acts, baton: two.baton };
}

test("promise 6: an attempt that was lost with its process is compensated, though no other was made after it", async () => {
  const { baton, clock, acts } = await leftWhileActing(true);
  await clock.until(baton.closeBreaker("bank", { by: ADA, reason: "it is back" }));
  const outcome = await clock.until((await baton.run("r")).outcome());
  expect(outcome).toMatchObject({ kind: "compensated", error: { code: "BREAKER_OPEN" } });
  expect(acts).toEqual(["paid", "undo r pay 0"]);
});

test("promise 6: where only a person can tell what a lost attempt did, a person is asked", async () => {
  const { baton, acts } = await leftWhileActing(false);
  expect(await payloadsOf(baton, "r", "run.parked")).toMatchObject([{ paths: ["pay"] }]);
  expect(acts).toEqual(["paid"]);
});

test("an attempt that is made again after the restart, and throws, says that nothing was done", async () => {
  const clock = virtualClock();
  const store = memory({ now: () => clock.now() });
  const acts: string[] = [];
  const flow = (execute: () => number | Promise<number>) => paying(acts, execute, true);
  const one = await opened({ workflows: [flow(() => never.promise.then(() => 1))], store }, clock);
  await one.baton.startUntyped(one.baton.workflows[0] ?? flow(() => 1), 1, { id: "r" });
  await clock.settle();
  await clock.until(one.baton.close({ graceMs: 0 }));
  const again = flow(() => {
    throw new Error("the card was declined");
  });
  const { baton } = await opened({ workflows: [again], store }, clock);
  expect(await clock.until((await baton.run("r")).outcome())).toMatchObject({ kind: "failed" });
  expect(acts).toEqual([]);
});

test("promise 6: so is one that was a retry, lost while its run was failing", async () => {
  const clock = virtualClock();
  const store = memory({ now: () => clock.now() });
  const acts: string[] = [];
  const flow = workflow("w", "1.0.0", { input: count })
    .step(
      "pay",
      undoing<number>("pay", acts, {
        unknown: true,
        attempts: 2,
        execute: async (_, { attempt }) => {
          if (attempt === 1) throw new Error("busy");
          acts.push("paid");
          await never.promise;
          return 1;
        },
      }),
      { input: ({ input }) => input },
    )
    .sleep("nap", { for: "1s" })
    .step("boom", failing, { needs: ["input", "nap"], input: ({ input }) => input })
    .output(() => 0);
  const one = await opened({ workflows: [flow], store }, clock);
  await one.baton.start(flow, 1, { id: "r" });
  await clock.advance(2_000);
  await clock.until(one.baton.close({ graceMs: 0 }));
  const two = await opened({ workflows: [flow], store }, clock);
  const outcome = await clock.until((await two.baton.run("r")).outcome());
  expect(outcome).toMatchObject({ kind: "compensated", step: "boom" });
  expect(acts).toEqual(["paid", "undo r pay 0"]);
});

test("a step that failed for good left nothing under way, wherever its process died after that", async () => {
  const clock = virtualClock();
  const store = memory({ now: () => clock.now() });
  const acts: string[] = [];
  const pay = undoing<number>("pay", acts, {
    execute: () => {
      throw new Error("the card was declined");
    },
  });
  const flow = workflow("w", "1.0.0", { input: count })
    .step(
      "busy",
      agentOf<number, number>("busy", () => never.promise.then(() => 1)),
      {
        input: ({ input }) => input,
      },
    )
    .step("pay", pay, { input: ({ input }) => input })
    .output(() => 0);
  const one = await opened({ workflows: [flow], store }, clock);
  await one.baton.start(flow, 1, { id: "r" });
  await clock.settle();
  await clock.until(one.baton.close({ graceMs: 0 }));
  const two = await opened({ workflows: [flow], store }, clock);
  expect(await clock.until((await two.baton.run("r")).outcome())).toMatchObject({
    kind: "failed",
    step: "pay",
  });
});
