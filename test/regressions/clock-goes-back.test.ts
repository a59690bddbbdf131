/** An item of a map whose retry was due waits for its place among those that execute; meanwhile the wall clock goes back. */
import { workflow } from "baton";
import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { agentOf, count, gate, journalOf, opened } from "../support/opened.ts";

test("promise 11: an item whose retry was due is not forgotten when the clock goes back", async () => {
  const time = virtualClock();
  let jumpedMs = 0;
  const second = gate();
  const each = agentOf<number, number>(
    "each",
    async (n, { attempt }) => {
      if (n === 0 && attempt === 1) throw new Error("not yet");
      if (n === 1) await second.promise;
      return n;
    },
    { attempts: 2 },
  );
  const flow = workflow("flow", "1.0.0", { input: count })
    .map("all", each, { needs: [], over: () => [0, 1], input: (n) => n, concurrency: 1 })
    .output(({ all }) => all);
  const clock = { ...time, now: () => time.now() + jumpedMs };
  const { baton } = await opened({ workflows: [flow] }, clock);
  const run = await baton.start(flow, 1, { id: "r" });
  // The second item has the only place when the pause of the first is over.
  await time.advance(500);
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "step.opened all",
    "attempt.failed all[0] 1",
  ]);
  jumpedMs = -3_600_000;
  second.open();
  expect(await time.until(run.result())).toEqual([0, 1]);
  expect(time.now() - clock.now()).toBe(3_600_000);
});
