/**
 * Reported of LangGraph.js: state leaks between concurrent runs (js#2040; 1.4.4 mends a tenant's id that leaked through
 * AsyncLocalStorage). Of Temporal's TypeScript SDK: isolation between runs that share a context (sdk-ts#2170, #2188).
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { contract, type Json, workflow } from "baton";
import { expect, test } from "vitest";
import { z } from "zod";
import { agentOf, of } from "../support/opened.ts";
import { restarting } from "../support/restarting.ts";

const Application = contract(
  "application",
  "1.0.0",
  z.object({ tenant: z.string(), tags: z.array(z.string()) }),
);

interface Seen {
  readonly tenant: string;
  readonly tags: readonly string[];
}

/** Whatever lets a hand reach into another run's state, if anything does. */
function tamper(value: { tags: string[] } & Record<string, unknown>, with_: string): boolean {
  try {
    value.tags.push(with_);
    return true;
  } catch {
    try {
      value["tenant"] = with_;
      return true;
    } catch {
      return false;
    }
  }
}

test("1,000 runs side by side: each sees its own input and outputs, whatever agents do to them and around them", async () => {
  const storage = new AsyncLocalStorage<string>();
  const shared: { last: string } = { last: "" };
  let tampered = 0;
  const leaks: string[] = [];
  const gather = agentOf("gather", async (given: Seen, { run, signal }) => {
    // What an agent enters here must be gone, or its own, wherever the next one runs.
    const inherited = storage.getStore();
    if (inherited !== undefined && inherited !== given.tenant)
      leaks.push(`${run} inherited ${inherited}`);
    storage.enterWith(given.tenant);
    shared.last = given.tenant;
    // The agent may do as it likes with the type: what it holds is frozen.
    if (tamper(given as unknown as Parameters<typeof tamper>[0], run)) tampered += 1;
    for (let turn = 0; turn < given.tenant.length % 5; turn += 1) await Promise.resolve();
    if (signal.aborted) leaks.push(`${run} aborted`);
    return { tenant: given.tenant, tags: [...given.tags, `seen by ${run}`] };
  });
  const judge = agentOf("judge", async (given: { a: Seen; b: Seen }, { run }) => {
    if (tamper(given.a as unknown as Parameters<typeof tamper>[0], run)) tampered += 1;
    await new Promise((resolve) => setImmediate(resolve));
    return { tenant: given.a.tenant, both: given.a.tenant === given.b.tenant, tags: given.b.tags };
  });
  const flow = workflow("leaking", "1.0.0", { input: Application, output: of<Json>() })
    .step("a", gather, { input: ({ input }) => input })
    .step("b", gather, { input: ({ input }) => input })
    .step("j", judge, { needs: ["a", "b"], input: ({ a, b }) => ({ a, b }) })
    .output(({ j }) => j);
  const here = await restarting({ workflows: [flow] });
  const mine = { tenant: "", tags: ["shared"] };
  const runs = await Promise.all(
    Array.from({ length: 1_000 }, async (_, i) => {
      // The caller's object is used again and again, and changed in between.
      mine.tenant = `tenant-${i}`;
      return await here.baton().start(flow, mine, { id: `r${i}` });
    }),
  );
  mine.tags.push("too late");
  const outcomes = await here.clock.until(Promise.all(runs.map((run) => run.result())));
  for (const [i, outcome] of outcomes.entries()) {
    expect(outcome).toEqual({
      tenant: `tenant-${i}`,
      both: true,
      tags: ["shared", `seen by r${i}`],
    });
  }
  expect({ leaks, tampered }).toEqual({ leaks: [], tampered: 0 });
  expect((await here.baton().verify()).problems).toEqual([]);
}, 60_000);
