/** A process that is killed, with its thread of traces: the next one sends what is missing, and all is there. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "baton";
import { otel } from "baton/otel";
import { sqlite } from "baton/sqlite";
import { expect, onTestFinished, test, vi } from "vitest";
import { JITI, projectPath, SOURCES } from "../e2e/real-process.ts";
import { type Collector, otlpCollector } from "../support/otlp-collector.ts";
import { everything } from "../support/traced-workflows.ts";

const ids = ({ spans }: Collector) => [...new Set(spans.map(({ spanId }) => spanId))].sort();
const inputs = ({ spans }: Collector) =>
  new Map(spans.map(({ spanId, attributes }) => [spanId, attributes["gen_ai.input.messages"]]));

test("traces of a process that was killed are whole, with what agents were given", async () => {
  const folder = mkdtempSync(join(tmpdir(), "baton-thread-killed-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "baton.db");
  const collector = await otlpCollector();
  onTestFinished(() => collector.close());
  const args = [JITI, projectPath("test/otel/thread-child.ts"), file, collector.url];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, ...SOURCES },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  // In the middle of it: some of its spans have come.
  await vi.waitFor(() => expect(collector.spans).not.toEqual([]), { timeout: 40_000 });
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
  const tracing = otel({ url: `${collector.url}/v1/traces` });
  const store = sqlite(file);
  const baton = await open({ store, workflows: [everything], tracing });
  await vi.waitFor(async () => {
    for (const { status } of await baton.runs())
      expect(["completed", "compensated", "failed"]).toContain(status);
  });
  await baton.close();
  const here = await otlpCollector();
  onTestFinished(() => here.close());
  const reading = await open({
    store,
    workflows: [everything],
    tracing: otel({ url: `${here.url}/v1/traces` }),
    readOnly: true,
  });
  await reading.exportTraces();
  await reading.close();
  expect(ids(collector)).toEqual(ids(here));
  expect(inputs(collector)).toEqual(inputs(here));
}, 60_000);
