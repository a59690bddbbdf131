import { BatonError, memory, type StoreFactory, workflow } from "baton";
import { faultyStore } from "baton/testing";
import { expect, test } from "vitest";
import { agentOf, count, expectRefused, journalOf, opened, single } from "../support/opened.ts";

const echo = agentOf("echo", (n: number) => n);
const twice = agentOf("twice", (n: number) => n * 2);

test("promise 11: a start that the store refuses is refused at once; if only the answer was lost, the run goes on all the same", async () => {
  const flow = single(echo);
  let fault: "commit" | "fail" | "loseAnswer" = "commit";
  const { factory } = faultyStore(memory(), () => fault);
  const { baton, clock } = await opened({ workflows: [flow], store: factory });
  fault = "fail";
  await expectRefused(baton.start(flow, 1, { id: "a" }), "STORE_FAILED");
  await expectRefused(baton.run("a"), "RUN_NOT_FOUND");
  fault = "loseAnswer";
  const starting = baton.start(flow, 1, { id: "b" });
  fault = "loseAnswer";
  await expectRefused(starting, "STORE_FAILED");
  fault = "commit";
  await clock.advance(10_000);
  expect(await journalOf(baton, "b")).toContain("run.completed");
});

test("a child run that the store can't start now is started later, and its parent does not fail over it", async () => {
  const inner = single(twice, "inner");
  const outer = workflow("outer", "1.0.0", { input: count })
    .subflow("z", inner, { input: ({ input }) => input })
    .output(({ z }) => z);
  let failures = 3;
  const { factory } = faultyStore(memory(), (_, { streams }) => {
    if (!streams.some(({ stream }) => stream === "run/p/z") || failures === 0) return "commit";
    failures -= 1;
    return "fail";
  });
  const { baton, clock } = await opened({ workflows: [outer], store: factory });
  expect(await clock.until((await baton.start(outer, 2, { id: "p" })).result())).toBe(4);
  expect(failures).toBe(0);
});

test("promise 11: a run whose time has come while the store can't be read is woken when it can", async () => {
  const flow = workflow("nap", "1.0.0", { input: count })
    .sleep("nap", { for: "10m" })
    .output(() => 1);
  const inner = memory();
  let broken = false;
  const store: StoreFactory = async (mode) => {
    const made = await inner(mode);
    return {
      ...made,
      read: async (...what) => {
        if (broken) throw new BatonError("STORE_FAILED", "The disk is away.");
        return await made.read(...what);
      },
    };
  };
  const { baton, clock } = await opened({ workflows: [flow], store });
  const run = await baton.start(flow, 1, { id: "r" });
  await clock.advance(1_000);
  broken = true;
  await clock.advance(3_600_000);
  broken = false;
  expect(await clock.until(run.result())).toBe(1);
});
