import { memory, workflow } from "baton";
import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { ADA, agentOf, count, gate, journalOf, of, opened, payloadsOf } from "../support/opened.ts";
import { undoing, undone } from "../support/undoing.ts";

const boom = agentOf("boom", (): number => {
  throw new Error("it broke");
});

/** Two payments and a failure; the compensation of `b` fails until it is told not to. */
function stubborn(
  acts: string[],
  state: { isBroken: boolean },
  input: (n: number) => number = (n) => n,
) {
  const pay = undoing<number>("pay", acts, {
    execute: (n) => n * 10,
    compensation: { attempts: 2 },
    compensate: (_input, _output, { path }) => {
      if (path === "b" && state.isBroken) throw new Error("the bank is closed");
    },
  });
  return workflow("saga", "1.0.0", { input: count })
    .step("a", pay, { input: ({ input: n }) => input(n) })
    .step("b", pay, { needs: ["a"], input: ({ a }) => a })
    .step("c", pay, { needs: ["b"], input: ({ b }) => b })
    .step("d", boom, { needs: ["c"], input: ({ c }) => c })
    .output(({ d }) => d);
}

async function parked() {
  const acts: string[] = [];
  const state = { isBroken: true };
  const flow = stubborn(acts, state);
  const store = memory();
  const made = await opened({ workflows: [flow], store });
  const run = await made.baton.start(flow, 2, { id: "r" });
  await made.clock.advance(10_000);
  return { ...made, acts, state, run, store, flow };
}

test("promise 6: a compensation that fails for good parks the run, with all that a person needs", async () => {
  const { baton, acts } = await parked();
  expect((await journalOf(baton, "r")).slice(-5)).toEqual([
    "run.compensating",
    "compensation.sealed c",
    "compensation.failed b 1",
    "compensation.failed b 2",
    "run.parked",
  ]);
  expect(undone(acts)).toEqual(["c"]);
  const letters = await baton.deadLetters();
  expect(letters).toMatchObject([
    {
      run: "r",
      workflow: "saga@1.0.0",
      path: "b",
      turn: 0,
      what: "result",
      agent: "pay@1.0.0",
      input: 20,
      output: 200,
      error: { code: "Error", message: "the bank is closed" },
      reason: { because: "failed", step: "d" },
    },
  ]);
  expect(letters[0]?.executionKey).toMatch(/^[0-9a-f]{32}$/);
  expect(letters).not.toMatchObject([{ compensationKey: letters[0]?.executionKey }]);
  expect(await baton.deadLettersOf("r")).toEqual(letters);
  expect((await baton.report("r")).status).toBe("parked");
  expect((await baton.runs({ status: "parked" })).map(({ id }) => id)).toEqual(["r"]);
  expect((await baton.verify()).problems).toEqual([]);
});

test("promise 6: a person has it tried again, with as many attempts as the policy gives", async () => {
  const { baton, clock, acts, state, run } = await parked();
  await clock.until(baton.compensation("r", "b", { action: "retry", by: ADA }));
  await clock.advance(10_000);
  expect((await journalOf(baton, "r")).slice(-4)).toEqual([
    "compensation.resolved b",
    "compensation.failed b 3",
    "compensation.failed b 4",
    "run.parked",
  ]);
  state.isBroken = false;
  await clock.until(baton.compensation("r", "b", { action: "retry", by: ADA }));
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated", step: "d" });
  expect(undone(acts)).toEqual(["c", "b", "a"]);
  expect(await baton.deadLetters()).toEqual([]);
});

test("promise 6: a person says that it was done by hand, or skips it, with a reason that is kept", async () => {
  for (const action of ["done", "skip"] as const) {
    const { baton, clock, acts, run } = await parked();
    for (const reason of [undefined, " "]) {
      await expect(
        baton.compensation("r", "b", {
          action,
          by: ADA,
          ...(reason === undefined ? {} : { reason }),
        }),
      ).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
    }
    await expect(
      clock.until(baton.compensation("r", "a", { action, by: ADA, reason: "x" })),
    ).rejects.toMatchObject({ code: "COMPENSATION_UNKNOWN" });
    await clock.until(baton.compensation("r", "b", { action, by: ADA, reason: "by transfer 17" }));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
    expect(undone(acts)).toEqual(["c", "a"]);
    expect(await payloadsOf(baton, "r", "compensation.resolved")).toEqual([
      { action, reason: "by transfer 17" },
    ]);
    expect(await payloadsOf(baton, "r", "run.compensated")).toMatchObject([
      action === "done" ? { byHand: ["b"] } : { skipped: ["b"] },
    ]);
    const report = await baton.report("r");
    expect(report.rollback?.compensations[1]).toMatchObject({
      path: "b",
      status: action === "done" ? "byHand" : "skipped",
      by: ADA,
      reason: "by transfer 17",
    });
    expect((await baton.replay("r")).differences).toEqual([]);
    await expect(
      clock.until(baton.compensation("r", "b", { action, by: ADA, reason: "again" })),
    ).rejects.toMatchObject({ code: "RUN_FINISHED" });
  }
});

