import { workflow } from "baton";
import { expect, test } from "vitest";
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
import { undoing, undone } from "../support/undoing.ts";

/** Fails the first `failures` times. */
function shaky(failures: number, name = "shaky") {
  let calls = 0;
  return agentOf(name, (n: number) => {
    calls += 1;
    if (calls <= failures) throw new Error(`call ${calls} broke`);
    return n + 1;
  });
}

const turnsOf = (acts: readonly string[]) => acts.map((act) => act.replace(" r ", " "));

test("promise 6: a failure goes back to the newest savepoint, and the run goes on from there", async () => {
  const acts: string[] = [];
  const keys: string[] = [];
  const seat = undoing<number>("seat", acts, {
    execute: (n, { idempotencyKey }) => {
      keys.push(idempotencyKey);
      return n;
    },
  });
  const flow = workflow("partial", "1.0.0", { input: count })
    .step("quote", undoing<number>("quote", acts), {
      input: ({ input }) => input,
      savepoint: { attempts: 2 },
    })
    .step("seat", seat, { needs: ["quote"], input: ({ quote }) => quote })
    .step("pay", shaky(1), { needs: ["seat"], input: ({ seat }) => seat })
    .output(({ pay }) => pay);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  expect(await clock.until(run.outcome())).toEqual({ kind: "completed", output: 3 });
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "step.sealed quote",
    "step.sealed seat",
    "attempt.failed pay 1",
    "step.failed pay",
    "run.compensating",
    "compensation.sealed seat",
    "run.restored",
    "step.sealed seat",
    "step.sealed pay",
    "run.completed",
  ]);
  expect(turnsOf(acts)).toEqual(["do quote 0", "do seat 0", "undo seat 0", "do seat 1"]);
  expect(new Set(keys).size).toBe(2);
  expect((await baton.verify()).problems).toEqual([]);
  expect((await baton.replay("r")).differences).toEqual([]);
  const report = await baton.report("r");
  expect(report).toMatchObject({ status: "completed", output: 3, version: 4 });
  expect(report.restores).toMatchObject([
    { step: "quote", version: 1, seq: 1, because: "failed", error: { message: "call 1 broke" } },
  ]);
  expect(report.steps.map(({ path, status, turn }) => `${path} ${status} ${turn}`)).toEqual([
    "quote sealed 0",
    "seat sealed 1",
    "pay sealed 1",
  ]);
  const sealed = (await baton.state("r")).sealed;
  expect([sealed["quote"]?.turn, sealed["seat"]?.turn, sealed["pay"]?.turn]).toEqual([0, 1, 1]);
  expect(Object.keys((await baton.state("r", 2)).values)).toEqual(["input", "quote", "seat"]);
});

test("promise 6: when its attempts are used up the next older savepoint, and then all the way", async () => {
  const acts: string[] = [];
  const flow = workflow("partial", "1.0.0", { input: count })
    .step("first", undoing<number>("first", acts), {
      input: ({ input }) => input,
      savepoint: true,
    })
    .step("second", undoing<number>("second", acts), {
      needs: ["first"],
      input: ({ first }) => first,
      savepoint: { attempts: 2 },
    })
    .step("third", undoing<number>("third", acts), {
      needs: ["second"],
      input: ({ second }) => second,
    })
    .step("pay", shaky(99), { needs: ["third"], input: ({ third }) => third })
    .output(({ pay }) => pay);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated", step: "pay" });
  expect(turnsOf(acts)).toEqual([
    ...["do first 0", "do second 0", "do third 0"],
    ...["undo third 0", "do third 1", "undo third 1", "do third 2"],
    ...["undo third 2", "undo second 0", "do second 1", "do third 3"],
    ...["undo third 3", "undo second 1", "undo first 0"],
  ]);
  expect((await baton.report("r")).restores?.map(({ step }) => step)).toEqual([
    "second",
    "second",
    "first",
  ]);
  expect((await baton.verify()).problems).toEqual([]);
  expect((await baton.replay("r")).differences).toEqual([]);
});

test("a workflow in which nothing can be undone goes back to its savepoint too", async () => {
  const flow = workflow("partial", "1.0.0", { input: count })
    .step(
      "a",
      agentOf("a", (n: number) => n),
      { input: ({ input }) => input, savepoint: true },
    )
    .step("b", shaky(1), { needs: ["a"], input: ({ a }) => a })
    .output(({ b }) => b);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  expect(await clock.until(run.result())).toBe(3);
});

