/** Probes: the outside system is asked what an attempt of unknown outcome did. */
import { memory, open, type ProbeAnswer, type ProbeContext, workflow } from "baton";
import { faultyStore, virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { once, type OnceMore } from "../support/acting-once.ts";
import {
  ADA,
  agentOf,
  count,
  gate,
  journalOf,
  opened,
  payloadsOf,
  single,
} from "../support/opened.ts";

const broken = () => {
  throw new Error("connection reset");
};

/** Answers in turn; an `Error` is thrown. */
function answering(...answers: readonly (ProbeAnswer<number> | Error)[]) {
  let next = 0;
  return (): ProbeAnswer<number> => {
    const answer = answers[Math.min(next, answers.length - 1)] ?? { kind: "unknown" };
    next += 1;
    if (answer instanceof Error) throw answer;
    return answer;
  };
}

async function ran(more: OnceMore) {
  const acts: string[] = [];
  const flow = single(once(acts, more));
  const made = await opened({ workflows: [flow] });
  const run = await made.baton.start(flow, 4, { id: "r" });
  await made.clock.advance(60_000);
  expect((await made.baton.replay("r")).differences).toEqual([]);
  expect((await made.baton.verify()).problems).toEqual([]);
  return { ...made, acts, run };
}

test("promise 4: what was done, as the probe tells it, is sealed without another attempt", async () => {
  const seen: ProbeContext[] = [];
  const { baton, clock, acts, run } = await ran({
    execute: broken,
    probe: (_, context) => {
      seen.push(context);
      return { kind: "done", output: 41 };
    },
  });
  expect(await clock.until(run.result())).toBe(41);
  expect(acts).toEqual(["do a 1", "ask a 1"]);
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "attempt.begun a",
    "attempt.unknown a",
    "attempt.probed a",
    "step.sealed a",
    "run.completed",
  ]);
  expect(seen[0]?.idempotencyKey).toMatch(/^[0-9a-f]{32}$/);
  expect(seen[0]?.error).toEqual({ code: "Error", message: "connection reset" });
  expect(() => seen[0]?.log.info("late")).toThrow(/has ended/);
  expect(seen[0]?.signal.aborted).toBe(true);
});

test("where nothing was done another attempt is made, as often as the policy says", async () => {
  const { baton, acts, run, clock } = await ran({
    attempts: 2,
    execute: broken,
    probe: answering({ kind: "notDone" }),
  });
  expect(acts).toEqual(["do a 1", "ask a 1", "do a 2", "ask a 2"]);
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "failed", step: "a" });
  expect(await payloadsOf(baton, "r", "attempt.probed")).toMatchObject([
    { answer: "notDone", retryAt: expect.any(Number) },
    { answer: "notDone" },
  ]);
});

test("a probe that throws is asked again after a pause, as often as the policy says; then onUnknown decides", async () => {
  const { baton, acts } = await ran({
    attempts: 3,
    execute: broken,
    probe: answering(new Error("down")),
  });
  expect(acts).toEqual(["do a 1", "ask a 1", "ask a 1", "ask a 1"]);
  const answers = await payloadsOf(baton, "r", "attempt.probed");
  expect(answers).toMatchObject([
    { probe: 1, answer: "failed", error: { message: "down" } },
    { probe: 2, answer: "failed" },
    { probe: 3, answer: "failed", then: "ask" },
  ]);
  expect((await baton.report("r")).steps[0]).toMatchObject({
    status: "parked",
    waitsFor: { what: "person", because: "unknown" },
  });
});

test("a probe that can't tell, takes too long, or answers nonsense leaves it to onUnknown", async () => {
  const probes: readonly NonNullable<OnceMore["probe"]>[] = [
    answering({ kind: "unknown" }),
    () => gate<ProbeAnswer<number>>().promise,
    () => "yes" as never,
    () => ({ kind: "done", output: "x" }) as never,
  ];
  for (const probe of probes) {
    const { baton } = await ran({ attempts: 1, timeout: "1s", execute: broken, probe });
    expect((await baton.report("r")).status).toBe("parked");
    expect((await baton.deadLetters()).map(({ path }) => path)).toEqual(["a"]);
  }
});