test("a parked run stays parked when the store is opened again, and is dealt with there", async () => {
  const { baton, clock, acts, store, flow } = await parked();
  await clock.until(baton.close({ graceMs: 0 }));
  const again = await opened({ workflows: [flow], store }, virtualClock(clock.now()));
  await again.clock.settle();
  expect((await journalOf(again.baton, "r")).at(-1)).toBe("run.parked");
  await again.clock.until(
    again.baton.compensation("r", "b", { action: "done", by: ADA, reason: "by hand" }),
  );
  const run = await again.baton.run("r");
  expect(await again.clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
  expect(undone(acts)).toEqual(["c", "a"]);
});

test("promise 6: what would be compensated on another input, since the code has changed, is parked", async () => {
  const acts: string[] = [];
  const flow = stubborn(acts, { isBroken: true });
  const store = memory();
  const first = await opened({ workflows: [flow], store });
  await first.baton.start(flow, 2, { id: "r" });
  await first.clock.advance(10_000);
  await first.clock.until(first.baton.close({ graceMs: 0 }));
  const changed = stubborn(acts, { isBroken: false }, (n) => n + 1);
  const { baton, clock } = await opened(
    { workflows: [changed], store },
    virtualClock(first.clock.now()),
  );
  await clock.until(baton.compensation("r", "b", { action: "retry", by: ADA }));
  await clock.settle();
  expect(undone(acts)).toEqual(["c", "b"]);
  const [letter] = await baton.deadLetters();
  expect(letter).toMatchObject({ path: "a", error: { code: "INPUT_CHANGED" }, output: 20 });
});

test("an attempt that may have acted is undone without its output where its agent can, else a person is asked, at the end", async () => {
  for (const unknown of [true, false]) {
    const acts: string[] = [];
    const seen: unknown[] = [];
    const never = gate<number>();
    const pay = undoing<number>("pay", acts);
    const slow = undoing<number>("slow", acts, {
      timeout: "1s",
      unknown,
      execute: () => never.promise,
      compensate: (input, output) => seen.push([input, output]),
    });
    const flow = workflow("saga", "1.0.0", { input: count })
      .step("a", pay, { input: ({ input }) => input })
      .step("b", slow, { needs: ["a"], input: ({ a }) => a })
      .output(({ b }) => b);
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, 2, { id: "r" });
    await clock.advance(5_000);
    if (unknown) {
      expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
      expect(seen).toEqual([[2, undefined]]);
      expect(undone(acts)).toEqual(["b", "a"]);
      continue;
    }
    expect(undone(acts)).toEqual(["a"]);
    expect(await baton.deadLetters()).toMatchObject([
      { path: "b", what: "unknown", input: 2, error: { code: "OUTCOME_UNKNOWN" } },
    ]);
    expect((await baton.report("r")).rollback?.compensations[1]).toMatchObject({
      what: "unknown",
      status: "failed",
    });
    await expect(
      clock.until(baton.compensation("r", "b", { action: "retry", by: ADA })),
    ).rejects.toMatchObject({ code: "COMPENSATION_UNKNOWN" });
    await clock.until(
      baton.compensation("r", "b", { action: "skip", by: ADA, reason: "it had not paid" }),
    );
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
  }
});

test("siblings that are under way are aborted and awaited; what they still give is undone with the rest", async () => {
  const acts: string[] = [];
  const late = gate<number>();
  const deaf = undoing<number>("deaf", acts, { execute: () => late.promise });
  const flow = workflow("saga", "1.0.0", { input: count })
    .step("a", undoing<number>("pay", acts), { input: ({ input }) => input })
    .step("b", deaf, { input: ({ input }) => input })
    .step("d", boom, { needs: ["a"], input: ({ a }) => a })
    .output(({ b, d }) => b + d);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  await clock.settle();
  expect(undone(acts)).toEqual([]);
  late.open(7);
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
  expect(undone(acts)).toEqual(["b", "a"]);
});

test("a sibling that ignores its abort is given up after a while, and a person is asked about it", async () => {
  const acts: string[] = [];
  const deaf = undoing<number>("deaf", acts, { execute: () => gate<number>().promise });
  const flow = workflow("saga", "1.0.0", { input: count })
    .step("a", undoing<number>("pay", acts), { input: ({ input }) => input })
    .step("b", deaf, { input: ({ input }) => input })
    .step("d", boom, { needs: ["a"], input: ({ a }) => a })
    .output(({ b, d }) => b + d);
  const { baton, clock } = await opened({ workflows: [flow] });
  await baton.start(flow, 2, { id: "r" });
  await clock.advance(60_000);
  expect(undone(acts)).toEqual(["a"]);
  expect(await baton.deadLetters()).toMatchObject([{ path: "b", what: "unknown" }]);
});

