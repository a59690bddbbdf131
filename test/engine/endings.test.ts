import { type Workflow, workflow } from "baton";
import type { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import {
  ADA,
  agentOf,
  count,
  gate,
  journalOf,
  payloadsOf,
  opened,
  single,
} from "../support/opened.ts";

test("when a step fails, its siblings are aborted and awaited, what they still give is sealed, and run.failed comes last", async () => {
  const release = gate();
  const late = agentOf("late", async (n: number, ctx) => {
    await new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve()));
    // It has acted already, and says so.
    return n;
  });
  const stubborn = agentOf("stubborn", async (_: number) => {
    await release.promise;
  });
  const boom = agentOf("boom", async (_: number): Promise<number> => {
    throw new Error("it broke");
  });
  const flow = workflow("siblings", "1.0.0", { input: count })
    .step("late", late, { input: ({ input }) => input })
    .step("stubborn", stubborn, { input: ({ input }) => input })
    .step("boom", boom, { input: ({ input }) => input })
    .step("after", boom, { needs: ["late"], input: () => 1 })
    .output(() => 1);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "failed", step: "boom" });
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "attempt.failed boom 1",
    "step.failed boom",
    "step.sealed late",
    "attempt.failed stubborn 1",
    "run.failed",
  ]);
  expect((await payloadsOf(baton, "r", "attempt.failed"))[1]).toMatchObject({
    error: { code: "ABORTED" },
  });
});

test("a run is cancelled in whatever phase it is, and its journal says why", async () => {
  const hang = agentOf("hang", async (_: number, ctx): Promise<number> => {
    await new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve()));
    throw ctx.signal.reason;
  });
  const failing = agentOf(
    "failing",
    (): number => {
      throw new Error("no");
    },
    { attempts: 3 },
  );
  const cancelled = async (
    flow: Workflow<number, number>,
    before: (clock: ReturnType<typeof virtualClock>) => Promise<void>,
  ) => {
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await baton.start(flow, 1, { id: "r" });
    await before(clock);
    await baton.cancel("r", { by: ADA, reason: "enough" });
    expect(await clock.until(run.outcome())).toEqual({ kind: "cancelled", reason: "enough" });
    await expect(baton.cancel("r", { by: ADA, reason: "again" })).rejects.toMatchObject({
      code: "RUN_FINISHED",
    });
    return await journalOf(baton, "r");
  };
  expect(await cancelled(single(hang), async () => {})).toEqual([
    "run.started",
    "run.cancelling",
    "run.cancelled",
  ]);
  expect(await cancelled(single(hang), (clock) => clock.settle())).toEqual([
    "run.started",
    "run.cancelling",
    "attempt.failed a 1",
    "run.cancelled",
  ]);
  expect(await cancelled(single(failing), (clock) => clock.settle())).toEqual([
    "run.started",
    "attempt.failed a 1",
    "run.cancelling",
    "run.cancelled",
  ]);
  const waiting = workflow("waiting", "1.0.0", { input: count })
    .approval("a", { show: () => 1, timeout: "1h" })
    .output(() => 1);
  const { baton, clock } = await opened({ workflows: [waiting] });
  const run = await baton.start(waiting, 1, { id: "w" });
  await clock.settle();
  await baton.cancel("w", { by: ADA, reason: "enough" });
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "cancelled" });
});

test("a run that is failing already fails, though it is cancelled meanwhile", async () => {
  const release = gate();
  const flow = workflow("siblings", "1.0.0", { input: count })
    .step(
      "slow",
      agentOf("slow", () => release.promise),
      { input: () => 1 },
    )
    .step(
      "boom",
      agentOf("boom", (): number => {
        throw new Error("it broke");
      }),
      { input: () => 1 },
    )
    .output(() => 1);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  await clock.settle();
  await baton.cancel("r", { by: ADA, reason: "enough" });
  release.open();
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "failed", step: "boom" });
});

test("an attempt that was aborted may finish the effect that is under way, which is recorded, but begins no new one", async () => {
  const effect = gate<number>();
  const begun: string[] = [];
  const careful = agentOf("careful", async (_: number, ctx) => {
    const first = await ctx.once("first", () => effect.promise);
    begun.push("first");
    await ctx.once("second", () => begun.push("second"));
    return first;
  });
  const flow = single(careful);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  await clock.settle();
  await baton.cancel("r", { by: ADA, reason: "enough" });
  effect.open(1);
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "cancelled" });
  expect(begun).toEqual(["first"]);
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "run.cancelling",
    "once.recorded a",
    "attempt.failed a 1",
    "run.cancelled",
  ]);
});

test("promise 9: a step of a long run costs no more entries, and no more bytes, than one of a short run", async () => {
  const echo = agentOf("echo", (n: number) => n);
  const flow = workflow("long", "1.0.0", { input: count })
    .repeat("again", echo, {
      input: (_, previous) => (previous ?? 0) + 1,
      until: (n) => n >= 300,
      limit: 1_000,
    })
    .output(({ again }) => again);
  const { baton, clock } = await opened({ workflows: [flow] });
  expect(await clock.until((await baton.start(flow, 0, { id: "r" })).result())).toBe(300);
  const sizes: number[] = [];
  for await (const { text } of baton.storedEntries("r")) {
    if (text.includes('"item.sealed"')) sizes.push(text.length);
  }
  expect(sizes).toHaveLength(300);
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(20);
});
