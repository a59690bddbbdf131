/** The runs of the recover workload: what the process that is killed does, and the one that finishes after it. */
import { closeSync, openSync, writeSync } from "node:fs";
import { type Baton, open } from "baton";
import { sqlite } from "baton/sqlite";
import { application, creditGraph } from "./credit-graph.ts";

/** The events of the loop that an agent lets pass at most: runs get out of step with each other, as real ones are. */
const TURNS_MAX = 6;

function turnsOf(text: string): number {
  let sum = 0;
  for (const letter of text) sum = (sum * 31 + letter.charCodeAt(0)) % 9_973;
  return sum % TURNS_MAX;
}

/**
 * Starts `runs` runs, all at once, and waits until every one has completed. Each execution of an agent is written down in
 * the file `executions` before the agent answers: a line with the run and the path, which a killed process leaves behind.
 */
export async function finishRuns(
  file: string,
  executions: string,
  runs: number,
): Promise<readonly unknown[]> {
  const record = openSync(executions, "a");
  const graph = creditGraph(async ({ run, path }) => {
    const turns = turnsOf(`${run}${path}`);
    for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
    writeSync(record, `${run}\t${path}\n`);
  });
  let baton: Baton | undefined;
  try {
    const opened = await open({ store: sqlite(file), workflows: [graph] });
    baton = opened;
    const ids = Array.from({ length: runs }, (_, n) => n);
    return await Promise.all(
      ids.map(
        async (n) =>
          await (await opened.start(graph, application(n), { id: `application-${n}` })).result(),
      ),
    );
  } finally {
    await baton?.close();
    closeSync(record);
  }
}

/** Checks every journal of the file; gives the problems. */
export async function problemsIn(file: string): Promise<readonly unknown[]> {
  const baton = await open({ store: sqlite(file), workflows: [creditGraph()], readOnly: true });
  try {
    return (await baton.verify()).problems;
  } finally {
    await baton.close();
  }
}
