/** A process that executes all runs, until it is killed: `mlflow-child.ts <store> <server>`. */
import { open } from "baton";
import { mlflow } from "baton/otel";
import { sqlite } from "baton/sqlite";
import { EXPERIMENT, RUNS, scoring } from "./mlflow-runs.ts";

const [path = "", url = ""] = process.argv.slice(2);
const baton = await open({
  store: sqlite(path),
  workflows: [scoring],
  tracing: mlflow({ url, experiment: EXPERIMENT }),
  log: ({ level, message }) => {
    if (level === "warn" || level === "error") console.error(message);
  },
});
const AT_ONCE = 20;
let next = 0;
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (next < RUNS) {
      const n = next++;
      const run = await baton.start(
        scoring,
        { name: `thing ${n}`, n },
        {
          id: `run-${n}`,
          by: { kind: "person", id: "ada" },
        },
      );
      await run.outcome();
    }
  }),
);
await baton.close();
