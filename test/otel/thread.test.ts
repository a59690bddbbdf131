/** Traces that are made in a thread of their own are those that are made here: whatever dies, is late, or was forgotten. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agent, type Baton, contract, type LogLine, open, type OpenOptions, workflow } from "baton";
import { otel } from "baton/otel";
import { sqlite } from "baton/sqlite";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { dyingTracing } from "../support/dying-tracing.ts";
import { type CollectedSpan, type Collector, otlpCollector } from "../support/otlp-collector.ts";
import {
  events,
  everything,
  givingUp,
  paid,
  person,
  secrets,
} from "../support/traced-workflows.ts";

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "baton-thread-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function collecting(): Promise<Collector> {
  const collector = await otlpCollector();
  onTestFinished(() => collector.close());
  return collector;
}

interface Opened {
  readonly baton: Baton;
  readonly log: readonly LogLine[];
}

async function opened(file: string, more: Partial<OpenOptions>): Promise<Opened> {
  const log: LogLine[] = [];
  const baton = await open({
    store: sqlite(file, { durability: "process-crash" }),
    workflows: [everything, events, givingUp],
    // What the runs make the engine say is another matter.
    log: (line) => line.message.startsWith("Breaker") || log.push(line),
    ...more,
  });
  onTestFinished(() => baton.close({ graceMs: 0 }).catch(() => {}));
  return { baton, log };
}

const tracingTo = ({ url }: Collector) => otel({ url: `${url}/v1/traces`, compression: "gzip" });

/** Runs that end in every way. */
async function work(baton: Baton, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n += 1) {
    const run = await baton.start(everything, person(n), { id: `run-${n}` });
    await run.outcome();
  }
  await (await baton.start(givingUp, 0, { id: `giving-up-${from}` })).outcome();
  await baton.publish(paid, person(from), { id: `event-${from}` });
  await vi.waitFor(async () => {
    const begun = (await baton.runs()).filter(({ workflow: id }) => id.startsWith("events"));
    expect(begun.map(({ status }) => status)).toContain("completed");
    expect(begun.map(({ status }) => status)).not.toContain("running");
  });
}

function sorted(spans: readonly CollectedSpan[]): readonly CollectedSpan[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  // What was sent twice was the same both times.
  for (const span of spans) expect(span).toEqual(byId.get(span.spanId));
  return [...byId.values()].sort((a, b) => a.spanId.localeCompare(b.spanId));
}

