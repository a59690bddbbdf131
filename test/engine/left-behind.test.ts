/** What a process that closes leaves behind, and what the next one makes of it. */
import { agent, exponential, memory, workflow } from "baton";
import { faultyStore } from "baton/testing";
import { expect, test } from "vitest";
import { anything, entriesOf, opened } from "../support/opened.ts";

/** Fails once, and rests for twenty seconds before it is tried again. */
function retried() {
  let calls = 0;
  const paying = agent({
    ...{ name: "paying", version: "1.0.0", input: anything, output: anything },
    retry: { attempts: 3, backoff: exponential("20s", { jitter: 0 }) },
    execute: () => {
      calls += 1;
      if (calls === 1) throw new Error("busy");
      return calls;
    },
    compensate: () => undefined,
  });
  const pay = workflow("pay", "1.0.0", { input: anything })
    .step("paying", paying, { input: ({ input }) => input })
    .output(({ paying: paid }) => paid);
  return { pay, calls: () => calls };
}

/** Rests, is tried again, and closes while the store refuses the result for so long. Gives what the journal has after the next process. */
async function closedOver({ refusedMs }: { readonly refusedMs: number }) {
  const { pay, calls } = retried();
  const store = memory();
  let refuses = false;
  const faulty = faultyStore(store, (_, { streams }) =>
    refuses && streams.some(({ entries }) => entries.length > 0) ? "fail" : "commit",
  );
  const { baton, clock } = await opened({ workflows: [pay], store: faulty.factory });
  await clock.until(baton.start(pay, 1, { id: "r" }));
  await clock.advance(10_000);
  refuses = true;
  while (calls() < 2) await clock.advance(1_000);
  clock.after(refusedMs, () => (refuses = false));
  await clock.until(baton.close({ graceMs: 2_000 }));
  const second = await opened({ workflows: [pay], store }, clock);
  await clock.advance(120_000);
  const entries = await clock.until(entriesOf(second.baton, "r"));
  return { kinds: entries.map(({ kind }) => kind), calls: calls() };
}

test("a result that the store refuses is tried again while there is time", async () => {
  expect(await closedOver({ refusedMs: 1_000 })).toEqual({
    kinds: ["run.started", "attempt.failed", "step.sealed", "run.completed"],
    calls: 2,
  });
});

test("promises 4 and 6: where the time is over, the next process knows that an attempt was under way", async () => {
  expect(await closedOver({ refusedMs: 60_000 })).toEqual({
    kinds: ["run.started", "attempt.failed", "run.resumed", "step.sealed", "run.completed"],
    calls: 3,
  });
});

test("a run that has ended is not noted, though the store never said that it kept its end", async () => {
  const { pay, calls } = retried();
  const store = memory();
  let faults: "none" | "loseAnswer" | "fail" = "none";
  const faulty = faultyStore(store, (_, { streams }) => {
    if (faults === "none" || streams.every(({ entries }) => entries.length === 0)) return "commit";
    const fault = faults;
    faults = "fail";
    return fault;
  });
  const { baton, clock } = await opened({ workflows: [pay], store: faulty.factory });
  await clock.until(baton.start(pay, 1, { id: "r" }));
  await clock.advance(10_000);
  faults = "loseAnswer";
  while (calls() < 2) await clock.advance(1_000);
  await clock.until(baton.close({ graceMs: 2_000 }));
  const second = await opened({ workflows: [pay], store }, clock);
  expect(await clock.until(second.baton.verify())).toMatchObject({ problems: [] });
  expect(await clock.until(second.baton.runs({}))).toMatchObject([{ status: "completed" }]);
});
