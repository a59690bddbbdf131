import { workflow } from "baton";
import { expect, test } from "vitest";
import {
  ADA,
  agentOf,
  anything,
  count,
  entriesOf,
  gate,
  journalOf,
  of,
  opened,
  payloadsOf,
} from "../support/opened.ts";

const double = agentOf("double", (n: number) => n * 2);
const boom = agentOf("boom", (): number => {
  throw new Error("it broke");
});

test("steps run in the order of their needs, and each seals a version", async () => {
  const flow = workflow("sum", "1.0.0", { input: count })
    .step("a", double, { input: ({ input }) => input })
    .step("b", double, { needs: ["a"], input: ({ a }) => a })
    .output(({ a, b }) => ({ a, b }));
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  expect(await clock.until(run.result())).toEqual({ a: 4, b: 8 });
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "step.sealed a",
    "step.sealed b",
    "run.completed",
  ]);
});

test("a workflow without steps completes", async () => {
  const flow = workflow("none", "1.0.0", { input: count }).output(({ input }) => input);
  const { baton, clock } = await opened({ workflows: [flow] });
  expect(await clock.until((await baton.start(flow, 7)).result())).toBe(7);
});

test("a step whose condition does not hold is skipped, and is absent for those who need it", async () => {
  const flow = workflow("maybe", "1.0.0", { input: count })
    .step("a", double, { when: ({ input }) => input > 10, input: ({ input }) => input })
    .step("b", double, { needs: ["a"], input: ({ a }) => a ?? -1 })
    .output(({ a, b }) => ({ skipped: a === undefined, b }));
  const { baton, clock } = await opened({ workflows: [flow] });
  expect(await clock.until((await baton.start(flow, 2)).result())).toEqual({
    skipped: true,
    b: -2,
  });
  expect(await clock.until((await baton.start(flow, 20)).result())).toEqual({
    skipped: false,
    b: 80,
  });
});

test("promise 7: a requirement that does not hold refuses the handoff, by name, and the run fails", async () => {
  const flow = workflow("strict", "1.0.0", { input: count })
    .step("a", double, {
      requires: { "it is small": ({ input }) => input < 5 },
      input: ({ input }) => input,
    })
    .output(({ a }) => a);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 6, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({
    kind: "failed",
    step: "a",
    error: { code: "HANDOFF_REFUSED", violations: [{ contract: "requires", rule: "it is small" }] },
  });
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "handoff.refused a",
    "step.failed a",
    "run.failed",
  ]);
});

test("a mapping that throws is a refused handoff, whatever it throws", async () => {
  for (const thrown of [new Error("no"), "words", new Error("lone \ud800 surrogate")]) {
    const flow = workflow("throws", "1.0.0", { input: count })
      .step("a", double, {
        input: (): number => {
          // oxlint-disable-next-line typescript/only-throw-error -- agents and mappings throw anything.
          throw thrown;
        },
      })
      .output(({ a }) => a);
    const { baton, clock } = await opened({ workflows: [flow] });
    expect(await clock.until((await baton.start(flow, 1)).outcome())).toMatchObject({
      kind: "failed",
      error: { code: "HANDOFF_REFUSED" },
    });
  }
});

test("a map keeps the order of its list, and no more items execute than its concurrency allows", async () => {
  let now = 0;
  let most = 0;
  const gates = Array.from({ length: 7 }, () => gate());
  const slow = agentOf("slow", async (n: number) => {
    now += 1;
    most = Math.max(most, now);
    await gates[n]?.promise;
    now -= 1;
    return n * 10;
  });
  const flow = workflow("many", "1.0.0", { input: of<readonly number[]>() })
    .map("all", slow, { over: ({ input }) => input, input: (n) => n, concurrency: 3 })
    .output(({ all }) => all);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, [0, 1, 2, 3, 4, 5, 6]);
  await clock.settle();
  expect(now).toBe(3);
  for (const each of [...gates].reverse()) {
    each.open();
    await clock.settle();
  }
  expect(await clock.until(run.result())).toEqual([0, 10, 20, 30, 40, 50, 60]);
  expect(most).toBe(3);
});

test("a map of nothing gives nothing", async () => {
  const flow = workflow("many", "1.0.0", { input: of<readonly number[]>() })
    .map("all", double, { over: ({ input }) => input, input: (n) => n })
    .output(({ all }) => all);
  const { baton, clock } = await opened({ workflows: [flow] });
  expect(await clock.until((await baton.start(flow, [])).result())).toEqual([]);
});