test("every kind of step is taken back whole, and begins its next turn", async () => {
  const acts: string[] = [];
  const act = (name: string) => undoing<number>(name, acts);
  const inner = workflow("inner", "1.0.0", { input: count })
    .step("leaf", act("leaf"), { input: ({ input }) => input })
    .output(({ leaf }) => leaf);
  const flow = workflow("kinds", "1.0.0", { input: count })
    .step("base", act("base"), { input: ({ input }) => input, savepoint: true })
    .map("each", act("each"), {
      needs: ["base"],
      over: ({ base }) => [base, base],
      input: (item) => item,
    })
    .repeat("loop", act("loop"), {
      needs: ["each"],
      input: (_view, previous) => (previous ?? 0) + 1,
      until: (_output, round) => round === 1,
      limit: 3,
    })
    .branch("way", { needs: ["loop"], choose: () => "sub" as const }, (take) =>
      take.case("sub", inner, { input: ({ loop }) => loop }),
    )
    .subflow("child", inner, { needs: ["way"], input: ({ way }) => way })
    .sleep("nap", { needs: ["child"], for: "1h" })
    .step("odd", act("odd"), {
      needs: ["input", "nap"],
      when: ({ input }) => input > 100,
      input: ({ input }) => input,
    })
    .approval("ok", {
      needs: ["odd", "nap"],
      show: () => "please",
      timeout: "24h",
    })
    .awaitSignal("word", { needs: ["ok"], contract: count, timeout: "24h" })
    .step("last", shaky(1), { needs: ["word"], input: ({ word }) => word })
    .output(({ last, nap }) => ({ last, nap }));
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  const from = clock.now();
  const outcome = run.outcome();
  // Comes early, and counts for the first turn only.
  await clock.until(baton.signal("r", "word", 6, { by: ADA, id: "early" }));
  const waits = async (step: string, turn: number) => {
    for (;;) {
      await clock.settle();
      const opening = (await entriesOf(baton, "r")).filter(
        (entry) => entry.kind === "step.opened" && entry.path === step,
      );
      if ((opening.at(-1)?.turn ?? -1) === turn) return;
      await clock.advance(60_000);
    }
  };
  await waits("ok", 0);
  await clock.until(baton.approve("r", "ok", { approved: true, by: ADA }));
  await waits("ok", 1);
  expect(clock.now() - from).toBeGreaterThanOrEqual(2 * 3_600_000);
  await clock.until(baton.approve("r", "ok", { approved: true, by: ADA }));
  await waits("word", 1);
  // The sender's first signal is not taken for another.
  await clock.until(baton.signal("r", "word", 6, { by: ADA, id: "early" }));
  await clock.until(baton.signal("r", "word", 7, { by: ADA, id: "late" }));
  expect(await clock.until(outcome)).toMatchObject({ kind: "completed", output: { last: 8 } });
  expect(undone(acts)).toEqual(["loop#1", "loop#0", ...undone(acts).slice(2)]);
  expect([...undone(acts).slice(2)].sort()).toEqual(["each[0]", "each[1]"]);
  expect(acts.filter((each) => each.startsWith("undo r/"))).toEqual([
    "undo r/child leaf 0",
    "undo r/way leaf 0",
  ]);
  expect(acts.filter((each) => each.startsWith("do r/"))).toEqual([
    "do r/way leaf 0",
    "do r/child leaf 0",
    "do r/way~1 leaf 0",
    "do r/child~1 leaf 0",
  ]);
  const results = (await entriesOf(baton, "r")).flatMap(({ kind, path, turn }) =>
    kind === "step.sealed" || kind === "item.sealed" ? [`${path}:${turn}`] : [],
  );
  expect(new Set(results).size).toBe(results.length);
  expect((await baton.verify()).problems).toEqual([]);
  expect((await baton.replay("r")).differences).toEqual([]);
});

