/** Runs with a step that is parked: found after a restart, woken for what else they wait for, forked, read without their code. */
import { memory, type StoreFactory, workflow } from "baton";
import { type VirtualClock, virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { once } from "../support/acting-once.ts";
import {
  ADA,
  agentOf,
  count,
  entriesOf,
  expectRefused,
  gate,
  journalOf,
  opened,
} from "../support/opened.ts";

const broken = () => {
  throw new Error("connection reset");
};

/** A step that is parked, and one that sleeps for a day beside it. */
function flowOf(acts: string[], sleeps: boolean) {
  const plain = agentOf<number, number>("plain", (n) => n);
  return workflow("flow", "1.0.0", { input: count })
    .step("a", once(acts, { execute: broken }), { input: ({ input }) => input })
    .sleep("day", { when: () => sleeps, for: "24h" })
    .step("b", plain, { needs: ["day"], input: () => 1 })
    .output(({ a, b }) => a + b);
}

/** A store that counts what is read of it. */
function counting(inner: StoreFactory) {
  const reads: string[] = [];
  const factory: StoreFactory = async (mode) => {
    const store = await inner(mode);
    return {
      ...store,
      read: (stream, ...rest) => {
        reads.push(stream.stream);
        return store.read(stream, ...rest);
      },
    };
  };
  return { factory, reads };
}

async function parked(sleeps: boolean) {
  const acts: string[] = [];
  const flow = flowOf(acts, sleeps);
  const store = memory();
  const { baton, clock } = await opened({ workflows: [flow], store });
  await baton.start(flow, 4, { id: "r" });
  await clock.advance(1_000);
  expect((await baton.report("r")).status).toBe("parked");
  await clock.until(baton.close());
  return { acts, flow, store, clock };
}

async function again(store: StoreFactory, flow: ReturnType<typeof flowOf>, clock: VirtualClock) {
  const counted = counting(store);
  const made = await opened(
    { workflows: [flow], store: counted.factory },
    virtualClock(clock.now()),
  );
  await made.clock.settle();
  return { ...made, reads: counted.reads };
}

test("promise 11: a parked run is found after a restart, and opening the store does not load it", async () => {
  const { store, flow, clock, acts } = await parked(false);
  const made = await again(store, flow, clock);
  expect(made.reads.filter((stream) => stream === "run/r")).toEqual([]);
  expect((await made.baton.runs({ status: "parked" })).map(({ id }) => id)).toEqual(["r"]);
  expect(await made.baton.deadLetters()).toMatchObject([
    { run: "r", path: "a", because: "unknown" },
  ]);
  await made.clock.until(
    made.baton.resolveStep("r", "a", { action: "done", output: 7, by: ADA, reason: "seen" }),
  );
  const run = await made.baton.run("r");
  expect(await made.clock.until(run.result())).toBe(8);
  expect(acts).toEqual(["do a 1"]);
  expect((await made.baton.verify()).problems).toEqual([]);
});

test("promise 11: what else of a parked run waits for a time goes on at that time, after a restart too", async () => {
  const { store, flow, clock } = await parked(true);
  const made = await again(store, flow, clock);
  expect(made.reads.filter((stream) => stream === "run/r")).toEqual([]);
  expect((await made.baton.runs({ status: "parked" }))[0]?.wakeAtMs).toBeDefined();
  await made.clock.advance(25 * 3_600_000);
  expect(await journalOf(made.baton, "r")).toContain("step.sealed b");
  const [head] = await made.baton.runs({ status: "parked" });
  expect(head).toMatchObject({ id: "r" });
  expect(head?.wakeAtMs).toBeUndefined();
});

test("a run that has other work is running until that is done, and is parked then", async () => {
  const acts: string[] = [];
  const slow = gate<number>();
  const flow = workflow("flow", "1.0.0", { input: count })
    .step("a", once(acts, { execute: broken }), { input: ({ input }) => input })
    .step(
      "b",
      agentOf<number, number>("slow", () => slow.promise),
      { input: ({ input }) => input },
    )
    .output(({ a, b }) => a + b);
  const { baton, clock } = await opened({ workflows: [flow] });
  await baton.start(flow, 4, { id: "r" });
  await clock.settle();
  expect((await baton.report("r")).status).toBe("running");
  expect(await baton.deadLetters()).toEqual([]);
  expect(await baton.deadLettersOf("r")).toMatchObject([{ path: "a" }]);
  slow.open(1);
  await clock.settle();
  expect((await baton.report("r")).status).toBe("parked");
});

test("while its code is gone nothing of it is decided, and nothing is lost", async () => {
  const { store, flow, clock, acts } = await parked(false);
  const other = workflow("other", "1.0.0", { input: count }).output(({ input }) => input);
  const without = await opened({ workflows: [other], store }, virtualClock(clock.now()));
  await expectRefused(
    without.clock.until(without.baton.resolveStep("r", "a", { action: "retry", by: ADA })),
    "AGENT_NOT_FOUND",
  );
  expect(await without.baton.deadLettersOf("r")).toMatchObject([{ path: "a" }]);
  await without.clock.until(without.baton.close());
  const made = await again(store, flow, without.clock);
  expect((await made.baton.report("r")).status).toBe("parked");
  await made.clock.until(
    made.baton.resolveStep("r", "a", { action: "done", output: 7, by: ADA, reason: "seen" }),
  );
  expect(await made.clock.until((await made.baton.run("r")).result())).toBe(8);
  expect(acts).toEqual(["do a 1"]);
});

test("a lost intent waits for its code, and is settled once that is back", async () => {
  const acts: string[] = [];
  const flow = workflow("flow", "1.0.0", { input: count })
    .step("a", once(acts, { execute: () => gate<number>().promise }), {
      input: ({ input }) => input,
    })
    .output(({ a }) => a);
  const other = workflow("other", "1.0.0", { input: count }).output(({ input }) => input);
  const store = memory();
  let clock = virtualClock();
  for (const workflows of [[flow], [other], [flow]]) {
    const { baton } = await opened({ workflows, store }, clock);
    if (acts.length === 0) await baton.start(flow, 4, { id: "r" });
    await clock.settle();
    await clock.until(baton.close({ graceMs: 0 }));
    clock = virtualClock(clock.now());
  }
  const { baton } = await opened({ workflows: [flow], store }, clock);
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "attempt.begun a",
    "run.blocked",
    "run.resumed",
    "attempt.unknown a",
    "step.parked a",
  ]);
  expect(acts).toEqual(["do a 1"]);
});