test("one failed item fails a map, and what its other items still give is kept in the journal", async () => {
  const held = gate();
  const some = agentOf("some", async (n: number) => {
    if (n === 1) throw new Error("item one");
    await held.promise;
    return n;
  });
  const flow = workflow("many", "1.0.0", { input: of<readonly number[]>() })
    .map("all", some, { over: ({ input }) => input, input: (n) => n })
    .output(({ all }) => all);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, [0, 1, 2], { id: "r" });
  await clock.settle();
  held.open();
  expect(await clock.until(run.outcome())).toMatchObject({
    kind: "failed",
    step: "all",
    error: { message: "item one" },
  });
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "step.opened all",
    "attempt.failed all[1] 1",
    "step.failed all",
    "item.sealed all[0]",
    "item.sealed all[2]",
    "run.failed",
  ]);
});

test("where failures are settled, a map says of each item how it went", async () => {
  const some = agentOf("some", (n: number) => {
    if (n === 1) throw new Error("item one");
    return n;
  });
  const flow = workflow("many", "1.0.0", { input: of<readonly number[]>() })
    .map("all", some, {
      over: ({ input }) => input,
      input: (n): number => {
        if (n === 2) throw new Error("no input");
        return n;
      },
      failures: "settled",
    })
    .output(({ all }) => all);
  const { baton, clock } = await opened({ workflows: [flow] });
  expect(await clock.until((await baton.start(flow, [0, 1, 2, 3])).result())).toMatchObject([
    { ok: true, value: 0 },
    { ok: false, error: { code: "Error", message: "item one" } },
    { ok: false, error: { code: "HANDOFF_REFUSED" } },
    { ok: true, value: 3 },
  ]);
});

test("an item whose handoff is refused under the policy skip skips the map, and its other items are let go", async () => {
  const held = gate();
  const slow = agentOf("slow", async (n: number) => {
    await held.promise;
    return n;
  });
  const flow = workflow("many", "1.0.0", { input: of<readonly number[]>() })
    .map("all", slow, {
      over: ({ input }) => input,
      input: (n): number => {
        if (n === 2) throw new Error("not this one");
        return n;
      },
      onRefused: "skip",
    })
    .step("after", double, { needs: ["all"], input: ({ all }) => (all === undefined ? 21 : 0) })
    .output(({ after }) => after);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, [0, 1, 2], { id: "r" });
  await clock.settle();
  held.open();
  expect(await clock.until(run.result())).toBe(42);
});

test("a map over something that is no list, or over its limit, is a refused handoff", async () => {
  const flow = workflow("many", "1.0.0", { input: of<readonly number[]>() })
    .map("all", double, { over: ({ input }) => input, input: (n) => n })
    .output(({ all }) => all);
  const { baton, clock } = await opened({ workflows: [flow] });
  expect(await clock.until((await baton.startUntyped(flow, { a: 1 })).outcome())).toMatchObject({
    error: { code: "HANDOFF_REFUSED", message: expect.stringContaining("not a list") },
  });
  const wide = Array.from({ length: 100_001 }, () => 0);
  expect(await clock.until((await baton.start(flow, wide)).outcome())).toMatchObject({
    error: { code: "HANDOFF_REFUSED", message: expect.stringContaining("limits.mapWidthMax") },
  });
});

test("a list that was over the limit is one for replay too", async () => {
  const flow = workflow("many", "1.0.0", { input: of<readonly number[]>() })
    .map("all", double, { over: ({ input }) => input, input: (n) => n })
    .output(({ all }) => all);
  const { baton, clock } = await opened({ workflows: [flow], limits: { mapWidthMax: 2 } });
  const run = await baton.start(flow, [1, 2, 3], { id: "r" });
  expect((await clock.until(run.outcome())).kind).toBe("failed");
  expect((await clock.until(baton.replay("r"))).differences).toEqual([]);
});

test("an item of a map is tried again by its own policy, while the others go on", async () => {
  const tries = new Map<number, number>();
  const shaky = agentOf(
    "shaky",
    (n: number) => {
      tries.set(n, (tries.get(n) ?? 0) + 1);
      if (n % 2 === 1 && (tries.get(n) ?? 0) < 3) throw new Error("not yet");
      return n;
    },
    { attempts: 3 },
  );
  const flow = workflow("many", "1.0.0", { input: of<readonly number[]>() })
    .map("all", shaky, { over: ({ input }) => input, input: (n) => n, concurrency: 2 })
    .output(({ all }) => all);
  const { baton, clock } = await opened({ workflows: [flow] });
  expect(await clock.until((await baton.start(flow, [0, 1, 2, 3, 4])).result())).toEqual([
    0, 1, 2, 3, 4,
  ]);
  expect([...tries.values()]).toEqual([1, 3, 1, 3, 1]);
});

