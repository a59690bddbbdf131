/** `baton export traces`, and commands that trace by the config. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { type Collector, otlpCollector } from "../support/otlp-collector.ts";
import { recordingTerminal } from "./recording-terminal.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
// Inside the repository, so that the project finds zod.
const folder = mkdtempSync(join(ROOT, "node_modules", ".baton-cli-test-"));
let collector: Collector;

const config = (url: string) => `
import { agent, contract, defineConfig, workflow } from "baton";
import { otel, otelLog } from "baton/otel";
import { z } from "zod";

const Count = contract("count", "1.0.0", z.number());
const next = agent({ name: "next", version: "1.0.0", input: Count, output: Count, 
  execute: (n, { log }) => {
    log.warn("adding", { n });
    return n + 1;
  },
});
const flow = workflow("flow", "1.0.0", { input: Count })
  .step("next", next, { input: ({ input }) => input })
  .output((view) => view.next);
export default defineConfig({
  workflows: [flow],
  tracing: otel({ url: "${url}/v1/traces", metrics: true }),
  log: await otelLog({ url: "${url}/v1/logs" }),
});
`;

async function baton(...argv: readonly string[]) {
  const terminal = recordingTerminal({ cwd: folder });
  const code = await runProgram(argv, terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

beforeAll(async () => {
  collector = await otlpCollector();
  writeFileSync(join(folder, "baton.config.ts"), config(collector.url));
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await collector.close();
});

test("a command's log lines and metrics are sent before it ends; lines are on the terminal, too", async () => {
  const { code, err } = await baton(
    "run",
    "flow",
    "--id",
    "logged",
    "--input",
    "1",
    "--store",
    "logged.db",
  );
  expect([code, err]).toEqual([0, expect.stringContaining("warn: logged next: adding")]);
  const span = collector.spans.find(({ name }) => name === "invoke_agent next");
  expect(collector.logs).toMatchObject([
    { body: "adding", spanId: span?.spanId, attributes: { n: 1, "baton.run": "logged" } },
  ]);
  expect(collector.metrics.flat().map(({ name }) => name)).toContain("baton.runs");
  for (const each of [collector.spans, collector.logs, collector.metrics]) each.length = 0;
});

test("a command's traces are sent before it ends; history is sent again with the same ids", async () => {
  for (const id of ["r1", "r2"])
    expect((await baton("run", "flow", "--id", id, "--input", "1")).code).toBe(0);
  expect(collector.spans.map(({ name }) => name).sort()).toEqual([
    ...Array<string>(2).fill("invoke_agent next"),
    ...Array<string>(2).fill("invoke_workflow flow"),
    ...Array<string>(2).fill("step next"),
  ]);
  const before = new Set(collector.spans.map(({ spanId }) => spanId));
  const all = await baton("export", "traces");
  expect(all).toMatchObject({ code: 0, err: "" });
  expect(all.out).toMatch(/^6 spans sent, up to position \d+\n$/);
  expect(new Set(collector.spans.map(({ spanId }) => spanId))).toEqual(before);
  expect((await baton("export", "traces", "--run", "r1")).out).toMatch(/^3 spans/);
  expect((await baton("export", "traces", "--since", "2099-01-01T00:00:00Z")).out).toMatch(/^0 /);
  const position = /position (\d+)/.exec(all.out)?.[1] ?? "";
  const after = await baton("export", "traces", "--since", position, "--json");
  expect(JSON.parse(after.out)).toEqual({ spans: 0, position: Number(position) });
});

test("what can't be asked for is refused by name; a collector that is down is an error", async () => {
  expect(await baton("export", "metrics")).toMatchObject({ code: 2 });
  expect((await baton("export", "traces", "--since", "soon")).err).toContain("neither a position");
  expect((await baton("export", "traces", "--since", "2026-02-30T00:00:00Z")).code).toBe(2);
  expect((await baton("export", "traces", "--run", "r1", "--since", "3")).code).toBe(2);
  expect(await baton("export", "traces", "--run", "lost")).toMatchObject({ code: 3 });
  collector.answers.push(503);
  expect((await baton("export", "traces")).err).toContain("TRACES_REFUSED");
});
