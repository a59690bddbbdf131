import { type Contract, workflow } from "baton";
import { expect, test } from "vitest";
import {
  ADA,
  agentOf,
  count,
  expectRefused,
  gate,
  journalOf,
  opened,
  payloadsOf,
} from "../support/opened.ts";
import { undoing, undone } from "../support/undoing.ts";

const boom = agentOf("boom", (): number => {
  throw new Error("it broke");
});

test("promise 6: behind a pivot nothing is undone: what fails there waits for a person", async () => {
  const acts: string[] = [];
  const flow = workflow("pivoted", "1.0.0", { input: count })
    .step("a", undoing<number>("a", acts), { input: ({ input }) => input, savepoint: true })
    .step("pay", undoing<number>("pay", acts), {
      needs: ["a"],
      input: ({ a }) => a,
      pivot: true,
    })
    .step("ship", boom, { needs: ["pay"], input: ({ pay }) => pay })
    .output(({ ship }) => ship);
  const { baton, clock } = await opened({ workflows: [flow] });
  await baton.start(flow, 2, { id: "r" });
  await clock.settle();
  expect((await journalOf(baton, "r")).slice(-3)).toEqual([
    "step.sealed pay",
    "attempt.failed ship 1",
    "step.parked ship",
  ]);
  expect(await payloadsOf(baton, "r", "step.parked")).toMatchObject([{ because: "pivot" }]);
  expect((await baton.runs({ status: "parked" })).map(({ id }) => id)).toEqual(["r"]);
  await expectRefused(
    clock.until(baton.cancel("r", { by: ADA, reason: "too late" })),
    "PIVOT_PASSED",
  );
  for (const to of [undefined, "a"])
    await expectRefused(
      clock.until(
        baton.compensate("r", { by: ADA, reason: "x", ...(to === undefined ? {} : { to }) }),
      ),
      "PIVOT_PASSED",
    );
  expect(undone(acts)).toEqual([]);
});

test("promise 6: before its pivot a run goes back as any does", async () => {
  const acts: string[] = [];
  const flow = workflow("pivoted", "1.0.0", { input: count })
    .step("a", undoing<number>("a", acts), { input: ({ input }) => input })
    .step("pay", boom, { needs: ["a"], input: ({ a }) => a, pivot: true })
    .output(({ pay }) => pay);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated", step: "pay" });
  expect(undone(acts)).toEqual(["a"]);
});

test("a savepoint behind a pivot is gone back to, and the pivot stays", async () => {
  const acts: string[] = [];
  let calls = 0;
  const shaky = agentOf("shaky", (n: number) => {
    calls += 1;
    if (calls < 3) throw new Error("it broke");
    return n;
  });
  const flow = workflow("pivoted", "1.0.0", { input: count })
    .step("a", undoing<number>("a", acts), { input: ({ input }) => input, savepoint: true })
    .step("pay", undoing<number>("pay", acts), {
      needs: ["a"],
      input: ({ a }) => a,
      pivot: true,
      savepoint: { attempts: 1 },
    })
    .step("pack", undoing<number>("pack", acts), { needs: ["pay"], input: ({ pay }) => pay })
    .step("ship", shaky, { needs: ["pack"], input: ({ pack }) => pack })
    .output(({ ship }) => ship);
  const { baton, clock } = await opened({ workflows: [flow] });
  await baton.start(flow, 2, { id: "r" });
  await clock.settle();
  expect(undone(acts)).toEqual(["pack"]);
  expect((await baton.runs({ status: "parked" })).map(({ id }) => id)).toEqual(["r"]);
  // A person may have it go back there once more, whatever is used up.
  await clock.until(baton.compensate("r", { by: ADA, reason: "repaired", to: "pay" }));
  expect(await clock.until((await baton.run("r")).result())).toBe(2);
  expect(undone(acts)).toEqual(["pack", "pack"]);
  expect((await baton.verify()).problems).toEqual([]);
  expect((await baton.replay("r")).differences).toEqual([]);
});

test("a pivot that is sealed while its run is being wound down counts: the run goes on from there", async () => {
  for (const how of ["cancelled", "failed"] as const) {
    const acts: string[] = [];
    const paid = gate<number>();
    let calls = 0;
    const flow = workflow("pivoted", "1.0.0", { input: count })
      .step("a", undoing<number>("a", acts), { input: ({ input }) => input })
      .step("pay", undoing<number>("pay", acts, { execute: async () => await paid.promise }), {
        needs: ["a"],
        input: ({ a }) => a,
        pivot: true,
      })
      .step(
        "other",
        agentOf("other", (n: number) => {
          calls += 1;
          if (how === "failed" && calls === 1) throw new Error("it broke");
          return n;
        }),
        { needs: ["a"], input: ({ a }) => a },
      )
      .output(({ pay, other }) => pay + other);
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, 2, { id: "r" });
    await clock.settle();
    if (how === "cancelled") await clock.until(baton.cancel("r", { by: ADA, reason: "enough" }));
    paid.open(5);
    expect(await clock.until(run.outcome())).toEqual({ kind: "completed", output: 7 });
    expect(undone(acts)).toEqual([]);
    expect((await journalOf(baton, "r")).slice(-4)).toEqual(
      how === "failed"
        ? ["run.compensating", "run.restored", "step.sealed other", "run.completed"]
        : ["step.sealed pay", "run.compensating", "run.restored", "run.completed"],
    );
    expect((await baton.verify()).problems).toEqual([]);
    expect((await baton.replay("r")).differences).toEqual([]);
  }
});

