/** At-most-once agents: an intent before each call, and no other attempt while one may have acted. */
import { memory, open, workflow } from "baton";
import { faultyStore, virtualClock } from "baton/testing";
import { describe, expect, test } from "vitest";
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
  payloadsOf,
  single,
} from "../support/opened.ts";

test("promise 4: an at-most-once agent is called after its intent, and its result is sealed as any other", async () => {
  const acts: string[] = [];
  const flow = single(once(acts));
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 4, { id: "r" });
  expect(await clock.until(run.result())).toBe(40);
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "attempt.begun a",
    "step.sealed a",
    "run.completed",
  ]);
  expect((await baton.replay("r")).differences).toEqual([]);
  expect((await baton.verify()).problems).toEqual([]);
});

describe("an outcome that leaves it unknown whether it acted", () => {
  const ends = {
    "a throw": () => {
      throw new Error("connection reset");
    },
    "an output that breaks the contract": () => "?" as unknown as number,
    "a timeout": () => gate<number>().promise,
  } as const;
  test.each(Object.entries(ends))(
    "promise 4: %s parks the call, and nothing is tried again",
    async (_, execute) => {
      const acts: string[] = [];
      const flow = single(once(acts, { execute, timeout: "1s" }));
      const store = memory();
      const { baton, clock } = await opened({ workflows: [flow], store });
      const run = await baton.start(flow, 4, { id: "r" });
      await clock.advance(60_000);
      expect(acts).toEqual(["do a 1"]);
      expect(await journalOf(baton, "r")).toEqual([
        "run.started",
        "attempt.begun a",
        "attempt.unknown a",
        "step.parked a",
      ]);
      expect((await baton.report("r")).status).toBe("parked");
      expect((await baton.runs({ status: "parked" })).map(({ id }) => id)).toEqual(["r"]);
      expect(await baton.deadLetters()).toMatchObject([
        {
          run: "r",
          path: "a",
          what: "step",
          because: "unknown",
          agent: "transfer@1.0.0",
          input: 4,
        },
      ]);
      await clock.until(
        baton.resolveStep("r", "a", {
          action: "done",
          output: 41,
          by: ADA,
          reason: "seen in the bank",
        }),
      );
      expect(await clock.until(run.result())).toBe(41);
      const sealed = (await entriesOf(baton, "r")).find(({ kind }) => kind === "step.sealed");
      expect(sealed).toMatchObject({ by: ADA, agent: "transfer@1.0.0" });
      expect(sealed?.inputHash).toBeDefined();
      expect(await baton.deadLetters()).toEqual([]);
      expect((await baton.replay("r")).differences).toEqual([]);
    },
  );
});

test("a throw that is known to have done nothing is retried as the policy says", async () => {
  const acts: string[] = [];
  const flow = single(
    once(acts, {
      nothingDone: (error) => error instanceof RangeError,
      execute: (n, { attempt }) => {
        if (attempt < 3) throw new RangeError("no connection");
        return n;
      },
    }),
  );
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 4, { id: "r" });
  expect(await clock.until(run.result())).toBe(4);
  expect(acts).toEqual(["do a 1", "do a 2", "do a 3"]);
  expect(await payloadsOf(baton, "r", "attempt.failed")).toMatchObject([
    { nothingDone: true },
    { nothingDone: true },
  ]);
  expect((await baton.replay("r")).differences).toEqual([]);
});

