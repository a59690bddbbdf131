/** Reported of LangGraph: a node's invalid output is saved, and then the thread can't be loaded any more (langgraph#6491, PR#6512). */
import { type Contract, contract, workflow } from "baton";
import { expect, test } from "vitest";
import { z } from "zod";
import { agentOf, count, journalOf, of } from "../support/opened.ts";
import { restarting } from "../support/restarting.ts";

const Score = contract("score", "1.0.0", z.looseObject({ score: z.int() }));

const WRONG: readonly (readonly [string, unknown])[] = [
  ["breaks its contract", { score: "750" }],
  ["is no JSON", { score: 1, when: new Date(0) }],
  ["is undefined", undefined],
  ["refers to itself", Object.assign({ score: 1 }, { self: null as unknown })],
];
const itself = WRONG[3]?.[1] as { self: unknown };
itself.self = itself;

test.each(WRONG)(
  "promise 7: an output that %s never gets in, and the run can be loaded",
  async (_, wrong) => {
    let answers = 0;
    const scorer = agentOf(
      "scorer",
      () => {
        answers += 1;
        return answers === 1 ? wrong : { score: 700 };
      },
      // The contract is the one that counts; the type says nothing.
      { output: Score as unknown as Contract<unknown>, attempts: 2 },
    );
    const flow = workflow("scoring", "1.0.0", { input: count, output: of<unknown>() })
      .step("score", scorer, { input: ({ input }) => input })
      .sleep("nap", { needs: ["score"], for: "1h" })
      .output(({ score }) => score);
    const here = await restarting({ workflows: [flow] });
    await here.baton().start(flow, 1, { id: "r" });
    await here.clock.settle();
    await here.restart();
    expect((await here.baton().report("r")).steps[0]?.status).toBe("retrying");
    expect((await here.baton().state("r")).values).toEqual({ input: 1 });
    await here.clock.advance(60_000);
    await here.restart();
    expect((await here.baton().state("r")).values["score"]).toEqual({ score: 700 });
    expect(await here.clock.until((await here.baton().run("r")).result())).toEqual({ score: 700 });
    expect((await journalOf(here.baton(), "r")).slice(0, 2)).toEqual([
      "run.started",
      "attempt.failed score 1",
    ]);
    expect((await here.baton().verify()).problems).toEqual([]);
  },
);
