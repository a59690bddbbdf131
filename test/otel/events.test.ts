/** Events, refusals, gates and metrics in traces. */
import { agent, choreography, contract, on, topic, workflow } from "baton";
import { otel } from "baton/otel";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { InMemorySpanExporter } from "@opentelemetry/sdk-trace";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { cloudEvent } from "baton/cloud-events";
import { agentOf, anything, opened } from "../support/opened.ts";

const Order = contract("order", "1.0.0", z.object({ id: z.string(), card: z.string() }), {
  sensitive: ["/card"],
});
const Ordered = topic("ordered", Order);
const Packed = topic("packed", Order);
const packing = agent({
  name: "packing",
  version: "1.0.0",
  input: Order,
  output: Order,
  execute: (order) => order,
});
const pack = choreography("pack", "1.0.0", {
  starts: Ordered,
  ends: Packed,
  deadline: "10m",
  subscriptions: { pack: on(Ordered, packing, { publishes: Packed }) },
});

/** Keeps what it is given past its end. */
function keeping() {
  const exporter = new InMemorySpanExporter();
  return { exporter, tracing: otel({ exporter }) };
}

describe("traces of events", () => {
  test("have one trace from the event outside to the last delivery, and its CloudEvent names its span", async () => {
    const { exporter, tracing } = keeping();
    const { baton, clock } = await opened({ workflows: [pack], tracing });
    await clock.until(baton.publish(Ordered, { id: "a", card: "4111" }, { id: "e1" }));
    await clock.settle();
    await clock.advance(1_000);
    const events = [];
    for (const name of ["ordered", "packed"])
      for await (const event of baton.events(name)) events.push(cloudEvent(event).traceparent);
    await clock.until(baton.close());
    const spans = exporter.getFinishedSpans();
    const byName = new Map(spans.map((span) => [span.name, span]));
    const idOf = (name: string) => byName.get(name)?.spanContext().spanId;
    const parentOf = (name: string) => byName.get(name)?.parentSpanContext?.spanId;
    expect([...byName.keys()].sort()).toEqual([
      "deliver pack",
      "invoke_agent packing",
      "invoke_workflow pack",
      "publish ordered",
      "publish packed",
      "receive ordered",
    ]);
    expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(1);
    expect(parentOf("publish ordered")).toBeUndefined();
    expect(parentOf("invoke_workflow pack")).toBe(idOf("publish ordered"));
    expect(parentOf("deliver pack")).toBe(idOf("invoke_workflow pack"));
    expect(parentOf("invoke_agent packing")).toBe(idOf("deliver pack"));
    expect(parentOf("publish packed")).toBe(idOf("deliver pack"));
    for (const name of ["receive ordered", "deliver pack"])
      expect(byName.get(name)?.links.map(({ context }) => context.spanId)).toEqual([
        idOf("publish ordered"),
      ]);
    const published = ["publish ordered", "publish packed"].map((name) => byName.get(name));
    expect(events).toEqual(
      published.map((span) => `00-${span?.spanContext().traceId}-${span?.spanContext().spanId}-01`),
    );
    expect(published[0]?.attributes).toMatchObject({
      "baton.data": '{"card":"[sensitive]","id":"a"}',
      "messaging.destination.name": "ordered",
    });
  });
});

describe("traces of what goes wrong", () => {
  const Small = contract("small", "1.0.0", z.number().max(5));
  const wide = agentOf("wide", (_: unknown, { turn }) => (turn === 0 ? 9 : 4));
  const narrow = agent({
    name: "narrow",
    version: "1.0.0",
    input: Small,
    output: Small,
    execute: (n) => n,
  });
  const flow = workflow("flow", "1.0.0", { input: anything })
    .step("wide", wide, { input: () => 1 })
    .step("narrow", narrow, {
      needs: ["wide"],
      input: (view) => view.wide as number,
      onRefused: { sendBack: "wide", turns: 2 },
    })
    .output((view) => view.narrow);

  test("have the refused handoff with its violations, and both turns; metrics count them", async () => {
    const { exporter } = keeping();
    const kept = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({
      exporter: kept,
      exportIntervalMillis: 3_600_000,
    });
    const meterProvider = new MeterProvider({ readers: [reader] });
    const { baton, clock } = await opened({
      workflows: [flow],
      tracing: otel({ exporter, meterProvider }),
    });
    const run = await clock.until(baton.start(flow, 1));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "completed", output: 4 });
    await clock.until(baton.close());
    const spans = exporter.getFinishedSpans();
    const refused = spans.find(({ name }) => name === "handoff narrow");
    expect(refused?.attributes).toMatchObject({ "baton.then": "sendBack", "baton.to": "wide" });
    expect(refused?.events.map(({ name }) => name)).toEqual(["violation"]);
    expect(refused?.status.code).toBe(2);
    const turns = spans.filter(({ name }) => name === "step wide");
    expect(turns.map(({ attributes }) => attributes["baton.turn"])).toEqual([0, 1]);
    await reader.forceFlush();
    const counted = kept
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap(({ metrics }) => metrics)
      .map(({ descriptor, dataPoints }) => [
        descriptor.name,
        dataPoints.map(({ value }) => (typeof value === "number" ? value : value.count)),
      ]);
    expect(Object.fromEntries(counted)).toMatchObject({
      "baton.runs": [1],
      "baton.refusals": [1],
      "baton.attempt.duration": [2, 1],
      "baton.step.duration": [2, 1],
    });
    await meterProvider.shutdown();
  });

  test("have one span for an attempt of unknown outcome that a probe finds done", async () => {
    const { exporter, tracing } = keeping();
    const paying = agent({
      name: "paying",
      version: "1.0.0",
      input: anything,
      output: anything,
      sideEffects: true,
      delivery: "at-most-once",
      execute: () => {
        throw new Error("the line went dead");
      },
      probe: () => ({ kind: "done", output: "paid" }),
    });
    const pay = workflow("pay", "1.0.0", { input: anything })
      .step("pay", paying, { input: () => 1 })
      .output((view) => view.pay);
    const { baton, clock } = await opened({ workflows: [pay], tracing });
    const run = await clock.until(baton.start(pay, 1));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "completed", output: "paid" });
    await clock.until(baton.close());
    const spans = exporter.getFinishedSpans();
    const attempts = spans.filter(({ name }) => name === "invoke_agent paying");
    expect(attempts.map(({ attributes }) => attributes["baton.outcome"])).toEqual(["unknown"]);
    const step = spans.find(({ name }) => name === "step pay");
    expect(step?.attributes["baton.outcome"]).toBe("sealed");
    expect(step?.events.map(({ name }) => name)).toContain("attempt.probed");
  });
});