test("promise 4: after a crash in between nothing is called again, and the rest of the run goes on", async () => {
  const acts: string[] = [];
  const never = gate<number>();
  const plain = agentOf<number, number>("plain", (n) => n);
  const flow = workflow("two", "1.0.0", { input: count })
    .step("a", once(acts, { execute: () => never.promise }), { input: ({ input }) => input })
    .step("b", plain, { input: ({ input }) => input })
    .step("c", plain, { needs: ["b"], input: ({ b }) => b })
    .output(({ a, c }) => a + c);
  const store = memory();
  const first = await opened({ workflows: [flow], store });
  await first.baton.start(flow, 4, { id: "r" });
  await first.clock.settle();
  await first.clock.until(first.baton.close({ graceMs: 0 }));
  const { baton, clock } = await opened(
    { workflows: [flow], store },
    virtualClock(first.clock.now()),
  );
  await clock.settle();
  expect(acts).toEqual(["do a 1"]);
  expect(await payloadsOf(baton, "r", "attempt.unknown")).toMatchObject([
    { lost: true, then: "ask", error: { code: "OUTCOME_UNKNOWN" } },
  ]);
  expect(await journalOf(baton, "r")).toContain("step.sealed c");
  expect((await baton.report("r")).status).toBe("parked");
  await clock.until(baton.resolveStep("r", "a", { action: "retry", by: ADA, nothingDone: true }));
  await clock.settle();
  never.open(1);
  const run = await baton.run("r");
  expect(await clock.until(run.result())).toBe(5);
  expect(acts).toEqual(["do a 1", "do a 2"]);
  expect((await baton.replay("r")).differences).toEqual([]);
});

test("promise 4: whichever append a crash comes at, it is never called twice without being asked", async () => {
  for (let at = 1; at <= 8; at += 1) {
    for (const fault of ["crashBefore", "crashAfter"] as const) {
      const acts: string[] = [];
      const flow = single(once(acts));
      const inner = memory();
      const faulty = faultyStore(inner, (append) => (append === at ? fault : "commit"));
      const clock = virtualClock();
      const first = await opened({ workflows: [flow], store: inner }, clock);
      await clock.until(first.baton.close());
      const dying = open({ workflows: [flow], store: faulty.factory, clock, log: () => {} });
      void dying.then((baton) => baton.start(flow, 4, { id: "r" })).catch(() => undefined);
      await clock.advance(1_000);
      if (!faulty.isDead()) continue;
      const { baton } = await opened({ workflows: [flow], store: inner }, clock);
      const before = acts.length;
      expect(before).toBeLessThan(2);
      await clock.until(baton.start(flow, 4, { id: "r" }));
      await clock.advance(60_000);
      const { status } = await baton.report("r");
      // It was called at most once by itself: if it may have been, a person is asked.
      expect(acts.length).toBe(1 - (status === "parked" ? 1 - before : 0));
      expect(["completed", "parked"]).toContain(status);
      expect((await baton.verify()).problems).toEqual([]);
      expect((await baton.replay("r")).differences).toEqual([]);
    }
  }
});

test("what a person decides is checked where it comes in", async () => {
  const acts: string[] = [];
  const flow = single(
    once(acts, {
      execute: () => {
        throw new Error("?");
      },
    }),
  );
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 4, { id: "r" });
  await clock.settle();
  const decide = (decision: object) =>
    clock.until(baton.resolveStep("r", "a", { by: ADA, ...decision } as never));
  await expectRefused(decide({ action: "done", output: "x", reason: "y" }), "OUTPUT_REFUSED");
  await expectRefused(decide({ action: "done", output: 1 }), "ARGUMENT_INVALID");
  await expectRefused(decide({ action: "done", reason: "y" }), "ARGUMENT_INVALID");
  await expectRefused(decide({ action: "skip", reason: "y" }), "ARGUMENT_INVALID");
  await expectRefused(decide({ action: "retry", turn: 1 }), "STEP_NOT_PARKED");
  await expectRefused(
    clock.until(baton.resolveStep("r", "b", { by: ADA, action: "retry" })),
    "STEP_NOT_PARKED",
  );
  const both = [decide({ action: "fail", reason: "y" }), decide({ action: "retry" })];
  expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
  ]);
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "failed", step: "a" });
  expect(acts).toEqual(["do a 1"]);
});

test("an attempt that was stopped, and says that it did nothing, is not undone", async () => {
  const acts: string[] = [];
  const pay = once(acts, {
    nothingDone: (error) => error instanceof RangeError,
    execute: (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new RangeError("stopped in time")));
      }),
    compensate: () => undefined,
  });
  const flow = single(pay);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 4, { id: "r" });
  await clock.settle();
  await clock.until(baton.cancel("r", { by: ADA, reason: "stop" }));
  expect(await clock.until(run.outcome())).toEqual({ kind: "cancelled", reason: "stop" });
  expect(acts).toEqual(["do a 1"]);
});