test("a person has a run go back to a savepoint: a going and a completed one", async () => {
  for (const how of ["going", "completed"] as const) {
    const acts: string[] = [];
    const flow = workflow("asked", "1.0.0", { input: count })
      .step("a", undoing<number>("a", acts), {
        input: ({ input }) => input,
        savepoint: { attempts: 0 },
      })
      .step("b", undoing<number>("b", acts), { needs: ["a"], input: ({ a }) => a })
      .step("c", undoing<number>("c", acts), { needs: ["b"], input: ({ b }) => b })
      .awaitSignal("go", { needs: ["c"], contract: count, timeout: "24h" })
      .output(({ go }) => go);
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, 2, { id: "r" });
    await clock.settle();
    if (how === "completed") {
      await clock.until(baton.signal("r", "go", 1, { by: ADA }));
      await clock.until(run.result());
    }
    await clock.until(baton.compensate("r", { by: ADA, reason: "wrong price", to: "a" }));
    await clock.settle();
    expect(undone(acts)).toEqual(["c", "b"]);
    expect((await baton.report("r")).status).toBe("waiting");
    await clock.until(baton.signal("r", "go", 5, { by: ADA }));
    expect(await clock.until((await baton.run("r")).outcome())).toEqual({
      kind: "completed",
      output: 5,
    });
    expect((await baton.report("r")).restores).toMatchObject([{ step: "a", because: "asked" }]);
    expect((await baton.verify()).problems).toEqual([]);
    expect((await baton.replay("r")).differences).toEqual([]);
  }
});

test("a person has a run that failed go back to a savepoint, which is not counted", async () => {
  const flow = workflow("partial", "1.0.0", { input: count })
    .step(
      "a",
      agentOf("a", (n: number) => n),
      {
        input: ({ input }) => input,
        savepoint: { attempts: 0 },
      },
    )
    .step("b", shaky(2), { needs: ["a"], input: ({ a }) => a })
    .output(({ b }) => b);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "failed", step: "b" });
  const back = async (to: string) =>
    await clock.until(baton.compensate("r", { by: ADA, reason: "again", to }));
  for (const step of ["b", "nope", "input"]) await expectRefused(back(step), "SAVEPOINT_NOT_FOUND");
  await back("a");
  expect(await clock.until((await baton.run("r")).outcome())).toMatchObject({ kind: "failed" });
  await back("a");
  expect(await clock.until((await baton.run("r")).outcome())).toMatchObject({ output: 3 });
  expect((await baton.report("r")).steps.map(({ path, turn }) => `${path} ${turn}`)).toEqual([
    "a 0",
    "b 2",
  ]);
  expect((await baton.verify()).problems).toEqual([]);
});

test("a run that is cancelled on its way to a savepoint goes all the way back from there", async () => {
  const acts: string[] = [];
  let stuck = true;
  const slow = undoing<number>("slow", acts, {
    compensate: () => {
      if (stuck) throw new Error("not now");
    },
  });
  const flow = workflow("partial", "1.0.0", { input: count })
    .step("a", undoing<number>("a", acts), { input: ({ input }) => input, savepoint: true })
    .step("b", slow, { needs: ["a"], input: ({ a }) => a })
    .step("c", shaky(9), { needs: ["b"], input: ({ b }) => b })
    .output(({ c }) => c);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  await clock.settle();
  expect((await baton.report("r")).status).toBe("parked");
  await expectRefused(
    clock.until(baton.compensate("r", { by: ADA, reason: "x", to: "a" })),
    "SAVEPOINT_NOT_FOUND",
  );
  await clock.until(baton.cancel("r", { by: ADA, reason: "enough" }));
  stuck = false;
  await clock.until(baton.compensation("r", "b", { action: "retry", by: ADA }));
  expect(await clock.until(run.outcome())).toMatchObject({
    kind: "compensated",
    error: { code: "RUN_CANCELLED", message: "enough" },
  });
  expect(undone(acts)).toEqual(["b", "a"]);
  expect((await journalOf(baton, "r")).slice(-8)).toEqual([
    "run.parked",
    "run.cancelling",
    "compensation.resolved b",
    "compensation.sealed b",
    "run.restored",
    "run.compensating",
    "compensation.sealed a",
    "run.compensated",
  ]);
  expect((await baton.verify()).problems).toEqual([]);
  expect((await baton.replay("r")).differences).toEqual([]);
});