test("promise 6: a child run that has passed its pivot can't be undone with its parent: a dead letter says why", async () => {
  const acts: string[] = [];
  const inner = workflow("inner", "1.0.0", { input: count })
    .step("leaf", undoing<number>("leaf", acts), { input: ({ input }) => input, pivot: true })
    .output(({ leaf }) => leaf);
  const flow = workflow("outer", "1.0.0", { input: count })
    .step("a", undoing<number>("a", acts), { input: ({ input }) => input })
    .subflow("child", inner, { needs: ["a"], input: ({ a }) => a })
    .step("d", boom, { needs: ["child"], input: ({ child }) => child })
    .output(({ d }) => d);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  await clock.settle();
  expect(await baton.deadLetters()).toMatchObject([
    { run: "r", path: "child", child: "r/child", error: { code: "PIVOT_PASSED" } },
  ]);
  await clock.until(
    baton.compensation("r", "child", { action: "skip", by: ADA, reason: "paid is paid" }),
  );
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
  expect(undone(acts)).toEqual(["a"]);
});

test("behind a pivot a person retries a step, says what it came to, or gives it up", async () => {
  for (const action of ["retry", "done", "fail"] as const) {
    const acts: string[] = [];
    let calls = 0;
    const ship = undoing<number>("ship", acts, {
      output: count as Contract<unknown>,
      execute: (n) => {
        calls += 1;
        if (calls === 1) throw new Error("it broke");
        return n + 1;
      },
    });
    const flow = workflow("pivoted", "1.0.0", { input: count })
      .step("a", undoing<number>("a", acts), { input: ({ input }) => input })
      .step("pay", undoing<number>("pay", acts), { needs: ["a"], input: ({ a }) => a, pivot: true })
      .step("ship", ship, { needs: ["pay"], input: ({ pay }) => pay })
      .output(({ ship }) => ship);
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, 2, { id: "r" });
    await clock.settle();
    expect(await baton.deadLettersOf("r")).toMatchObject([
      {
        ...{ what: "step", path: "ship", because: "pivot", agent: "ship@1.0.0", attempt: 1 },
        ...{ input: 2, error: { message: "it broke" } },
      },
    ]);
    const decide = async (output?: unknown) =>
      await clock.until(
        baton.resolveStep("r", "ship", {
          action,
          by: ADA,
          reason: "by phone",
          ...(output === undefined ? {} : { output }),
        } as Parameters<typeof baton.resolveStep>[2]),
      );
    if (action === "done") await expectRefused(decide("nine"), "OUTPUT_REFUSED");
    await decide(action === "done" ? 9 : undefined);
    expect(await clock.until(run.outcome())).toMatchObject(
      {
        retry: { kind: "completed", output: 3 },
        done: { kind: "completed", output: 9 },
        fail: { kind: "failed", step: "ship" },
      }[action],
    );
    expect(undone(acts)).toEqual([]);
    expect(await baton.deadLetters()).toEqual([]);
    expect((await baton.verify()).problems).toEqual([]);
    expect((await baton.replay("r")).differences).toEqual([]);
  }
});

test("behind a pivot a child run that failed is begun again as another, or replaced by what a person says", async () => {
  for (const action of ["retry", "done"] as const) {
    let calls = 0;
    const shaky = agentOf("shaky", (n: number) => {
      calls += 1;
      if (calls === 1) throw new Error("it broke");
      return n;
    });
    const inner = workflow("inner", "1.0.0", { input: count, output: count })
      .step("leaf", shaky, { input: ({ input }) => input })
      .output(({ leaf }) => leaf);
    const flow = workflow("outer", "1.0.0", { input: count })
      .step(
        "pay",
        agentOf("pay", (n: number) => n),
        { input: ({ input }) => input, pivot: true },
      )
      .subflow("child", inner, { needs: ["pay"], input: ({ pay }) => pay })
      .output(({ child }) => child);
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, 2, { id: "r" });
    await clock.settle();
    expect(await baton.deadLetters()).toMatchObject([
      { what: "step", run: "r", path: "child", child: "r/child", because: "pivot", attempt: 0 },
    ]);
    const common = { by: ADA, reason: "repaired" };
    if (action === "done") {
      await expectRefused(
        clock.until(baton.resolveStep("r", "child", { ...common, action, output: "two" })),
        "OUTPUT_REFUSED",
      );
      await clock.until(baton.resolveStep("r", "child", { ...common, action, output: 8 }));
    } else await clock.until(baton.resolveStep("r", "child", { ...common, action }));
    expect(await clock.until(run.result())).toBe(action === "done" ? 8 : 2);
    expect((await baton.runs()).map(({ id }) => id).sort()).toEqual(
      action === "done" ? ["r", "r/child"] : ["r", "r/child", "r/child~1"],
    );
    expect((await baton.verify()).problems).toEqual([]);
    expect((await baton.replay("r")).differences).toEqual([]);
  }
});

