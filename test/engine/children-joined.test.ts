/** A parent that ends while it finds its child again: the child is told, whatever was under way for it. */
import { memory, type StoreFactory, workflow } from "baton";
import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { ADA, count, gate, opened } from "../support/opened.ts";

const inner = workflow("inner", "1.0.0", { input: count })
  .approval("ok", { show: () => "?", remindEvery: "24h" })
  .output(() => 0);
const outer = workflow("outer", "1.0.0", { input: count })
  .subflow("child", inner, { input: ({ input }) => input })
  .output(() => 0);

/** A second process finds the child of its run, and is slow to be told that it is there. */
async function joining() {
  const clock = virtualClock();
  const kept = memory({ now: () => clock.now() });
  const one = await opened({ workflows: [outer], store: kept }, clock);
  await one.baton.start(outer, 1, { id: "r" });
  await clock.settle();
  await clock.until(one.baton.close({ graceMs: 0 }));
  const slow = gate();
  const store: StoreFactory = async (mode) => {
    const handle = await kept(mode);
    return {
      ...handle,
      append: async (request) => {
        const isChild = request.streams.some(({ stream }) => stream === "run/r/child");
        if (isChild) await slow.promise;
        return await handle.append(request);
      },
    };
  };
  const { baton } = await opened({ workflows: [outer], store }, clock);
  await clock.settle();
  return { baton, clock, slow };
}

test("promise 11: a child that is cancelled while its parent joins it is cancelled", async () => {
  const { baton, clock, slow } = await joining();
  await clock.until(baton.cancel("r", { by: ADA, reason: "enough" }));
  await clock.settle();
  slow.open();
  expect(await clock.until((await baton.run("r")).outcome())).toMatchObject({ kind: "cancelled" });
});

test("a child that is answered while its parent joins it takes the answer", async () => {
  const { baton, clock, slow } = await joining();
  const answered = baton.approve("r/child", "ok", { approved: true, by: ADA });
  await clock.settle();
  slow.open();
  await clock.until(answered);
  expect(await clock.until((await baton.run("r")).result())).toBe(0);
});
