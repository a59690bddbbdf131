/**
 * Reported of LangGraph.js: interrupt and resume within subgraphs, or twice, resumes the wrong one or runs nodes again (js#1298,
 * js#1552). Of Mastra: a suspended step within a nested workflow of a fan-out (#8902), and a resume after a restart that looks
 * only into the memory of the process (#20600). Of the OpenAI SDK: #993, #1067, #1750.
 */
import { workflow } from "baton";
import { expect, test } from "vitest";
import { ADA, agentOf, count, journalOf } from "../support/opened.ts";
import { restarting } from "../support/restarting.ts";

function flows(calls: string[]) {
  const noting = agentOf("noting", (n: number, { run, path }) => {
    calls.push(`${run} ${path}`);
    return n + 1;
  });
  const innermost = workflow("innermost", "1.0.0", { input: count })
    .step("before", noting, { input: ({ input }) => input })
    .approval("first", { needs: ["before"], show: ({ before }) => before, timeout: "30d" })
    .step("between", noting, { needs: ["before", "first"], input: ({ before }) => before })
    .approval("second", { needs: ["between"], show: ({ between }) => between, timeout: "30d" })
    .step("end", noting, { needs: ["between", "second"], input: ({ between }) => between })
    .output(({ end }) => end);
  const inner = workflow("inner", "1.0.0", { input: count })
    .subflow("deep", innermost, { input: ({ input }) => input })
    .output(({ deep }) => deep);
  const outer = workflow("outer", "1.0.0", { input: count })
    .subflow("a", inner, { input: ({ input }) => input })
    .subflow("b", inner, { input: ({ input }) => input + 10 })
    .subflow("c", innermost, { input: ({ input }) => input + 20 })
    .output(({ a, b, c }) => [a, b, c]);
  return { outer, workflows: [outer, inner, innermost] };
}

test("two approvals each, two levels down, in a fan-out, each answered by another process", async () => {
  const calls: string[] = [];
  const { outer, workflows } = flows(calls);
  const here = await restarting({ workflows });
  await here.baton().start(outer, 1, { id: "r" });
  const children = ["r/b/deep", "r/c", "r/a/deep"];
  for (const step of ["first", "second"]) {
    for (const child of children) {
      await here.restart();
      await here.clock.settle();
      await here.baton().approve(child, step, { approved: true, by: ADA });
      await here.clock.settle();
    }
  }
  expect(await here.clock.until((await here.baton().run("r")).result())).toEqual([4, 14, 24]);
  // No agent was called again for what its neighbours, or its own second approval, waited for.
  expect(calls.toSorted()).toEqual(
    children
      .flatMap((child) => ["before", "between", "end"].map((path) => `${child} ${path}`))
      .toSorted(),
  );
  for (const child of children) {
    const sealed = (await journalOf(here.baton(), child)).filter((each) =>
      each.startsWith("step.sealed"),
    );
    expect(new Set(sealed).size).toBe(sealed.length);
    expect(sealed).toHaveLength(5);
  }
});

test("an answer for one child does nothing to its siblings", async () => {
  const { outer, workflows } = flows([]);
  const here = await restarting({ workflows });
  await here.baton().start(outer, 1, { id: "r" });
  await here.clock.settle();
  await here.baton().approve("r/a/deep", "first", { approved: true, by: ADA });
  await here.restart();
  await here.clock.settle();
  const at = async (run: string) =>
    (await here.baton().waits(run)).waits.map((each) => ("path" in each ? each.path : each.what));
  expect(await at("r/a/deep")).toEqual(["second"]);
  expect(await at("r/b/deep")).toEqual(["first"]);
  expect(await at("r/c")).toEqual(["first"]);
  expect(await at("r")).toEqual(["a", "b", "c"]);
});
