/** A map fails by one item while others are under way: what those give is recorded after it, and replays as it was. */
import { workflow } from "baton";
import { expect, test } from "vitest";
import { agentOf, count, journalOf, opened } from "../support/opened.ts";

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
