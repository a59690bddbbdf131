/** A probe begins when its transition is in the journal, and is given up a cooldown after that, not before it began. */
import { memory, type StoreFactory, workflow } from "baton";
import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { count, gate, opened } from "../support/opened.ts";
import { undoing } from "../support/undoing.ts";

test("while the store can't record that a breaker is half-open, no second probe takes the place of the first", async () => {
  const clock = virtualClock();
  const slow = gate();
  const inner = memory({ now: () => clock.now() });
  const store: StoreFactory = async (mode) => {
    const handle = await inner(mode);
    return {
      ...handle,
      append: async (request) => {
        const isHalfOpen = request.streams.some(({ entries }) =>
          entries.some(({ text }) => text.includes('"breaker.halfOpened"')),
        );
        if (isHalfOpen) await slow.promise;
        return await handle.append(request);
      },
    };
  };
  const answered = gate();
  const downstream = { calls: 0 };
  const agent = undoing<number>("score", [], {
    attempts: 10,
    breaker: { failures: 1, cooldown: "1s" },
    execute: async () => {
      downstream.calls += 1;
      if (downstream.calls === 1) throw new Error("down");
      await answered.promise;
      return 1;
    },
  });
  const flow = workflow("w", "1.0.0", { input: count })
    .step("score", agent, { input: ({ input }) => input })
    .output(({ score }) => score);
  const { baton } = await opened({ workflows: [flow], store }, clock);
  const runs = [];
  for (const id of ["a", "b", "c"]) runs.push(await baton.start(flow, 1, { id }));
  await clock.advance(10_000);
  slow.open();
  await clock.settle();
  expect(downstream.calls).toBe(2);
  answered.open();
  for (const run of runs) expect(await clock.until(run.result())).toBe(1);
});