test("a fork does not call again what may have acted, unless it is told to", async () => {
  const acts: string[] = [];
  const flow = flowOf(acts, false);
  const { baton, clock } = await opened({ workflows: [flow] });
  await baton.start(flow, 4, { id: "r" });
  await clock.settle();
  await expectRefused(clock.until(baton.fork("r", { at: 0, by: ADA })), "FORK_REFUSED");
  const fork = await clock.until(baton.fork("r", { at: 0, by: ADA, allowSideEffects: true }));
  await clock.settle();
  expect(acts).toEqual(["do a 1", "do a 1"]);
  expect((await baton.report(fork.id)).status).toBe("parked");
});

test("its state and lineage say who gave what was done by hand", async () => {
  const acts: string[] = [];
  const flow = flowOf(acts, false);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 4, { id: "r" });
  await clock.settle();
  await clock.until(
    baton.resolveStep("r", "a", { action: "done", output: 7, by: ADA, reason: "seen" }),
  );
  await clock.until(run.result());
  expect((await baton.state("r")).values).toMatchObject({ a: 7 });
  expect((await baton.lineage("r", "a")).key).toBe("a");
  const by = (await entriesOf(baton, "r"))
    .filter(({ path }) => path === "a")
    .map((each) => each.by.id);
  expect(by).toEqual(["baton", "transfer", "baton", "ada", "ada"]);
});