test("promise 4: a run asks its probe again after a restart, and an attempt that was lost uses up no attempt", async () => {
  const acts: string[] = [];
  const never = gate<number>();
  const answer = gate<ProbeAnswer<number>>();
  let calls = 0;
  const flow = single(
    once(acts, {
      attempts: 1,
      execute: (n) => {
        calls += 1;
        return calls === 1 ? never.promise : n;
      },
      probe: () => answer.promise,
    }),
  );
  const store = memory();
  let clock = virtualClock();
  for (let life = 1; life <= 2; life += 1) {
    const { baton } = await opened({ workflows: [flow], store }, clock);
    if (life === 1) await baton.start(flow, 4, { id: "r" });
    await clock.settle();
    await clock.until(baton.close({ graceMs: 0 }));
    clock = virtualClock(clock.now());
  }
  expect(acts).toEqual(["do a 1", "ask a 1"]);
  const { baton } = await opened({ workflows: [flow], store }, clock);
  answer.open({ kind: "notDone" });
  const run = await baton.run("r");
  expect(await clock.until(run.result())).toBe(4);
  expect(acts).toEqual(["do a 1", "ask a 1", "ask a 1", "do a 2"]);
  expect((await baton.replay("r")).differences).toEqual([]);
});

test("a probe passes the agent's breaker, and waits while that is open", async () => {
  const acts: string[] = [];
  const flow = single(
    once(acts, {
      breaker: { name: "bank", failures: 1, cooldown: "30s", whenOpen: "fail" },
      execute: broken,
      probe: answering({ kind: "done", output: 7 }),
    }),
  );
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 4, { id: "r" });
  await clock.advance(1_000);
  expect(acts).toEqual(["do a 1"]);
  expect((await baton.report("r")).steps[0]?.waitsFor).toMatchObject({ gate: "breaker/bank" });
  expect(await clock.until(run.result())).toBe(7);
  expect(await journalOf(baton, "r")).toContain("attempt.held a");
  expect((await baton.replay("r")).differences).toEqual([]);
});

test("items of a map are probed and parked one by one, and the others go on", async () => {
  const acts: string[] = [];
  const pay = once(acts, {
    execute: (n) => {
      if (n % 2 === 0) throw new Error("?");
      return n;
    },
    probe: (n) => (n === 2 ? { kind: "done", output: 22 } : { kind: "unknown" }),
  });
  const flow = workflow("many", "1.0.0", { input: count })
    .map("each", pay, { over: () => [1, 2, 3, 4, 5], input: (n) => n, concurrency: 2 })
    .output(({ each }) => each);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 4, { id: "r" });
  await clock.advance(1_000);
  const report = await baton.report("r");
  expect(report.status).toBe("parked");
  expect(report.steps[0]?.items).toEqual({ sealed: 4, failed: 0, of: 5, parked: 1 });
  expect((await baton.deadLetters()).map(({ path }) => path)).toEqual(["each[3]"]);
  await clock.until(
    baton.resolveStep("r", "each[3]", { action: "done", output: 44, by: ADA, reason: "seen" }),
  );
  expect(await clock.until(run.result())).toEqual([1, 22, 3, 44, 5]);
  expect((await baton.replay("r")).differences).toEqual([]);
});

test("a run that is cancelled while it asks or waits for a person goes back over what may have acted", async () => {
  for (const answer of [undefined, "notDone", "unknown"] as const) {
    const acts: string[] = [];
    const pay = once(acts, {
      execute: broken,
      probe: () => (answer === undefined ? gate<ProbeAnswer<number>>().promise : { kind: answer }),
      attempts: 1,
      onUnknown: "ask",
      compensate: () => undefined,
    });
    const slow = agentOf<number, number>("slow", () => gate<number>().promise);
    const flow = workflow("two", "1.0.0", { input: count })
      .step("a", pay, { input: ({ input }) => input })
      .step("b", slow, { input: ({ input }) => input })
      .output(({ b }) => b);
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, 4, { id: "r" });
    await clock.settle();
    if (answer !== "notDone") await clock.until(baton.cancel("r", { by: ADA, reason: "stop" }));
    await clock.advance(60_000);
    // Nothing was done, says the probe: then there is nothing to undo.
    if (answer === "notDone")
      expect(await clock.until(run.outcome())).toMatchObject({ kind: "failed" });
    else
      expect(await baton.deadLetters()).toMatchObject([
        { path: "a", what: "unknown", error: { code: "OUTCOME_UNKNOWN" } },
      ]);
    expect((await baton.replay("r")).differences).toEqual([]);
    expect((await baton.verify()).problems).toEqual([]);
  }
});