test("behind a pivot an approval that was declined is asked anew, or answered by who decides", async () => {
  const flow = workflow("signed", "1.0.0", { input: count })
    .step(
      "pay",
      agentOf("pay", (n: number) => n),
      { input: ({ input }) => input, pivot: true },
    )
    .approval("sign", { needs: ["pay"], show: () => "please", timeout: "24h", onDeclined: "fail" })
    .output(({ sign }) => sign.by);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  await clock.settle();
  const answer = (approved: boolean) =>
    clock.until(baton.approve("r", "sign", { approved, by: ADA }));
  await answer(false);
  await expectRefused(answer(true), "SIGNAL_REFUSED");
  expect(await baton.deadLetters()).toMatchObject([
    { path: "sign", error: { code: "APPROVAL_DECLINED" } },
  ]);
  const wrong = { action: "done", by: ADA, reason: "x", output: { approved: true } } as const;
  await expectRefused(clock.until(baton.resolveStep("r", "sign", wrong)), "OUTPUT_REFUSED");
  await clock.until(baton.resolveStep("r", "sign", { action: "retry", by: ADA }));
  await answer(true);
  expect(await clock.until(run.result())).toBe("ada");
  expect((await baton.verify()).problems).toEqual([]);
  expect((await baton.replay("r")).differences).toEqual([]);
});

test("behind a pivot a step that misses its deadline waits for a person; its late result counts", async () => {
  for (const how of ["late", "again"] as const) {
    const shipped = gate<number>();
    let calls = 0;
    const ship = agentOf("ship", async (n: number, { signal }) => {
      calls += 1;
      if (calls > 1) return n;
      if (how === "late") return await shipped.promise;
      return await new Promise<number>((_, reject) =>
        signal.addEventListener("abort", () => reject(new Error("aborted"))),
      );
    });
    const flow = workflow("paid", "1.0.0", { input: count })
      .step(
        "pay",
        agentOf("pay", (n: number) => n),
        { input: ({ input }) => input, pivot: true },
      )
      .step("ship", ship, { needs: ["pay"], input: ({ pay }) => pay, deadline: "1m" })
      .output(({ ship }) => ship);
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, 2, { id: "r" });
    await clock.settle();
    await clock.advance(60_000);
    await clock.settle();
    expect(await baton.deadLettersOf("r")).toMatchObject([
      { path: "ship", because: "pivot", error: { code: "DEADLINE_EXCEEDED" } },
    ]);
    const retry = () => clock.until(baton.resolveStep("r", "ship", { action: "retry", by: ADA }));
    if (how === "late") {
      await expectRefused(retry(), "STEP_NOT_PARKED");
      shipped.open(9);
    } else await retry();
    expect(await clock.until(run.result())).toBe(how === "late" ? 9 : 2);
    expect(await baton.deadLetters()).toEqual([]);
    expect((await baton.verify()).problems).toEqual([]);
    expect((await baton.replay("r")).differences).toEqual([]);
  }
});

test("behind a pivot a run that misses its deadline goes on, once a person has looked at what it is at", async () => {
  const flow = workflow("paid", "1.0.0", { input: count, deadline: "1h" })
    .step(
      "pay",
      agentOf("pay", (n: number) => n),
      { input: ({ input }) => input, pivot: true },
    )
    .approval("sign", { needs: ["pay"], show: () => "please", remindEvery: "24h" })
    .output(({ sign }) => sign.approved);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  await clock.settle();
  await clock.advance(3_600_000);
  await clock.settle();
  expect((await journalOf(baton, "r")).slice(-2)).toEqual(["run.overdue", "step.parked sign"]);
  expect(await payloadsOf(baton, "r", "run.overdue")).toMatchObject([{ pivot: "pay" }]);
  expect((await baton.report("r")).status).toBe("parked");
  await clock.until(baton.resolveStep("r", "sign", { action: "retry", by: ADA }));
  await clock.until(baton.approve("r", "sign", { approved: true, by: ADA }));
  expect(await clock.until(run.result())).toBe(true);
  expect((await baton.verify()).problems).toEqual([]);
  expect((await baton.replay("r")).differences).toEqual([]);
});