test("a branch takes the case that it chose: an agent, or a workflow as a run of its own", async () => {
  const inner = workflow("inner", "1.0.0", { input: count })
    .step("d", double, { input: ({ input }) => input })
    .output(({ d }) => d);
  const flow = workflow("fork-in-the-road", "1.0.0", {
    input: of<{ way: "agent" | "flow" | "lost"; n: number }>(),
  })
    .branch("way", { choose: ({ input }) => input.way }, (take) =>
      take
        .case("agent", double, { input: ({ input }) => input.n })
        .case("flow", inner, { input: ({ input }) => input.n })
        .case("lost", boom, { input: ({ input }) => input.n }),
    )
    .output(({ way }) => way);
  const { baton, clock } = await opened({ workflows: [flow] });
  const go = async (way: string, id: string) =>
    await clock.until((await baton.startUntyped(flow, { way, n: 4 }, { id })).outcome());
  expect(await go("agent", "a")).toEqual({ kind: "completed", output: 8 });
  expect(await go("flow", "b")).toEqual({ kind: "completed", output: 8 });
  expect(await journalOf(baton, "b/way")).toContain("run.completed");
  expect(await go("lost", "c")).toMatchObject({ kind: "failed", step: "way" });
  expect(await go("nowhere", "d")).toMatchObject({
    error: { code: "HANDOFF_REFUSED", message: expect.stringContaining('"nowhere"') },
  });
});

test("a repeat goes on until its rule holds, each round given the output of the one before", async () => {
  const flow = workflow("again", "1.0.0", { input: count })
    .repeat("grow", double, {
      input: ({ input }, previous) => previous ?? input,
      until: (n) => n >= 20,
      limit: 10,
    })
    .output(({ grow }) => grow);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 3, { id: "r" });
  expect(await clock.until(run.result())).toBe(24);
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "step.opened grow",
    "item.sealed grow#0",
    "item.sealed grow#1",
    "item.sealed grow#2",
    "step.sealed grow",
    "run.completed",
  ]);
});

test("a repeat that meets its limit fails, or takes the last output; an until that throws is a refused handoff", async () => {
  const make = (atLimit: "fail" | "last", until: () => boolean) =>
    workflow("again", "1.0.0", { input: count })
      .repeat("grow", double, {
        input: ({ input }, previous) => previous ?? input,
        until,
        limit: 2,
        atLimit,
      })
      .output(({ grow }) => grow);
  const outcome = async (flow: ReturnType<typeof make>) => {
    const { baton, clock } = await opened({ workflows: [flow] });
    return await clock.until((await baton.start(flow, 1)).outcome());
  };
  expect(await outcome(make("last", () => false))).toEqual({ kind: "completed", output: 4 });
  expect(await outcome(make("fail", () => false))).toMatchObject({
    error: { code: "REPEAT_LIMIT" },
  });
  const thrown = await outcome(
    make("fail", () => {
      throw new Error("undecided");
    }),
  );
  expect(thrown).toMatchObject({
    error: { code: "HANDOFF_REFUSED", violations: [{ rule: "until" }] },
  });
});

test("a subflow is a run of its own, which knows its parent, and whose end its parent seals", async () => {
  const inner = workflow("inner", "1.0.0", { input: count })
    .step("d", double, { input: ({ input }) => input })
    .output(({ d }) => d);
  const outer = workflow("outer", "1.0.0", { input: count })
    .subflow("sub", inner, { input: ({ input }) => input + 1 })
    .output(({ sub }) => sub);
  const { baton, clock } = await opened({ workflows: [outer] });
  const run = await baton.start(outer, 1, { id: "p" });
  expect(await clock.until(run.result())).toBe(4);
  const [started] = await entriesOf(baton, "p/sub");
  expect(started?.payload).toMatchObject({ parent: { run: "p", path: "sub" } });
  const sealed = (await entriesOf(baton, "p")).find(({ kind }) => kind === "step.sealed");
  expect(sealed?.causation).toEqual({ stream: "run/p/sub", seq: 2 });
});

