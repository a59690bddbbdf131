/** Metrics over real HTTP, decoded by the fields of opentelemetry-proto. */
import { agent, choreography, contract, memory, on, topic, workflow } from "baton";
import { otel } from "baton/otel";
import { virtualClock } from "baton/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { agentOf, anything, gate, opened } from "../support/opened.ts";
import { type CollectedPoint, type Collector, otlpCollector } from "../support/otlp-collector.ts";

async function collecting(): Promise<Collector> {
  const collector = await otlpCollector();
  onTestFinished(() => collector.close());
  return collector;
}

/** Sent when Baton is closed, and not before. */
const LATE = "24h";

function toBoth({ url }: Collector) {
  return otel({
    url: `${url}/v1/traces`,
    metrics: { url: `${url}/v1/metrics`, every: LATE },
  });
}

/** The points of a metric in the request that came last. */
function points({ metrics }: Collector, name: string): readonly CollectedPoint[] {
  return (metrics.at(-1) ?? []).filter((point) => point.name === name);
}

function counted(collector: Collector, name: string) {
  return points(collector, name).map(({ attributes, value }) => [attributes, value]);
}

const asking = agent({
  name: "asking",
  version: "2.0.0",
  input: anything,
  output: anything,
  retry: { attempts: 2 },
  execute: (_, { attempt, usage }) => {
    usage({ model: "m-1", inputTokens: 100, outputTokens: 20 });
    if (attempt === 1) throw Object.assign(new Error("busy"), { code: "BUSY" });
    return 1;
  },
  compensate: () => {},
});
const failing = agentOf("failing", () => {
  throw new Error("no");
});
const flow = workflow("flow", "1.0.0", { input: anything })
  .step("ask", asking, { input: () => 1 })
  .output(({ ask }) => ask);
const doomed = workflow("doomed", "1.0.0", { input: anything })
  .step("ask", asking, { input: () => 1 })
  .step("fail", failing, { needs: ["ask"], input: () => 1 })
  .output(() => 1);

