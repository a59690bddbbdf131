/** Logs over real HTTP, decoded by the fields of opentelemetry-proto. */
import { workflow } from "baton";
import { otel, otelLog, type OtelLogOptions } from "baton/otel";
import { describe, expect, onTestFinished, test } from "vitest";
import { agentOf, anything, opened } from "../support/opened.ts";
import { type Collector, otlpCollector } from "../support/otlp-collector.ts";

async function collecting(): Promise<Collector> {
  const collector = await otlpCollector();
  onTestFinished(() => collector.close());
  return collector;
}

async function logging({ url }: Pick<Collector, "url">, more: OtelLogOptions = {}) {
  const told: string[] = [];
  const log = await otelLog({
    url: `${url}/v1/logs`,
    trouble: (message) => told.push(message),
    ...more,
  });
  return { log, told };
}

const telling = agentOf(
  "telling",
  (n: number, { attempt, log }) => {
    log.debug("looking", { card: "1 of 3" });
    log.warn("found little", { found: n, attempt: 99 });
    if (attempt === 1) throw new Error("not enough");
    return n;
  },
  { attempts: 2 },
);
const flow = workflow("flow", "1.0.0", { input: anything })
  .step("tell", telling, { input: () => 1 })
  .output(({ tell }) => tell);

describe("logs", () => {
  test("of an agent stand beside the span of the attempt that has written them", async () => {
    const collector = await collecting();
    const { log } = await logging(collector, {
      headers: { authorization: "me" },
      resource: { "service.name": "letters" },
      compression: "gzip",
    });
    const tracing = otel({ url: `${collector.url}/v1/traces` });
    const { baton, clock } = await opened({ workflows: [flow], log, tracing });
    const run = await clock.until(baton.start(flow, 1, { id: "r1" }));
    await clock.until(run.outcome());
    await clock.until(baton.close());
    await log.close();
    const attempts = collector.spans.filter(({ name }) => name === "invoke_agent telling");
    const lines = collector.logs.map(({ traceId, spanId, body, severityText }) => [
      traceId,
      spanId,
      severityText,
      body,
    ]);
    expect(attempts).toHaveLength(2);
    expect(lines).toEqual(
      attempts.flatMap(({ traceId, spanId }) => [
        [traceId, spanId, "DEBUG", "looking"],
        [traceId, spanId, "WARN", "found little"],
      ]),
    );
    expect(collector.logs[1]).toMatchObject({
      severity: 13,
      atMs: attempts[0]?.endMs,
      resource: { "service.name": "letters" },
      attributes: {
        found: 1,
        attempt: 99,
        "baton.run": "r1",
        "baton.path": "tell",
        "baton.turn": 0,
        "baton.attempt": 1,
        "gen_ai.agent.name": "telling",
        "gen_ai.agent.version": "1.0.0",
      },
    });
    const asked = collector.requests.filter(({ path }) => path === "/v1/logs");
    expect(asked.map(({ headers }) => [headers.authorization, headers["content-type"]])).toEqual([
      ["me", "application/x-protobuf"],
    ]);
  });

  test("go to an address with a user and a password as these", async () => {
    const collector = await collecting();
    const { log } = await logging({ url: collector.url.replace("//", "//ada:secret@") });
    log({ level: "info", message: "a", at: 1 });
    await log.close();
    const asked = collector.requests.map(({ headers }) => headers.authorization);
    expect(asked).toEqual([`Basic ${btoa("ada:secret")}`]);
  });

  test("below a level are not sent", async () => {
    const collector = await collecting();
    const { log } = await logging(collector, { level: "warn" });
    for (const level of ["debug", "info", "warn", "error"] as const)
      log({ level, message: level, at: 1 });
    await log.flush();
    expect(collector.logs.map(({ body }) => body)).toEqual(["warn", "error"]);
    await log.close();
  });

  test("wait for a collector that is down, as many as there is room for; the run does not", async () => {
    const collector = await collecting();
    const { log, told } = await logging(collector, { linesMax: 3 });
    const { baton, clock } = await opened({ workflows: [flow], log });
    collector.answers.push(503);
    const run = await clock.until(baton.start(flow, 1));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "completed" });
    await clock.until(baton.close());
    await log.flush();
    expect(collector.logs).toEqual([]);
    expect(told).toEqual([
      "Log lines are lost: 3 wait for the collector.",
      expect.stringMatching(/^Log lines are not taken: /),
    ]);
    expect(log.lost()).toBe(1);
    await log.close();
    expect(collector.logs.map(({ body }) => body)).toEqual([
      "Log lines were lost (1): the collector did not take them in time.",
      "looking",
      "found little",
      "looking",
    ]);
  });

  test("that nobody takes are told of when the log is closed, which throws nothing", async () => {
    const collector = await collecting();
    const { log, told } = await logging(collector);
    collector.answers.push(503, 503);
    log({ level: "error", message: "lost", at: 1 });
    await log.close();
    log({ level: "error", message: "after the end", at: 2 });
    expect(log.lost()).toBe(2);
    expect(told).toEqual([
      expect.stringMatching(/^Log lines are not taken/),
      "Log lines were lost (1): the collector did not take them.",
    ]);
  });

  test("that a collector refuses keep no others", async () => {
    const collector = await collecting();
    collector.poison.add("bad");
    const { log, told } = await logging(collector);
    for (const message of ["a", "bad", "b"]) log({ level: "info", message, at: 1 });
    await log.close();
    expect(collector.logs.map(({ body }) => body)).toEqual([
      "a",
      "b",
      "Log lines were lost (1): the collector did not take them in time.",
    ]);
    expect(told).toEqual([expect.stringMatching(/^The collector refuses log lines \(1\): 400/)]);
  });
});
