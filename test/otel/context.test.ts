/** What crosses into other programs, and what comes from them, by W3C Trace Context. */
import { agent, choreography, contract, on, topic, workflow } from "baton";
import { otel } from "baton/otel";
import { InMemorySpanExporter } from "@opentelemetry/sdk-trace";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { memoryBus, virtualClock } from "baton/testing";
import { agentOf, anything, entriesOf, opened } from "../support/opened.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

function keeping() {
  const exporter = new InMemorySpanExporter();
  const spans = () => exporter.getFinishedSpans();
  return {
    tracing: otel({ exporter }),
    links: (name: string) => spans().find((span) => span.name === name)?.links,
    /** What a call in one of the spans of this name says to others. */
    parents: (name: string) =>
      spans()
        .filter((span) => span.name === name)
        .map((span) => `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`),
  };
}

describe("the context of a call", () => {
  test("names the span of each attempt to compensate, and so does each line that it logs", async () => {
    const { tracing, parents } = keeping();
    const told: string[] = [];
    const booking = agent({
      name: "booking",
      version: "1.0.0",
      input: anything,
      output: anything,
      execute: () => 1,
      compensation: { retry: { attempts: 2 } },
      compensate: (_input, _output, { traceparent, attempt, log }) => {
        told.push(traceparent);
        log.info("undoing");
        if (attempt === 1) throw new Error("busy");
      },
    });
    const failing = agentOf("failing", () => {
      throw new Error("no");
    });
    const trip = workflow("trip", "1.0.0", { input: anything })
      .step("book", booking, { input: () => 1 })
      .step("pay", failing, { needs: ["book"], input: () => 1 })
      .output(() => 1);
    const { baton, clock, log } = await opened({ workflows: [trip], tracing });
    const run = await clock.until(baton.start(trip, 1));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
    await clock.until(baton.close());
    expect(told).toHaveLength(2);
    expect(told).toEqual(parents("compensate booking"));
    const lines = log.filter(({ message }) => message === "undoing");
    expect(lines.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`)).toEqual(told);
    expect(lines).toMatchObject([
      { path: "book", turn: 0, attempt: 1 },
      { path: "book", turn: 0, attempt: 2 },
    ]);
  });

  test("of a probe names the span of the attempt that it asks about", async () => {
    const { tracing, parents } = keeping();
    const told: string[] = [];
    const paying = agent({
      name: "paying",
      version: "1.0.0",
      input: anything,
      output: anything,
      delivery: "at-most-once",
      execute: (_, { traceparent, log }) => {
        told.push(traceparent);
        log.warn("about to pay");
        throw new Error("the line went dead");
      },
      probe: (_, { traceparent, log }) => {
        told.push(traceparent);
        log.warn("asking");
        return { kind: "done", output: "paid" };
      },
    });
    const pay = workflow("pay", "1.0.0", { input: anything })
      .step("pay", paying, { input: () => 1 })
      .output((view) => view.pay);
    const { baton, clock, log } = await opened({ workflows: [pay], tracing });
    const run = await clock.until(baton.start(pay, 1));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "completed" });
    await clock.until(baton.close());
    const [attempt] = parents("invoke_agent paying");
    expect(told).toEqual([attempt, attempt]);
    expect(log.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`)).toEqual(told);
  });
});

describe("the span of whoever starts a run", () => {
  const short = workflow("short", "1.0.0", { input: anything })
    .step(
      "a",
      agentOf("echo", (n: number) => n),
      { input: () => 1 },
    )
    .output(({ a }) => a);
  const header = `00-${TRACE}-${SPAN}-00`;

  test("is recorded, and linked from the run's, which keeps its own trace; who joins changes nothing", async () => {
    const { tracing, links, parents } = keeping();
    const { baton, clock } = await opened({ workflows: [short], tracing });
    const run = await clock.until(baton.start(short, 1, { id: "r1", traceparent: header }));
    await clock.until(run.outcome());
    const other = `00-${"1".repeat(32)}-${SPAN}-01`;
    await clock.until(baton.start(short, 1, { id: "r1", traceparent: other }));
    const [started] = await entriesOf(baton, "r1");
    expect(started?.payload).toMatchObject({ traceparent: header });
    expect(await clock.until(baton.replay("r1"))).toMatchObject({ same: true });
    expect(await clock.until(baton.verify())).toMatchObject({ problems: [] });
    await clock.until(baton.close());
    expect(links("invoke_workflow short")).toMatchObject([
      { context: { traceId: TRACE, spanId: SPAN }, attributes: { "baton.link": "caller" } },
    ]);
    expect(parents("invoke_workflow short")[0]).toContain(started?.traceId);
    expect(started?.traceId).not.toBe(TRACE);
  });

  test("is passed over where it is not valid: a run does not fail of it", async () => {
    const { tracing, links } = keeping();
    const { baton, clock } = await opened({ workflows: [short], tracing });
    const run = await clock.until(baton.start(short, 1, { id: "r1", traceparent: "00-zz" }));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "completed" });
    expect((await entriesOf(baton, "r1"))[0]?.payload).not.toHaveProperty("traceparent");
    await clock.until(baton.close());
    expect(links("invoke_workflow short")).toEqual([]);
  });
});

describe("events of other programs", () => {
  const Order = contract("order", "1.0.0", z.object({ id: z.string() }));
  const Ordered = topic("ordered", Order);
  const pack = choreography("pack", "1.0.0", {
    starts: Ordered,
    deadline: "10m",
    subscriptions: {
      pack: on(
        Ordered,
        agentOf("packing", () => 1),
      ),
    },
  });

  test("are linked to the span in which they were published", async () => {
    const { tracing, links } = keeping();
    const [bus, clock] = [memoryBus({ from: "beginning" }), virtualClock()];
    bus.send({
      topic: "ordered",
      attributes: {
        specversion: "1.0",
        id: "e1",
        source: "//web/shop",
        type: "ordered",
        traceparent: `00-${TRACE}-${SPAN}-01`,
      },
      data: '{"id":"o1"}',
    });
    const { baton } = await opened({ workflows: [pack], tracing, bus, group: "one" }, clock);
    await clock.settle();
    await clock.advance(1_000);
    await clock.until(baton.close());
    expect(links("publish ordered")).toMatchObject([
      { context: { traceId: TRACE, spanId: SPAN }, attributes: { "baton.link": "event" } },
    ]);
  });
});
