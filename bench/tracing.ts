/**
 * What tracing costs: CPU time for each run of the credit graph, by turns without it, with it, and with it but no inputs and outputs,
 * in one process. Who takes the spans is a process of its own.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { open, type Tracing } from "baton";
import { otel } from "baton/otel";
import { sqlite } from "baton/sqlite";
import { application, creditGraph } from "./credit-graph.ts";

const RUNS = 2_000;
const ROUNDS = 5;
const IN_FLIGHT = 16;

if (process.send === undefined) await measure();
else takeAll();

/** Answers 200 to everything. */
function takeAll(): void {
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.end());
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
  process.once("disconnect", () => process.exit(0));
}

async function measure(): Promise<void> {
  const taker = fork(fileURLToPath(import.meta.url));
  const [port] = (await once(taker, "message")) as readonly unknown[];
  const url = `http://127.0.0.1:${String(port)}/v1/traces`;
  const ways: Readonly<Record<string, Tracing | undefined>> = {
    without: undefined,
    traced: otel({ url }),
    "traced, no content": otel({ url, content: false }),
  };
  // Once, so that all is compiled.
  for (const tracing of Object.values(ways)) await runs(tracing);
  const found = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [way, tracing] of Object.entries(ways))
      found.set(way, [...(found.get(way) ?? []), await runs(tracing)]);
  for (const [way, each] of found) {
    const middle = each.toSorted((a, b) => a - b)[Math.floor(each.length / 2)] ?? 0;
    console.log(
      `${way}: ${middle.toFixed(0)} microseconds of CPU a run (${each.map((us) => us.toFixed(0)).join(", ")})`,
    );
  }
  taker.disconnect();
}

/** CPU time of one run, in microseconds, with all that is sent of it. */
async function runs(tracing: Tracing | undefined): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "baton-tracing-"));
  const graph = creditGraph();
  const before = process.cpuUsage();
  const baton = await open({
    store: sqlite(join(folder, "baton.db"), { durability: "process-crash" }),
    workflows: [graph],
    ...(tracing === undefined ? {} : { tracing }),
  });
  let next = 0;
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (next < RUNS) await (await baton.start(graph, application(next++))).outcome();
    }),
  );
  await baton.close();
  const { user, system } = process.cpuUsage(before);
  rmSync(folder, { recursive: true });
  return (user + system) / RUNS;
}
