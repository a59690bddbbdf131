/** A map fails, or is skipped, by one item while others are under way: what becomes of those is recorded after it, and replays as it was. */
import { workflow } from "baton";
import { expect, test } from "vitest";
import { once } from "../support/acting-once.ts";
import { agentOf, count, journalOf, opened } from "../support/opened.ts";
import { restarting } from "../support/restarting.ts";

test("promise 8: an item that ends after its map has failed is no difference", async () => {
  const item = agentOf("item", async (n: number, { signal }) => {
    if (n === 0) throw new Error("no");
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    return n;
  });
  const flow = workflow("flow", "1.0.0", { input: count })
    .map("many", item, { over: () => [0, 1, 2], input: (n) => n, concurrency: 3 })
    .output(({ many }) => many);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await clock.until(baton.start(flow, 1, { id: "r" }));
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "failed" });
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "step.opened many",
    "attempt.failed many[0] 1",
    "step.failed many",
    "item.sealed many[1]",
    "item.sealed many[2]",
    "run.failed",
  ]);
  expect(await baton.replay("r")).toMatchObject({ same: true, differences: [] });
});

test("promise 8: an item that is lost with its process after its map was skipped is no difference (seed 8004304)", async () => {
  const never = new Promise<number>(() => undefined);
  const transfer = once([], { execute: async (n) => (n === 7 ? await never : n) });
  const flow = workflow("flow", "1.0.0", { input: count })
    .map("many", transfer, {
      over: () => [7, 5, 1],
      input: (n) => {
        if (n === 1) throw new Error("refused");
        return n;
      },
      concurrency: 2,
      onRefused: "skip",
    })
    .sleep("nap", { for: "10s" })
    .output(() => 0);
  const { baton, clock, restart } = await restarting({ workflows: [flow] });
  await baton().start(flow, 1, { id: "r" });
  await clock.settle();
  await restart();
  const run = await baton().start(flow, 1, { id: "r" });
  await clock.until(run.outcome());
  expect(await journalOf(baton(), "r")).toEqual(
    expect.arrayContaining(["step.skipped many", "attempt.unknown many[0]"]),
  );
  expect(await baton().replay("r")).toMatchObject({ same: true, differences: [] });
});