test("side by side, a step is undone once everything that read it is, and no earlier", async () => {
  const acts: string[] = [];
  const gates = new Map(["a", "b", "c", "e"].map((path) => [path, gate()]));
  const begun: string[] = [];
  const pay = undoing<number>("pay", acts, {
    compensate: async (_input, _output, { path }) => {
      begun.push(path);
      await gates.get(path)?.promise;
    },
  });
  const plain = agentOf("plain", (n: number) => n);
  const flow = workflow("saga", "1.0.0", { input: count, compensation: "parallel" })
    .step("a", pay, { input: ({ input }) => input })
    .step("b", pay, { needs: ["a"], input: ({ a }) => a })
    .step("c", pay, { needs: ["a"], input: ({ a }) => a })
    .step("between", plain, { needs: ["b"], input: ({ b }) => b })
    .step("e", pay, { needs: ["between"], input: ({ between }) => between })
    .step("d", boom, { needs: ["c", "e"], input: ({ c }) => c })
    .output(({ d }) => d);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  await clock.settle();
  expect([...begun].sort()).toEqual(["c", "e"]);
  gates.get("c")?.open();
  await clock.settle();
  expect(begun).not.toContain("b");
  gates.get("e")?.open();
  await clock.settle();
  expect(begun.at(-1)).toBe("b");
  gates.get("b")?.open();
  await clock.settle();
  expect(begun.at(-1)).toBe("a");
  gates.get("a")?.open();
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
});

test("items of a map are undone side by side, a few at a time", async () => {
  const acts: string[] = [];
  let now = 0;
  let most = 0;
  const pay = undoing<number>("pay", acts, {
    compensate: async () => {
      now += 1;
      most = Math.max(most, now);
      await Promise.resolve();
      now -= 1;
    },
  });
  const flow = workflow("saga", "1.0.0", {
    input: of<readonly number[]>(),
    compensation: "parallel",
  })
    .map("many", pay, { over: ({ input }) => input, input: (n) => n })
    .step("d", boom, { needs: ["many"], input: ({ many }) => many.length })
    .output(({ d }) => d);
  const { baton, clock } = await opened({ workflows: [flow] });
  const list = Array.from({ length: 30 }, (_, i) => i);
  const run = await baton.start(flow, list, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
  expect(new Set(undone(acts)).size).toBe(30);
  expect(undone(acts).length).toBe(30);
  expect(most).toBe(8);
});

test("a run that has completed, failed or still goes on is undone by hand", async () => {
  const acts: string[] = [];
  const pay = undoing<number>("pay", acts);
  const flow = workflow("saga", "1.0.0", { input: count })
    .step("a", pay, { input: ({ input }) => input })
    .approval("ok", { needs: ["a"], when: ({ a }) => a > 5, show: () => "?", timeout: "24h" })
    .output(({ a }) => a);
  const { baton, clock } = await opened({ workflows: [flow] });
  const short = await baton.start(flow, 2, { id: "short" });
  expect(await clock.until(short.result())).toBe(2);
  await clock.until(baton.compensate("short", { by: ADA, reason: "withdrawn" }));
  expect(await clock.until(short.outcome())).toEqual({
    kind: "compensated",
    error: { code: "COMPENSATION_ASKED", message: "withdrawn" },
  });
  expect((await journalOf(baton, "short")).slice(2)).toEqual([
    "step.skipped ok",
    "run.completed",
    "run.compensating",
    "compensation.sealed a",
    "run.compensated",
  ]);
  const long = await baton.start(flow, 20, { id: "long" });
  await clock.settle();
  await clock.until(baton.compensate("long", { by: ADA, reason: "withdrawn" }));
  expect(await clock.until(long.outcome())).toMatchObject({ kind: "compensated" });
  expect(undone(acts, "short")).toEqual(["a"]);
  expect(undone(acts, "long")).toEqual(["a"]);
  await expect(
    clock.until(baton.compensate("long", { by: ADA, reason: "again" })),
  ).rejects.toMatchObject({ code: "RUN_FINISHED" });
  expect((await baton.verify()).problems).toEqual([]);
});

test("a child run whose compensation fails is parked itself, and its parent goes on once a person has dealt with it", async () => {
  const acts: string[] = [];
  const pay = undoing<number>("pay", acts, {
    compensate: (_in, _out, { path }) => {
      if (path === "x") throw new Error("no");
    },
  });
  const inner = workflow("inner", "1.0.0", { input: count })
    .step("x", pay, { input: ({ input }) => input })
    .output(({ x }) => x);
  const flow = workflow("saga", "1.0.0", { input: count })
    .step("a", pay, { input: ({ input }) => input })
    .subflow("sub", inner, { needs: ["a"], input: ({ a }) => a })
    .step("d", boom, { needs: ["sub"], input: ({ sub }) => sub })
    .output(({ d }) => d);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  await clock.advance(5_000);
  expect(await baton.deadLetters()).toMatchObject([{ run: "r/sub", path: "x" }]);
  await expect(
    clock.until(baton.compensate("r/sub", { by: ADA, reason: "x" })),
  ).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
  await clock.until(baton.compensation("r/sub", "x", { action: "skip", by: ADA, reason: "no" }));
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
  expect(undone(acts)).toEqual(["a"]);
  expect((await baton.verify()).problems).toEqual([]);
});