test("state, lineage and forks tell what was taken back", async () => {
  const acts: string[] = [];
  let price = 0;
  const quoting = undoing<number>("quoting", acts, {
    execute: () => {
      price += 10;
      return price;
    },
  });
  const flow = workflow("partial", "1.0.0", { input: count })
    .step("a", undoing<number>("a", acts), { input: ({ input }) => input, savepoint: true })
    .step("b", quoting, { needs: ["a"], input: ({ a }) => a })
    .step("c", shaky(1), { needs: ["b"], input: ({ b }) => b })
    .output(({ c }) => c);
  const { baton, clock } = await opened({ workflows: [flow] });
  expect(await clock.until((await baton.start(flow, 2, { id: "r" })).result())).toBe(21);
  expect((await baton.state("r", 2)).values).toEqual({ input: 2, a: 2, b: 10 });
  expect((await baton.state("r", 3)).values).toEqual({ input: 2, a: 2, b: 20 });
  const [before, after] = [await baton.lineage("r", "b", 2), await baton.lineage("r", "b", 3)];
  expect(before.nodes.at(-1)).toMatchObject({ key: "b", turn: 0, undone: { at: clock.now() } });
  expect(after.nodes.at(-1)).toMatchObject({ key: "b", turn: 1, value: 20 });
  expect(after.nodes.at(-1)?.undone).toBeUndefined();
  const early = await clock.until(
    baton.fork("r", { at: 2, id: "early", allowSideEffects: true, by: ADA }),
  );
  expect(await clock.until(early.result())).toBe(11);
  const late = await clock.until(
    baton.fork("r", { at: 3, id: "late", allowSideEffects: true, by: ADA }),
  );
  expect(await clock.until(late.result())).toBe(21);
  expect(await clock.until(baton.diff({ run: "r", version: 2 }, { run: "r", version: 3 }))).toEqual(
    [{ kind: "changed", path: "/b", before: 10, after: 20 }],
  );
});

test("a step that misses its deadline goes back to a savepoint, and its clock begins anew", async () => {
  const slow = agentOf("slow", async (n: number, { turn, signal }) => {
    if (turn > 0) return n;
    return await new Promise<number>((_, reject) =>
      signal.addEventListener("abort", () => reject(new Error("aborted"))),
    );
  });
  const flow = workflow("partial", "1.0.0", { input: count })
    .step(
      "a",
      agentOf("a", (n: number) => n),
      { input: ({ input }) => input, savepoint: true },
    )
    .step("b", slow, { needs: ["a"], input: ({ a }) => a, deadline: "1m" })
    .output(({ b }) => b);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  expect(await clock.until(run.result())).toBe(2);
  expect((await baton.report("r")).restores).toMatchObject([
    { step: "a", error: { code: "DEADLINE_EXCEEDED" } },
  ]);
  expect((await baton.verify()).problems).toEqual([]);
  expect((await baton.replay("r")).differences).toEqual([]);
});

test("a run that has missed its own deadline goes all the way back: to go on would be too late", async () => {
  const acts: string[] = [];
  const flow = workflow("partial", "1.0.0", { input: count, deadline: "1h" })
    .step("a", undoing<number>("a", acts), { input: ({ input }) => input, savepoint: true })
    .awaitSignal("word", { needs: ["a"], contract: count, remindEvery: "24h" })
    .output(({ word }) => word);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({
    kind: "compensated",
    error: { code: "DEADLINE_EXCEEDED" },
  });
  expect(undone(acts)).toEqual(["a"]);
});

test("a run that is cancelled while it fails goes all the way back, not to its savepoint", async () => {
  const acts: string[] = [];
  const side = gate<number>();
  const flow = workflow("partial", "1.0.0", { input: count })
    .step("a", undoing<number>("a", acts), { input: ({ input }) => input, savepoint: true })
    .step("side", undoing<number>("side", acts, { execute: () => side.promise }), {
      needs: ["a"],
      input: ({ a }) => a,
    })
    .step("b", shaky(1), { needs: ["a"], input: ({ a }) => a })
    .output(({ b, side }) => b + side);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  await clock.settle();
  await clock.until(baton.cancel("r", { by: ADA, reason: "enough" }));
  side.open(1);
  expect(await clock.until(run.outcome())).toMatchObject({
    kind: "compensated",
    error: { code: "RUN_CANCELLED" },
  });
  expect(undone(acts)).toEqual(["side", "a"]);
  expect((await baton.verify()).problems).toEqual([]);
  expect((await baton.replay("r")).differences).toEqual([]);
});
