import { workflow } from "baton";
import { expect, test } from "vitest";
import { ADA, agentOf, count, journalOf, opened } from "../support/opened.ts";
import { undoing, undone } from "../support/undoing.ts";

const boom = agentOf("boom", (): number => {
  throw new Error("it broke");
});

test("promise 6: a failure undoes the completed steps, the newest first, and the run is compensated", async () => {
  const acts: string[] = [];
  const seen: unknown[] = [];
  const pay = undoing<number>("pay", acts, {
    execute: (n) => n * 10,
    compensate: (input, output, { reason, attempt, path }) =>
      seen.push({ input, output, path, attempt, reason }),
  });
  const plain = agentOf("plain", (n: number) => n);
  const flow = workflow("saga", "1.0.0", { input: count })
    .step("a", pay, { input: ({ input }) => input })
    .step("b", plain, { needs: ["a"], input: ({ a }) => a })
    .step("c", pay, { needs: ["b"], input: ({ b }) => b })
    .step("d", boom, { needs: ["c"], input: ({ c }) => c })
    .output(({ d }) => d);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  expect(await clock.until(run.outcome())).toEqual({
    kind: "compensated",
    step: "d",
    error: { code: "Error", message: "it broke" },
  });
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "step.sealed a",
    "step.sealed b",
    "step.sealed c",
    "attempt.failed d 1",
    "step.failed d",
    "run.compensating",
    "compensation.sealed c",
    "compensation.sealed a",
    "run.compensated",
  ]);
  const reason = {
    because: "failed",
    step: "d",
    error: { code: "Error", message: "it broke" },
  };
  expect(seen).toEqual([
    { input: 20, output: 200, path: "c", attempt: 1, reason },
    { input: 2, output: 20, path: "a", attempt: 1, reason },
  ]);
  expect((await baton.verify()).problems).toEqual([]);
  expect((await baton.replay("r")).differences).toEqual([]);
  const report = await baton.report("r");
  expect(report.status).toBe("compensated");
  expect(report.rollback?.compensations.map(({ path, status }) => [path, status])).toEqual([
    ["c", "done"],
    ["a", "done"],
  ]);
  await expect(run.result()).rejects.toMatchObject({ code: "RUN_COMPENSATED" });
  expect((await baton.runs({ status: "compensated" })).map(({ id }) => id)).toEqual(["r"]);
});

test("a run that completes pays nothing: its journal has no further entry", async () => {
  const acts: string[] = [];
  const flow = workflow("saga", "1.0.0", { input: count })
    .step("a", undoing<number>("pay", acts), { input: ({ input }) => input })
    .output(({ a }) => a);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  expect(await clock.until(run.result())).toBe(2);
  expect(await journalOf(baton, "r")).toEqual(["run.started", "step.sealed a", "run.completed"]);
});

test("a run that fails with nothing to undo fails", async () => {
  const acts: string[] = [];
  const flow = workflow("saga", "1.0.0", { input: count })
    .step("d", boom, { input: ({ input }) => input })
    .step("a", undoing<number>("pay", acts), { needs: ["d"], input: ({ d }) => d })
    .output(({ a }) => a);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "failed", step: "d" });
});

test("promise 6: each compensation is made again by its own policy, with one key that is not the execution's", async () => {
  const acts: string[] = [];
  const keys = new Set<string>();
  let executionKey = "";
  const pay = undoing<number>("pay", acts, {
    execute: (n, ctx) => {
      executionKey = ctx.idempotencyKey;
      return n;
    },
    compensation: { attempts: 3 },
    compensate: (_in, _out, ctx) => {
      keys.add(ctx.idempotencyKey);
      expect(ctx.executionKey).toBe(executionKey);
      if (ctx.attempt < 3) throw new Error(`not ${ctx.attempt}`);
    },
  });
  const flow = workflow("saga", "1.0.0", { input: count })
    .step("a", pay, { input: ({ input }) => input })
    .step("d", boom, { needs: ["a"], input: ({ a }) => a })
    .output(({ d }) => d);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
  expect((await journalOf(baton, "r")).slice(-4)).toEqual([
    "compensation.failed a 1",
    "compensation.failed a 2",
    "compensation.sealed a",
    "run.compensated",
  ]);
  expect(keys.size).toBe(1);
  expect(keys.has(executionKey)).toBe(false);
});

