/** A map that is skipped while items of it are under way: what they did is known when the run goes back. */
import { workflow } from "baton";
import { expect, test } from "vitest";
import { agentOf, gate, of, opened } from "../support/opened.ts";
import { undoing } from "../support/undoing.ts";

test("promise 6: an item that was under way when its map was skipped is compensated", async () => {
  const acts: string[] = [];
  const held = gate();
  const book = undoing<number>("book", acts, {
    unknown: true,
    execute: async (n) => {
      await held.promise;
      return n;
    },
  });
  const boom = agentOf<number, number>("boom", () => {
    throw new Error("no");
  });
  const flow = workflow("w", "1.0.0", { input: of<readonly number[]>() })
    .map("all", book, {
      over: ({ input }) => input,
      input: (n) => {
        if (n === 1) throw new Error("refused");
        return n;
      },
      concurrency: 2,
      onRefused: "skip",
    })
    .sleep("nap", { for: "10s" })
    .step("end", boom, { needs: ["nap"], input: () => 1 })
    .output(() => 0);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, [0, 1], { id: "r" });
  await clock.settle();
  held.open();
  const outcome = await clock.until(run.outcome());
  expect(acts).toEqual(["do r all[0] 0", "undo r all[0] 0"]);
  expect(outcome).toMatchObject({ kind: "compensated", step: "end" });
});
