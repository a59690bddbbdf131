/** A process that executes runs until it is killed: `thread-child.ts <store> <collector>`. */
import { open } from "baton";
import { otel } from "baton/otel";
import { sqlite } from "baton/sqlite";
import { everything, person } from "../support/traced-workflows.ts";

const [path = "", url = ""] = process.argv.slice(2);
const baton = await open({
  store: sqlite(path, { durability: "process-crash" }),
  workflows: [everything],
  tracing: otel({ url: `${url}/v1/traces` }),
  log: ({ level, message }) => {
    if (level === "error") console.error(message);
  },
});
for (let n = 0; ; n += 1) {
  const run = await baton.start(everything, person(n), { id: `run-${n}` });
  await run.outcome();
}
