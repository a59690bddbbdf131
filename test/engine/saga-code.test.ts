import { memory, open, workflow } from "baton";
import { countedIds, faultyStore, virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { ADA, agentOf, count, gate, journalOf, opened } from "../support/opened.ts";
import { undoing, undone } from "../support/undoing.ts";

function waiting(acts: string[]) {
  return workflow("saga", "1.0.0", { input: count })
    .step("a", undoing<number>("pay", acts), { input: ({ input }) => input })
    .approval("ok", { needs: ["a"], show: () => "?", timeout: "24h" })
    .output(({ ok }) => ok.approved);
}

test("promise 6: a run that is cancelled where its code is not there waits for it, and is undone where it is", async () => {
  const acts: string[] = [];
  const flow = waiting(acts);
  const store = memory();
  const one = await opened({ workflows: [flow], store });
  await one.baton.start(flow, 2, { id: "r" });
  await one.clock.settle();
  await one.clock.until(one.baton.close({ graceMs: 0 }));

  const two = await opened({ workflows: [], store }, virtualClock(one.clock.now()));
  await two.clock.until(two.baton.cancel("r", { by: ADA, reason: "not any more" }));
  await two.clock.settle();
  const said = await journalOf(two.baton, "r");
  expect(said).toContain("run.blocked");
  expect(said.at(-1)).toBe("run.cancelling");
  expect((await two.baton.runs({ open: true })).map(({ status }) => status)).toEqual(["waiting"]);
  expect(undone(acts)).toEqual([]);
  await two.clock.until(two.baton.close({ graceMs: 0 }));

  const three = await opened({ workflows: [flow], store }, virtualClock(two.clock.now()));
  const run = await three.baton.run("r");
  expect(await three.clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
  expect(undone(acts)).toEqual(["a"]);
  expect((await three.baton.verify()).problems).toEqual([]);
});

test("a run that has ended is not undone where its code is not there, and stays as it is", async () => {
  const acts: string[] = [];
  const flow = workflow("saga", "1.0.0", { input: count })
    .step("a", undoing<number>("pay", acts), { input: ({ input }) => input })
    .output(({ a }) => a);
  const store = memory();
  const one = await opened({ workflows: [flow], store });
  const run = await one.baton.start(flow, 2, { id: "r" });
  await one.clock.until(run.result());
  await one.clock.until(one.baton.close({ graceMs: 0 }));
  const two = await opened({ workflows: [], store }, virtualClock(one.clock.now()));
  await expect(
    two.clock.until(two.baton.compensate("r", { by: ADA, reason: "no" })),
  ).rejects.toMatchObject({ code: "AGENT_NOT_FOUND" });
  expect((await journalOf(two.baton, "r")).at(-1)).toBe("run.completed");
  expect((await two.baton.report("r")).status).toBe("completed");
});

test("what was under way when the process died, while its run was ending, may have acted: a person is asked", async () => {
  const acts: string[] = [];
  const pay = undoing<number>("pay", acts);
  const held = undoing<number>("held", acts, { execute: () => gate<number>().promise });
  const boom = agentOf("boom", (): number => {
    throw new Error("it broke");
  });
  const flow = workflow("saga", "1.0.0", { input: count })
    .step("a", pay, { input: ({ input }) => input })
    .step("b", held, { input: ({ input }) => input })
    .map("many", held, { over: ({ input }) => [input, 1, 2], input: (n) => n, concurrency: 2 })
    .step("d", boom, { needs: ["a"], input: ({ a }) => a })
    .step("after", held, { needs: ["d"], input: ({ d }) => d })
    .output(({ b, d, many }) => b + d + many.length);
  const store = memory();
  // The process dies once the failure is in the journal, and before anything that was aborted has ended.
  const faulty = faultyStore(store, (_n, request) =>
    JSON.stringify(request.streams).includes("step.failed") ? "crashAfter" : "commit",
  );
  const clock = virtualClock();
  const dying = await clock.until(
    open({ store: faulty.factory, workflows: [flow], clock, ids: countedIds() }),
  );
  await clock.until(dying.start(flow, 2, { id: "r" }));
  await clock.until(faulty.crashed);

  const { baton, clock: later } = await opened(
    { workflows: [flow], store },
    virtualClock(clock.now()),
  );
  await later.settle();
  expect(undone(acts)).toEqual(["a"]);
  const letters = await baton.deadLetters();
  expect(letters.map(({ path, what }) => `${what} ${path}`).sort()).toEqual([
    "unknown b",
    "unknown many[0]",
    "unknown many[1]",
  ]);
  expect(letters.find(({ path }) => path === "b")?.input).toBe(2);
  expect((await baton.replay("r")).differences).toEqual([]);
});