/** Streams of what came after the place that is in the journal, of those that have spans. */
async function unsent(file: string): Promise<readonly string[]> {
  const store = await sqlite(file)({ readOnly: true });
  const place = { namespace: "default", stream: "projection/otel" };
  const head = await store.head(place);
  const [entry] = await store.read(place, head?.lastSeq ?? 0, 1);
  const { payload } = JSON.parse(entry?.text ?? "") as { payload: { position: number } };
  const after = await store.arrivals(payload.position, 1_000);
  await store.close();
  return after.map(({ stream }) => stream).filter((stream) => /^(run|event)\//.test(stream));
}

/** What is made of the same journal in this thread, with the code. */
async function madeHere(file: string): Promise<Collector> {
  const collector = await collecting();
  const { baton } = await opened(file, { tracing: tracingTo(collector), readOnly: true });
  await baton.exportTraces();
  await baton.close();
  return collector;
}

function expectNoSecrets({ bodies }: Collector): void {
  const all = bodies.join("");
  expect(all).toContain("[sensitive]");
  for (const secret of secrets) expect(all).not.toContain(secret);
}

const inputsIn = (spans: readonly CollectedSpan[]) =>
  spans.filter(({ attributes }) => attributes["gen_ai.input.messages"] !== undefined).length;

describe("traces from a thread of their own", () => {
  test("are those that are made here of the same journal, with nothing that is sensitive", async () => {
    const file = join(folder(), "baton.db");
    const collector = await collecting();
    const { baton, log } = await opened(file, { tracing: tracingTo(collector) });
    await work(baton, 1, 8);
    await baton.close();
    expect(log).toEqual([]);
    expect(await unsent(file)).toEqual([]);
    const here = await madeHere(file);
    const spans = sorted(collector.spans);
    expect(spans).toEqual(sorted(here.spans));
    expect(inputsIn(spans)).toBeGreaterThan(100);
    expect(new Set(spans.map(({ attributes }) => attributes["baton.kind"]))).toEqual(
      new Set([
        "run",
        "step",
        "attempt",
        "handoff",
        "rollback",
        "compensation",
        "publish",
        "receive",
      ]),
    );
    expectNoSecrets(collector);
  });

  test("have inputs of before the process, and those that were too large to be told, which are asked for", async () => {
    const Text = contract("text", "1.0.0", z.string());
    const measuring = agent({
      name: "measuring",
      version: "1.0.0",
      input: Text,
      output: Text,
      execute: (text) => `${text.length}`,
    });
    const large = workflow("large", "1.0.0", { input: Text })
      .step("measure", measuring, { input: ({ input }) => input.repeat(9_000_000) })
      .output(({ measure }) => measure);
    const workflows = [everything, events, givingUp, large];
    const file = join(folder(), "baton.db");
    const before = await opened(file, { workflows });
    await work(before.baton, 1, 5);
    await before.baton.close();
    const collector = await collecting();
    const { baton, log } = await opened(file, { workflows, tracing: tracingTo(collector) });
    await (await baton.start(large, "x")).outcome();
    await work(baton, 5, 7);
    await baton.close();
    expect(log).toEqual([]);
    const cut = collector.spans.find(({ name }) => name === "invoke_agent measuring");
    expect(cut?.attributes["gen_ai.input.messages"]).toContain("xxx... (8967234 more characters)");
    const others = await collecting();
    const reading = await opened(file, { workflows, tracing: tracingTo(others), readOnly: true });
    await reading.baton.exportTraces();
    expect(sorted(collector.spans)).toEqual(sorted(others.spans));
    expectNoSecrets(collector);
  });

  test("are whole after the thread has died, which is told", async () => {
    const place = folder();
    const [file, poison] = [join(place, "baton.db"), join(place, "poison")];
    writeFileSync(poison, "");
    const collector = await collecting();
    const tracing = dyingTracing({ url: `${collector.url}/v1/traces`, poison });
    const { baton, log } = await opened(file, { tracing });
    await work(baton, 1, 4);
    await vi.waitFor(() => expect(collector.spans).not.toEqual([]), { timeout: 15_000 });
    await work(baton, 4, 6);
    await baton.close();
    expect(log.map(({ level, message }) => [level, message])).toEqual([
      ["error", expect.stringMatching(/has died, and is started again: It ended with 7\./)],
    ]);
    expect(sorted(collector.spans)).toEqual(sorted((await madeHere(file)).spans));
  });

  test("wait for a collector that is down, with a line in the log, and lose nothing", async () => {
    const file = join(folder(), "baton.db");
    const collector = await collecting();
    collector.answers.push(503);
    const { baton, log } = await opened(file, { tracing: tracingTo(collector) });
    await work(baton, 1, 3);
    await vi.waitFor(() => expect(collector.spans).not.toEqual([]), { timeout: 15_000 });
    await baton.close();
    expect(log.map(({ level, message }) => [level, message])).toEqual([
      ["warn", expect.stringMatching(/not taken/)],
      ["info", "Traces are taken again."],
    ]);
    expect(sorted(collector.spans)).toEqual(sorted((await madeHere(file)).spans));
  });

  test("are made here where no thread can be started, and that is told", async () => {
    const file = join(folder(), "baton.db");
    const collector = await collecting();
    const tracing = {
      ...tracingTo(collector),
      inThread: { module: "file:///none.js", options: {} },
    };
    const { baton, log } = await opened(file, { tracing });
    await work(baton, 1, 3);
    await baton.close();
    expect(log.map(({ level, message }) => [level, message])).toEqual([
      ["error", expect.stringMatching(/^Traces are made in the thread that executes/)],
    ]);
    expect(sorted(collector.spans)).toEqual(sorted((await madeHere(file)).spans));
  });
});

test("metrics are counted there, and say how the engine stands here", async () => {
  const collector = await collecting();
  const tracing = otel({ url: `${collector.url}/v1/traces`, metrics: true });
  const { baton, log } = await opened(join(folder(), "baton.db"), { tracing });
  await work(baton, 0, 2);
  await baton.close();
  const points = collector.metrics.flat();
  const runs = points.filter(({ name }) => name === "baton.runs");
  expect(runs.map(({ value }) => value).reduce((sum, value) => sum + value)).toBe(
    collector.spans.filter(({ name }) => name.startsWith("invoke_workflow")).length,
  );
  expect(points.find(({ name }) => name === "baton.runs.executing")).toBeDefined();
  expect(points.find(({ name }) => name === "baton.projection.lag")).toBeDefined();
  expect(log).toEqual([]);
});