test("promise 6: cancelling a run undoes what it had done", async () => {
  const acts: string[] = [];
  const flow = workflow("saga", "1.0.0", { input: count })
    .step("a", undoing<number>("pay", acts), { input: ({ input }) => input })
    .approval("ok", { needs: ["a"], show: () => "please", timeout: "24h" })
    .output(({ ok }) => ok.approved);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  await clock.settle();
  await clock.until(baton.cancel("r", { by: ADA, reason: "not any more" }));
  expect(await clock.until(run.outcome())).toEqual({
    kind: "compensated",
    error: { code: "RUN_CANCELLED", message: "not any more" },
  });
  expect(undone(acts)).toEqual(["a"]);
});

test("promise 6: a declined approval undoes what was done, where the workflow says so", async () => {
  for (const how of ["person", "timeout"] as const) {
    const acts: string[] = [];
    const flow = workflow("saga", "1.0.0", { input: count })
      .step("a", undoing<number>("pay", acts), { input: ({ input }) => input })
      .approval("ok", {
        needs: ["a"],
        show: () => "please",
        timeout: "24h",
        onTimeout: "refused",
        onDeclined: "fail",
      })
      .output(({ ok }) => ok.approved);
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, 2, { id: "r" });
    await clock.settle();
    if (how === "person")
      await clock.until(
        baton.approve("r", "ok", { approved: false, by: ADA, reason: "too risky" }),
      );
    expect(await clock.until(run.outcome())).toMatchObject({
      kind: "compensated",
      step: "ok",
      error: { code: "APPROVAL_DECLINED" },
    });
    expect(undone(acts)).toEqual(["a"]);
  }
});

test("promise 6: items, rounds, turns, branches and child runs are undone in reverse order of sealing", async () => {
  const acts: string[] = [];
  const pay = undoing<number>("pay", acts);
  const drafting = undoing<number, { quality: number }>("drafting", acts, {
    execute: (_n, ctx) => ({ quality: ctx.turn }),
  });
  const inner = workflow("inner", "1.0.0", { input: count })
    .step("x", pay, { input: ({ input }) => input })
    .step("y", pay, { needs: ["x"], input: ({ x }) => x })
    .output(({ y }) => y);
  const flow = workflow("saga", "1.0.0", { input: count })
    .map("many", pay, { over: ({ input }) => [input, input + 1], input: (n) => n, concurrency: 1 })
    .repeat("grow", pay, {
      needs: ["many"],
      input: ({ many }, previous) => (previous ?? many.length) + 1,
      until: (n) => n >= 4,
      limit: 5,
    })
    .step("draft", drafting, { needs: ["grow"], input: ({ grow }) => grow })
    .step("review", pay, {
      needs: ["draft"],
      requires: { "it is good": ({ draft }) => draft.quality >= 1 },
      onRefused: { sendBack: "draft", turns: 2 },
      input: ({ draft }) => draft.quality,
    })
    .branch("way", { needs: ["review"], choose: (): "x" | "y" => "x" }, (take) =>
      take
        .case("x", pay, { input: ({ review }) => review })
        .case("y", inner, { input: ({ review }) => review }),
    )
    .subflow("sub", inner, { needs: ["way"], input: ({ way }) => way })
    .step("end", boom, { needs: ["sub"], input: ({ sub }) => sub })
    .output(({ end }) => end);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated", step: "end" });
  const did = acts.filter((act) => act.startsWith("do ")).map((act) => act.slice(3));
  const back = acts.filter((act) => act.startsWith("undo ")).map((act) => act.slice(5));
  expect(back).toEqual([...did].reverse());
  expect(back).toContain("r draft 0");
  expect(back).toContain("r draft 1");
  expect(await journalOf(baton, "r/sub")).toEqual([
    "run.started",
    "step.sealed x",
    "step.sealed y",
    "run.completed",
    "run.compensating",
    "compensation.sealed y",
    "compensation.sealed x",
    "run.compensated",
  ]);
  expect((await baton.report("r/sub")).status).toBe("compensated");
  expect((await baton.verify()).problems).toEqual([]);
  for (const id of ["r", "r/sub"]) expect((await baton.replay(id)).differences).toEqual([]);
});