describe("metrics", () => {
  test("count runs, attempts, retries, what was undone, and what models used, by the names of the conventions", async () => {
    const collector = await collecting();
    const tracing = toBoth(collector);
    const { baton, clock } = await opened({ workflows: [flow, doomed], tracing });
    for (const each of [flow, flow, doomed]) {
      const run = await clock.until(baton.start(each, 1));
      await clock.until(run.outcome());
    }
    await clock.until(baton.close());
    const name = "gen_ai.workflow.name";
    expect(counted(collector, "baton.runs")).toEqual([
      [{ [name]: "flow", "baton.outcome": "completed" }, 2],
      [{ [name]: "doomed", "baton.outcome": "compensated", "error.type": "Error" }, 1],
    ]);
    const of = { "gen_ai.agent.name": "asking" };
    const busy = { ...of, "baton.outcome": "failed", "error.type": "BUSY" };
    expect(counted(collector, "baton.attempts")).toEqual([
      [{ ...busy, "baton.retry": false }, 3],
      [{ ...of, "baton.outcome": "sealed", "baton.retry": true }, 3],
      [
        {
          "gen_ai.agent.name": "failing",
          "baton.outcome": "failed",
          "error.type": "Error",
          "baton.retry": false,
        },
        1,
      ],
    ]);
    expect(counted(collector, "baton.compensations")).toEqual([
      [{ ...of, "baton.outcome": "sealed" }, 1],
    ]);
    expect(counted(collector, "gen_ai.client.operation.duration")).toEqual([
      [
        {
          ...of,
          "gen_ai.operation.name": "invoke_agent",
          "gen_ai.request.model": "m-1",
          "error.type": "BUSY",
        },
        3,
      ],
      [{ ...of, "gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "m-1" }, 3],
    ]);
    const [input, output] = points(collector, "gen_ai.client.token.usage");
    expect([input, output]).toMatchObject([
      { unit: "{token}", value: 6, sum: 600, attributes: { "gen_ai.token.type": "input" } },
      { unit: "{token}", value: 6, sum: 120, attributes: { "gen_ai.token.type": "output" } },
    ]);
    expect(input?.bounds?.slice(0, 5)).toEqual([1, 4, 16, 64, 256]);
    expect(points(collector, "baton.attempt.duration")[0]).toMatchObject({ unit: "s" });
    expect(points(collector, "baton.runs")[0]).toMatchObject({ kind: "counter", unit: "{run}" });
  });

  test("say what executes and waits, how breakers stand, and how far tracing is behind", async () => {
    const collector = await collecting();
    const hold = gate();
    const slow = agent({
      name: "slow",
      version: "1.0.0",
      input: anything,
      output: anything,
      concurrency: 1,
      breaker: { failures: 1, cooldown: "30s" },
      execute: () => hold.promise,
    });
    const wait = workflow("wait", "1.0.0", { input: anything })
      .step("slow", slow, { input: () => 1 })
      .output(() => 1);
    const { baton, clock } = await opened({ workflows: [wait], tracing: toBoth(collector) });
    await clock.until(baton.start(wait, 1));
    await clock.until(baton.start(wait, 1));
    await clock.advance(10_000);
    hold.open();
    await clock.until(baton.close());
    expect(counted(collector, "baton.runs.executing")).toEqual([[{}, 2]]);
    expect(counted(collector, "baton.runs.queued")).toEqual([[{}, 0]]);
    const of = { "gen_ai.agent.name": "slow", "gen_ai.agent.version": "1.0.0" };
    expect(counted(collector, "baton.agent.executing")).toEqual([[of, 1]]);
    expect(counted(collector, "baton.agent.waiting")).toEqual([[of, 1]]);
    const states = points(collector, "baton.breaker.state");
    expect(
      states.map(({ attributes, value }) => [attributes["baton.breaker.state"], value]),
    ).toEqual([
      ["closed", 1],
      ["open", 0],
      ["halfOpen", 0],
    ]);
    const [lag] = points(collector, "baton.projection.lag");
    expect(lag).toMatchObject({
      unit: "s",
      kind: "gauge",
      attributes: { "baton.projection": "otel" },
    });
    expect(lag?.value).toBeLessThan(1);
  });

  test("say that tracing is behind while the collector takes no traces", async () => {
    const collector = await collecting();
    const { baton, clock } = await opened({ workflows: [flow], tracing: toBoth(collector) });
    collector.answers.push(...Array<number>(10).fill(503));
    const run = await clock.until(baton.start(flow, 1));
    await clock.until(run.outcome());
    for (let i = 0; i < 5; i += 1) await clock.advance(10_000);
    collector.answers.length = 0;
    await clock.until(baton.close());
    expect(points(collector, "baton.projection.lag")[0]?.value).toBeGreaterThan(30);
  });

  test("count events, deliveries and refusals, however many there are, in as many series", async () => {
    const collector = await collecting();
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
    const { baton, clock } = await opened({ workflows: [pack], tracing: toBoth(collector) });
    for (const id of ["a", "b", "c"]) await clock.until(baton.publish(Ordered, { id }, { id }));
    // Past the deadlines of the runs: no timer is left then that time could move on to while the collector is asked.
    await clock.advance(900_000);
    await clock.until(baton.close());
    const topicOf = { "messaging.destination.name": "ordered" };
    expect(counted(collector, "baton.events")).toEqual([
      [{ ...topicOf, "messaging.operation.type": "send" }, 3],
      [{ ...topicOf, "messaging.operation.type": "receive" }, 3],
    ]);
    expect(counted(collector, "baton.deliveries")).toEqual([
      [{ "baton.subscription": "pack", "baton.outcome": "sealed" }, 3],
    ]);
    expect(counted(collector, "baton.subscription.lag")).toEqual([
      [{ "baton.subscription": "pack" }, 0],
    ]);
    const all = collector.metrics.flat().flatMap(({ attributes }) => Object.keys(attributes));
    expect(all.filter((key) => /run$|correlation|event$|attempt$|turn$/.test(key))).toEqual([]);
  });

  test("of a collector that is down are told of once, sent with the next, and keep nothing waiting", async () => {
    const collector = await collecting();
    const [clock, store] = [virtualClock(), memory()];
    const tracing = otel({
      exporter: { export: (_, done) => done({ code: 0 }), shutdown: () => Promise.resolve() },
      metrics: { url: `${collector.url}/v1/metrics`, every: "20ms" },
    });
    collector.answers.push(503, 503, 503);
    const { baton, log } = await opened({ workflows: [flow], tracing, clock, store });
    const run = await clock.until(baton.start(flow, 1));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "completed" });
    await expect.poll(() => log.length, { timeout: 10_000 }).toBe(2);
    await clock.until(baton.close());
    expect(counted(collector, "baton.runs")).toMatchObject([[{}, 1]]);
    expect(log.map(({ level, message }) => [level, message])).toEqual([
      ["warn", expect.stringMatching(/^Metrics are not taken/)],
      ["info", "Metrics are taken again."],
    ]);
  });

  test("that a provider can't count keep no trace from being sent, and are told of once", async () => {
    const collector = await collecting();
    const meterProvider = {
      getMeter: () => {
        throw new Error("no meters");
      },
    };
    const tracing = otel({ url: `${collector.url}/v1/traces`, meterProvider });
    const { baton, clock, log } = await opened({ workflows: [flow], tracing });
    for (const id of ["r1", "r2"]) {
      const run = await clock.until(baton.start(flow, 1, { id }));
      await clock.until(run.outcome());
      await clock.advance(10_000);
    }
    await clock.until(baton.close());
    expect(collector.spans).toHaveLength(8);
    expect(log.map(({ message }) => message)).toEqual([
      "Metrics can't be counted: Error: no meters",
    ]);
  });

  test("are not counted of history that is sent again by hand", async () => {
    const collector = await collecting();
    const { baton, clock } = await opened({ workflows: [flow], tracing: toBoth(collector) });
    const run = await clock.until(baton.start(flow, 1));
    await clock.until(run.outcome());
    await clock.until(baton.exportTraces());
    expect(collector.metrics).toEqual([]);
    await clock.until(baton.close());
    expect(counted(collector, "baton.runs")).toMatchObject([[{}, 1]]);
  });

  test("go beside the traces where that is all that is said", async () => {
    const collector = await collecting();
    const url = `${collector.url}/v1/traces`;
    const tracing = otel({ url, headers: { authorization: "me" }, metrics: true });
    const { baton, clock } = await opened({ workflows: [flow], tracing });
    const run = await clock.until(baton.start(flow, 1));
    await clock.until(run.outcome());
    await clock.until(baton.close());
    const asked = collector.requests.map(({ path, headers }) => [path, headers.authorization]);
    expect(asked).toContainEqual(["/v1/metrics", "me"]);
    expect(counted(collector, "baton.runs")).toMatchObject([[{}, 1]]);
  });
});
