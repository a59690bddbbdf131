/**
 * A process that one of its runs kills: starts 200 runs in the store at argv[2] (or joins them), of which one kills it by
 * SIGKILL or process.exit, as argv[3] says. Ends with 0 once every other run has completed, and that one is parked.
 */
import { agent, contract, open, workflow } from "baton";
import { sqlite } from "baton/sqlite";
import { z } from "zod";

const RUNS = 200;
const POISON = 113;

const [, , file = "", how = "SIGKILL"] = process.argv;
const No = contract("no", "1.0.0", z.int());

const work = agent({
  name: "work",
  version: "1.0.0",
  input: No,
  output: No,
  execute: async (no) => {
    for (let turn = 0; turn < no % 7; turn += 1) await new Promise((next) => setImmediate(next));
    if (no !== POISON) return no;
    if (how === "SIGKILL") process.kill(process.pid, "SIGKILL");
    process.exit(9);
  },
});
const flow = workflow("flow", "1.0.0", { input: No })
  .step("a", work, { input: ({ input }) => input })
  .step("b", work, { needs: ["a"], input: ({ a }) => a })
  .output(({ b }) => b);

const baton = await open({ store: sqlite(file), workflows: [flow] });
const runs = await Promise.all(
  Array.from({ length: RUNS }, (_, no) => baton.start(flow, no, { id: `run-${no}` })),
);
await Promise.all(runs.filter((_, no) => no !== POISON).map((run) => run.result()));
for await (const item of baton.watch(`run-${POISON}`))
  if (item.kind === "entry" && item.entry.kind === "step.parked") break;
await baton.close();
