/**
 * Reported of Mastra: parallel branches that suspend and resume. #9288: a branch that is done reverts to suspended when its
 * sibling resumes. #15552, #6418, #10746, #24581: answers are lost or counted twice. #8902: the same for a fan-out.
 */
import { contract, workflow } from "baton";
import { expect, test } from "vitest";
import { z } from "zod";
import { ADA, agentOf, count, entriesOf } from "../support/opened.ts";
import { restarting } from "../support/restarting.ts";

const papers = contract("papers", "1.0.0", z.object({ pages: z.number() }));

type Answer = "left" | "right" | "papers";
const ORDERS: readonly (readonly Answer[])[] = [
  ["left", "right", "papers"],
  ["left", "papers", "right"],
  ["right", "left", "papers"],
  ["right", "papers", "left"],
  ["papers", "left", "right"],
  ["papers", "right", "left"],
];

test.each(ORDERS)(
  "two approvals, a signal and a map side by side: a branch that is done stays done (%s, %s, %s, with a restart before each)",
  async (...order) => {
    const calls: string[] = [];
    const check = agentOf("check", (n: number) => {
      calls.push(`check ${n}`);
      return n * 10;
    });
    const after = agentOf("after", (who: string) => {
      calls.push(`after ${who}`);
      return who;
    });
    const flow = workflow("side-by-side", "1.0.0", { input: count })
      .approval("left", { show: () => "left", timeout: "7d" })
      .approval("right", { show: () => "right", timeout: "7d" })
      .awaitSignal("papers", { contract: papers, timeout: "7d" })
      .map("checks", check, { over: () => [1, 2, 3, 4], input: (item) => item, concurrency: 2 })
      .step("after-left", after, { needs: ["left"], input: ({ left }) => `left ${left.by}` })
      .step("after-right", after, { needs: ["right"], input: ({ right }) => `right ${right.by}` })
      .output(({ left, right, papers: sent, checks }) => ({
        by: [left.by, right.by],
        pages: sent.pages,
        checks,
      }));
    const here = await restarting({ workflows: [flow] });
    await here.baton().start(flow, 1, { id: "r" });
    await here.clock.settle();
    const done = new Set<string>();
    for (const answer of order) {
      await here.restart();
      await here.clock.settle();
      // Whoever waited before the restart waits after it, and nobody else does.
      const waiting = (await here.baton().waits("r")).waits.map((each) =>
        "path" in each ? each.path : "",
      );
      expect(waiting.toSorted()).toEqual(order.filter((each) => !done.has(each)).toSorted());
      if (answer === "papers")
        await here.baton().signal("r", "papers", { pages: 3 }, { by: ADA, id: "mail" });
      else await here.baton().approve("r", answer, { approved: true, by: ADA });
      done.add(answer);
      await here.clock.settle();
      if (done.size === order.length) break;
      const { steps, status } = await here.baton().report("r");
      expect(status).toBe("waiting");
      for (const name of done)
        expect(steps.find(({ path }) => path === name)?.status).toBe("sealed");
    }
    const run = await here.baton().run("r");
    expect(await here.clock.until(run.result())).toEqual({
      by: ["ada", "ada"],
      pages: 3,
      checks: [10, 20, 30, 40],
    });
    const entries = await entriesOf(here.baton(), "r");
    const sealed = entries.flatMap(({ kind, path }) =>
      kind === "step.sealed" ? [path ?? ""] : [],
    );
    expect(sealed.toSorted()).toEqual(
      ["after-left", "after-right", "checks", "left", "papers", "right"].toSorted(),
    );
    expect(entries.filter(({ kind }) => kind === "signal.received")).toHaveLength(3);
    expect(calls.toSorted()).toEqual(
      ["after left ada", "after right ada", "check 1", "check 2", "check 3", "check 4"].toSorted(),
    );
  },
);

test("an answer that is sent again, to another process too, is refused or counts once", async () => {
  const flow = workflow("one-of-two", "1.0.0", { input: count })
    .approval("left", { show: () => "left", timeout: "7d" })
    .awaitSignal("papers", { contract: papers, timeout: "7d" })
    .output(({ left, papers: sent }) => [left.approved, sent.pages]);
  const here = await restarting({ workflows: [flow] });
  await here.baton().start(flow, 1, { id: "r" });
  await here.baton().approve("r", "left", { approved: true, by: ADA });
  for (let times = 0; times < 3; times += 1) {
    await here.restart();
    await expect(
      here.baton().signal("r", "left", { approved: false }, { by: ADA, id: `again ${times}` }),
    ).rejects.toMatchObject({ code: "SIGNAL_REFUSED" });
  }
  await here.baton().signal("r", "papers", { pages: 1 }, { by: ADA, id: "mail" });
  expect(await here.clock.until((await here.baton().run("r")).result())).toEqual([true, 1]);
});
