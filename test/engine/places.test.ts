/** Places to execute: whoever is given one goes on, whatever is under way for it at that moment. */
import { memory, type StoreFactory, workflow } from "baton";
import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { ADA, agentOf, count, gate, opened } from "../support/opened.ts";

test("promise 11: a run that is given a place while an append of it is under way goes on after that", async () => {
  const clock = virtualClock();
  const slow = gate();
  const inner = memory({ now: () => clock.now() });
  const store: StoreFactory = async (mode) => {
    const opens = await inner(mode);
    return {
      ...opens,
      append: async (request) => {
        const isSignal = request.streams.some(({ entries }) =>
          entries.some(({ text }) => text.includes('"signal.received"')),
        );
        if (isSignal) await slow.promise;
        return await opens.append(request);
      },
    };
  };
  const busy = gate<number>();
  const first = workflow("first", "1.0.0", { input: count })
    .step(
      "a",
      agentOf("busy", () => busy.promise),
      { input: ({ input }) => input },
    )
    .output(({ a }) => a as number);
  const second = workflow("second", "1.0.0", { input: count })
    .awaitSignal("go", { contract: count, timeout: "24h" })
    .step(
      "b",
      agentOf("double", (n: number) => 2 * n),
      { needs: ["go"], input: ({ go }) => go },
    )
    .output(({ b }) => b as number);
  const limits = { concurrentRunsMax: 1 };
  const { baton } = await opened({ workflows: [first, second], store, limits }, clock);
  const one = await baton.start(first, 1, { id: "one" });
  const two = await baton.start(second, 1, { id: "two" });
  const told = baton.signal("two", "go", 21, { by: ADA });
  await clock.settle();
  busy.open(1);
  expect(await clock.until(one.result())).toBe(1);
  slow.open();
  await clock.until(told);
  expect(await clock.until(two.result())).toBe(42);
});

test("promise 11: a run that is ending gives its place to a child that still has to go on", async () => {
  const clock = virtualClock();
  const pay = agentOf("pay", async (n: number) => {
    await new Promise<void>((paid) => clock.after(2_000, paid));
    return n;
  });
  const child = workflow("child", "1.0.0", { input: count })
    .step("pay", pay, { input: ({ input }) => input, pivot: true })
    .sleep("rest", { needs: ["pay"], for: "1h" })
    .step(
      "tell",
      agentOf("tell", (n: number) => n),
      { needs: ["pay", "rest"], input: ({ pay }) => pay as number },
    )
    .output(({ tell }) => tell as number);
  const parent = workflow("parent", "1.0.0", { input: count })
    .subflow("order", child, { input: ({ input }) => input, deadline: "1s" })
    .output(({ order }) => order);
  const { baton } = await opened({ workflows: [parent], limits: { concurrentRunsMax: 1 } }, clock);
  const run = await clock.until(baton.start(parent, 1, { id: "r" }));
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "failed", step: "order" });
  expect(await clock.until((await baton.run("r/order")).outcome())).toMatchObject({
    kind: "completed",
  });
});