test("a subflow that fails, or whose input is refused, fails its step, and says which run it was", async () => {
  const failing = workflow("failing", "1.0.0", { input: anything })
    .step("x", boom, { input: ({ input }) => input })
    .output(({ x }) => x);
  const strict = workflow("strict", "1.0.0", { input: count }).output(({ input }) => input);
  const one = workflow("one", "1.0.0", { input: anything })
    .subflow("sub", failing, { input: ({ input }) => input })
    .output(({ sub }) => sub);
  const two = workflow("two", "1.0.0", { input: of<number>() })
    .subflow("sub", strict, { input: ({ input }) => input })
    .output(({ sub }) => sub);
  const { baton, clock } = await opened({ workflows: [one, two] });
  expect(await clock.until((await baton.start(one, 1, { id: "a" })).outcome())).toMatchObject({
    kind: "failed",
    step: "sub",
    error: { message: "Run a/sub: it broke" },
  });
  expect(
    await clock.until((await baton.startUntyped(two, "x", { id: "b" })).outcome()),
  ).toMatchObject({
    kind: "failed",
    error: { code: "HANDOFF_REFUSED", message: expect.stringContaining("Run b/sub") },
  });
  expect(await journalOf(baton, "b/sub")).toEqual(["run.refused"]);
});

test("cancelling a run cancels its child run, however deep", async () => {
  const held = gate();
  const hang = agentOf("hang", async (_: number, ctx): Promise<number> => {
    ctx.signal.addEventListener("abort", () => held.fail(new Error("aborted")));
    await held.promise;
    return 0;
  });
  const inmost = workflow("inmost", "1.0.0", { input: count })
    .step("x", hang, { input: ({ input }) => input })
    .output(({ x }) => x);
  const inner = workflow("inner", "1.0.0", { input: count })
    .subflow("y", inmost, { input: ({ input }) => input })
    .output(({ y }) => y);
  const outer = workflow("outer", "1.0.0", { input: count })
    .subflow("z", inner, { input: ({ input }) => input })
    .output(({ z }) => z);
  const { baton, clock } = await opened({
    workflows: [outer],
    limits: { concurrentRunsMax: 1 },
  });
  const run = await baton.start(outer, 1, { id: "p" });
  await clock.settle();
  await baton.cancel("p", { by: ADA, reason: "enough" });
  expect(await clock.until(run.outcome())).toEqual({ kind: "cancelled", reason: "enough" });
  expect((await journalOf(baton, "p/z")).at(-1)).toBe("run.cancelled");
  expect((await journalOf(baton, "p/z/y")).slice(-2)).toEqual([
    "attempt.failed x 1",
    "run.cancelled",
  ]);
});

test("a sleep ends at its moment, not before", async () => {
  const flow = workflow("nap", "1.0.0", { input: anything })
    .sleep("nap", { for: "10m" })
    .sleep("until", { needs: ["nap"], until: () => "2026-09-21T15:00:00Z" })
    .output(({ nap }) => nap.dueAt);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  await clock.advance(599_999);
  expect(await journalOf(baton, "r")).toEqual(["run.started", "step.opened nap"]);
  await clock.advance(1);
  expect(await journalOf(baton, "r")).toContain("step.sealed nap");
  expect(await clock.until(run.result())).toBe(new Date(1_790_000_600_000).toISOString());
  expect(clock.now()).toBe(Date.parse("2026-09-21T15:00:00Z"));
});

test("a sleep until something that is no moment is a refused handoff", async () => {
  const flow = workflow("nap", "1.0.0", { input: anything })
    .sleep("nap", { until: () => "tomorrow" })
    .output(({ nap }) => nap);
  const { baton, clock } = await opened({ workflows: [flow] });
  expect(await clock.until((await baton.start(flow, 1)).outcome())).toMatchObject({
    error: { code: "HANDOFF_REFUSED" },
  });
});

test("promise 7: an output that breaks the run's own contract fails the run, and is not in the journal", async () => {
  const flow = workflow("bad-end", "1.0.0", { input: anything, output: count })
    .step(
      "a",
      agentOf("echo", (x: unknown) => x as number),
      { input: ({ input }) => input },
    )
    .output(({ a }) => a);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, "not a number", { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({
    kind: "failed",
    error: { code: "OUTPUT_REFUSED" },
  });
  expect(await payloadsOf(baton, "r", "run.completed")).toEqual([]);
});
