/**
 * Reported of Mastra: one suspended run is a row of 170 MB, since each snapshot holds all that came before (#17738, #8046). Of
 * LangGraph: checkpoints that grow by gigabytes a day (js#1138). Of Dapr: fan-outs of 100 and more get stuck (#7321).
 */
import { statSync } from "node:fs";
import { type Contract, contract, type Workflow, workflow } from "baton";
import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { ADA, agentOf, count, opened } from "../support/opened.ts";
import { restarting, sqlitePlace } from "../support/restarting.ts";

const TEXT = "x".repeat(2_000);

/** A chain of `length` steps, each of which gives two kilobytes and reads what the one before gave. */
function chain(length: number): Workflow<number, unknown> {
  const writer = agentOf(
    "writer",
    async (given: unknown, { path }) => `${path} ${TEXT} ${String(given).slice(0, 5)}`,
  );
  // A chain that is made in a loop has no type that the compiler could follow.
  let flow = workflow(`chain-${length}`, "1.0.0", { input: count }) as unknown as {
    step: (name: string, agent: unknown, options: unknown) => typeof flow;
    output: (project: () => unknown) => Workflow<number, unknown>;
  };
  for (let i = 0; i < length; i += 1) {
    const before = `s${i - 1}`;
    flow = flow.step(`s${i}`, writer, {
      needs: i === 0 ? ["input"] : [before],
      input: (view: Record<string, unknown>) => (i === 0 ? view["input"] : view[before]),
    });
  }
  return flow.output(() => null);
}

async function bytesOf(length: number): Promise<number> {
  const { path, store } = sqlitePlace();
  const flow = chain(length);
  const { baton, clock } = await opened({ workflows: [flow], store }, virtualClock());
  await clock.until((await baton.start(flow, 1, { id: "r" })).outcome());
  await clock.until(baton.close());
  return statSync(path).size;
}

test("promise 9: a run of twice the steps takes twice the bytes on disk, not four times", async () => {
  const [short, middle, long] = [await bytesOf(100), await bytesOf(200), await bytesOf(400)];
  expect((long - middle) / (middle - short)).toBeLessThan(2.3);
  // Each step: its output, once, in an entry that fills a page of the file.
  expect(long / 400).toBeLessThan(5_500);
});

test("a run that is suspended and resumed 50 times grows by its answers, not by its state", async () => {
  const Large = contract("large", "1.0.0", z.object({ text: z.string() }));
  // The agent's type is not what this is about.
  const large = agentOf("large", async () => ({ text: "y".repeat(200_000) }), {
    output: Large as unknown as Contract<unknown>,
  });
  const ask = (name: string, flow: { approval: (name: string, options: unknown) => unknown }) =>
    flow.approval(name, { show: () => null, timeout: "30d" });
  let building: unknown = workflow("suspending", "1.0.0", { input: count }).step("large", large, {
    input: ({ input }) => input,
  });
  for (let i = 0; i < 50; i += 1) building = ask(`ok${i}`, building as Parameters<typeof ask>[1]);
  const flow = (
    building as { output: (project: () => unknown) => Workflow<number, unknown> }
  ).output(() => null);
  const here = await restarting({ workflows: [flow] });
  await here.baton().start(flow, 1, { id: "r" });
  await here.clock.settle();
  await here.restart();
  const before = statSync(here.path).size;
  for (let i = 0; i < 50; i += 1) {
    await here.baton().approve("r", `ok${i}`, { approved: true, by: ADA });
    if (i % 10 === 9) await here.restart();
  }
  await here.clock.until((await here.baton().run("r")).outcome());
  await here.restart();
  expect(statSync(here.path).size - before).toBeLessThan(50 * 4_000);
});

test("a fan-out of 1,000 items, and one of 150 steps, ends, with a restart in the middle", async () => {
  let calls = 0;
  const add = agentOf("add", async (n: number) => {
    calls += 1;
    return n + 1;
  });
  const join = agentOf("join", async (all: readonly number[]) => all.length);
  const items = workflow("items", "1.0.0", { input: count })
    .map("all", add, {
      over: ({ input }) => Array.from({ length: input }, (_, i) => i),
      input: (item) => item,
      concurrency: 50,
    })
    .step("join", join, { needs: ["all"], input: ({ all }) => all })
    .output(({ join: total }) => total);
  let wide = workflow("wide", "1.0.0", { input: count }) as unknown as {
    step: (name: string, agent: unknown, options: unknown) => typeof wide;
    output: (project: (view: Record<string, number>) => unknown) => Workflow<number, unknown>;
  };
  const names = Array.from({ length: 150 }, (_, i) => `s${i}`);
  for (const [i, name] of names.entries()) wide = wide.step(name, add, { input: () => i });
  const steps = wide
    .step("join", join, {
      needs: names,
      input: (view: Record<string, number>) => names.map((name) => view[name]),
    })
    .output((view) => view["join"]);
  const here = await restarting({ workflows: [items, steps] });
  await here.baton().start(items, 1_000, { id: "items" });
  await here.baton().start(steps, 1, { id: "steps" });
  await here.restart();
  expect(await here.clock.until((await here.baton().run("items")).result())).toBe(1_000);
  expect(await here.clock.until((await here.baton().run("steps")).result())).toBe(150);
  expect(calls).toBeGreaterThanOrEqual(1_150);
});
