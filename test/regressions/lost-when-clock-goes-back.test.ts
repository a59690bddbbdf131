/**
 * A retry was under way when its process died, and before that the wall clock was set back: by the journal, whose times never
 * go back, its pause was not over when the next process took the run up (seeds 2017338 and 2017592).
 */
import { memory, workflow } from "baton";
import { expect, test } from "vitest";
import { ADA, agentOf, count, gate, opened, payloadsOf } from "../support/opened.ts";
import { mortal } from "../support/mortal.ts";
import { settableClock } from "../support/settable-clock.ts";
import { undone, undoing } from "../support/undoing.ts";

const never = gate();

/** Fails once; then it acts, and never ends. */
function paying(acts: string[]) {
  return undoing<number>("pay", acts, {
    unknown: true,
    attempts: 2,
    execute: async (_, { attempt }) => {
      if (attempt === 1) throw new Error("busy");
      acts.push("paid");
      await never.promise;
      return 1;
    },
  });
}

/** `pay` fails once, and `ms` later its process is left. In the next one the clock has been set back, if it is to be. */
async function leftAfter(ms: number, isSetBack: boolean) {
  const clock = settableClock();
  const store = memory({ now: () => clock.now() });
  const acts: string[] = [];
  const busy = agentOf<number, number>("busy", () => never.promise.then(() => 1));
  const pay = paying(acts);
  const flow = workflow("w", "1.0.0", { input: count })
    .step("busy", busy, { input: ({ input }) => input })
    .step("pay", pay, { input: ({ input }) => input })
    .output(() => 0);
  const one = await opened({ workflows: [flow], store }, clock);
  await one.baton.start(flow, 1, { id: "r" });
  await clock.advance(ms);
  await clock.until(one.baton.close({ graceMs: 0 }));
  await clock.advance(1);
  if (isSetBack) clock.setBack(600_000);
  const { baton } = await opened({ workflows: [flow], store }, clock);
  await clock.settle();
  await clock.until(baton.cancel("r", { by: ADA, reason: "changed my mind" }));
  await clock.advance(30_000);
  return { acts, baton, resumed: await payloadsOf(baton, "r", "run.resumed") };
}

test("promise 6: a retry that was lost with its process is undone, though the clock was set back meanwhile", async () => {
  const { acts, resumed } = await leftAfter(1_000, true);
  expect(resumed).toHaveLength(1);
  expect(acts[0]).toBe("paid");
  expect(undone(acts)).toEqual(["pay"]);
});

test("promise 6: so is one that was lost while its run was taken to rest until it was due", async () => {
  const clock = settableClock();
  const store = memory({ now: () => clock.now() });
  const acts: string[] = [];
  const pay = paying(acts);
  const flow = workflow("w", "1.0.0", { input: count })
    .step("pay", pay, { input: ({ input }) => input })
    .output(() => 0);
  const first = mortal(store);
  const one = await opened({ workflows: [flow], store: first.factory }, clock);
  await one.baton.start(flow, 1, { id: "r" });
  await clock.advance(1_000);
  first.kill();
  clock.setBack(600_000);
  const { baton } = await opened({ workflows: [flow], store, standby: true }, clock);
  await clock.until(baton.cancel("r", { by: ADA, reason: "changed my mind" }));
  await clock.advance(30_000);
  expect(await payloadsOf(baton, "r", "run.resumed")).toEqual([{ incarnation: 1, crashed: true }]);
  expect(acts[0]).toBe("paid");
  expect(undone(acts)).toEqual(["pay"]);
});

test("a retry whose time had not come when its process was left is not taken to have acted", async () => {
  const { acts, resumed } = await leftAfter(50, false);
  expect(resumed).toHaveLength(1);
  expect(acts).toEqual([]);
});