test("promise 6: with onUnknown compensate the step fails, and is undone without an output", async () => {
  const { acts, run, clock, baton } = await ran({ execute: broken, onUnknown: "compensate" });
  expect(await clock.until(run.outcome())).toMatchObject({
    kind: "compensated",
    error: { code: "OUTCOME_UNKNOWN" },
  });
  expect(acts).toEqual(["do a 1", "undo a undefined"]);
  expect(await payloadsOf(baton, "r", "run.compensating")).toMatchObject([
    { plan: [{ what: "unknown", path: "a" }] },
  ]);
});

test("promise 6: a result that a probe or a person told of is undone with it", async () => {
  for (const byHand of [false, true]) {
    const acts: string[] = [];
    const pay = once(acts, {
      execute: broken,
      ...(byHand ? {} : { probe: answering({ kind: "done", output: 41 }) }),
      compensate: () => undefined,
    });
    const boom = agentOf<number, number>("boom", broken);
    const flow = workflow("two", "1.0.0", { input: count })
      .step("a", pay, { input: ({ input }) => input })
      .step("b", boom, { needs: ["a"], input: ({ a }) => a })
      .output(({ b }) => b);
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, 4, { id: "r" });
    await clock.settle();
    if (byHand)
      await clock.until(
        baton.resolveStep("r", "a", { action: "done", output: 41, by: ADA, reason: "seen" }),
      );
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated", step: "b" });
    expect(acts.at(-1)).toBe("undo a 41");
  }
});

test("a person who gives a step up says whether there is anything to undo", async () => {
  for (const nothingDone of [false, true]) {
    const acts: string[] = [];
    const flow = single(once(acts, { execute: broken, compensate: () => undefined }));
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, 4, { id: "r" });
    await clock.settle();
    await clock.until(
      baton.resolveStep("r", "a", { action: "fail", by: ADA, reason: "too late", nothingDone }),
    );
    await clock.settle();
    if (nothingDone) expect(await clock.until(run.outcome())).toMatchObject({ kind: "failed" });
    else expect(await baton.deadLetters()).toMatchObject([{ path: "a", what: "unknown" }]);
    expect((await baton.replay("r")).differences).toEqual([]);
  }
});

test("promise 4: wherever the process dies, an agent with a probe acts exactly once, and its run completes", async () => {
  let crashes = 0;
  for (const lost of [false, true]) {
    for (let at = 1; at <= 10; at += 1) {
      for (const fault of ["crashBefore", "crashAfter"] as const) {
        const acts: string[] = [];
        const ledger = new Map<string, number>();
        const flow = single(
          once(acts, {
            execute: (n, { idempotencyKey }) => {
              ledger.set(idempotencyKey, (ledger.get(idempotencyKey) ?? 0) + 1);
              if (lost) throw new Error("the answer was lost");
              return n;
            },
            probe: (n, { idempotencyKey }) =>
              ledger.has(idempotencyKey) ? { kind: "done", output: n } : { kind: "notDone" },
          }),
        );
        const store = memory();
        const faulty = faultyStore(store, (append) => (append === at ? fault : "commit"));
        const clock = virtualClock();
        const first = await opened({ workflows: [flow], store }, clock);
        await clock.until(first.baton.close());
        const dying = open({ workflows: [flow], store: faulty.factory, clock, log: () => {} });
        void dying.then((baton) => baton.start(flow, 4, { id: "r" })).catch(() => undefined);
        await clock.advance(1_000);
        if (!faulty.isDead()) continue;
        crashes += 1;
        const { baton } = await opened({ workflows: [flow], store }, clock);
        const run = await clock.until(baton.start(flow, 4, { id: "r" }));
        expect(await clock.until(run.result())).toBe(4);
        expect([...ledger.values()]).toEqual([1]);
        expect((await baton.verify()).problems).toEqual([]);
        expect((await baton.replay("r")).differences).toEqual([]);
        await clock.until(baton.close());
      }
    }
  }
  // Start, intent, outcome; and, where the answer was lost, what the probe says.
  expect(crashes).toBeGreaterThanOrEqual(12);
});
