import { agent, type Baton, contract, memory, type OpenOptions, workflow } from "baton";
import { otel } from "baton/otel";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { agentOf, anything, entriesOf, opened } from "../support/opened.ts";
import { type CollectedSpan, type Collector, otlpCollector } from "../support/otlp-collector.ts";
import { virtualClock } from "baton/testing";

const Person = contract(
  "person",
  "1.0.0",
  z.object({ name: z.string(), ssn: z.string(), notes: z.array(z.object({ secret: z.string() })) }),
  { sensitive: ["/ssn", "/notes/*/secret"] },
);
const Score = contract("score", "1.0.0", z.object({ score: z.number(), key: z.string() }), {
  sensitive: ["/key"],
});
const scoring = agent({
  name: "scoring",
  version: "2.0.0",
  input: Person,
  output: Score,
  execute: (_, { usage }) => {
    usage({ model: "m-1", inputTokens: 10, outputTokens: 5 });
    usage({ model: "m-1", inputTokens: 1, outputTokens: 2 });
    return { score: 7, key: "very-secret-key" };
  },
});
const flaky = agentOf(
  "flaky",
  (n: number, { attempt }) => {
    if (attempt < 3) throw new Error(`no ${attempt}`);
    return n;
  },
  { attempts: 3 },
);
const flow = workflow("flow", "1.0.0", { input: Person })
  .step("score", scoring, { input: ({ input }) => input })
  .step("check", flaky, { needs: ["score"], input: ({ score }) => score.score })
  .output(({ check }) => check);
const ADA_DATA = {
  name: "Ada",
  ssn: "078-05-1120",
  notes: [{ secret: "likes-cats" }, { secret: "likes-dogs" }],
};

async function collecting(): Promise<Collector> {
  const collector = await otlpCollector();
  onTestFinished(() => collector.close());
  return collector;
}

async function traced(collector: Collector, more: Partial<OpenOptions> = {}) {
  const tracing = otel({ url: `${collector.url}/v1/traces`, compression: "gzip" });
  return await opened({ workflows: [flow], tracing, ...more });
}

function named(spans: readonly CollectedSpan[], name: string): CollectedSpan {
  const found = spans.find((span) => span.name === name);
  expect(found, name).toBeDefined();
  return found as CollectedSpan;
}

describe("traces", () => {
  test("have the run, its steps and every attempt, with parents, times, models and tokens", async () => {
    const collector = await collecting();
    const { baton, clock } = await traced(collector);
    const run = await clock.until(baton.start(flow, ADA_DATA, { id: "r1" }));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "completed", output: 7 });
    const entries = await entriesOf(baton, "r1");
    await clock.until(baton.close());
    const { spans } = collector;
    expect(spans.map(({ name }) => name).sort()).toEqual([
      "invoke_agent flaky",
      "invoke_agent flaky",
      "invoke_agent flaky",
      "invoke_agent scoring",
      "invoke_workflow flow",
      "step check",
      "step score",
    ]);
    const root = named(spans, "invoke_workflow flow");
    const [score, check] = [named(spans, "step score"), named(spans, "step check")];
    const scored = named(spans, "invoke_agent scoring");
    const tries = spans.filter(({ name }) => name === "invoke_agent flaky");
    expect(root.parentId).toBe("");
    expect([score.parentId, check.parentId]).toEqual([root.spanId, root.spanId]);
    expect(scored.parentId).toBe(score.spanId);
    expect(tries.map(({ parentId }) => parentId)).toEqual(tries.map(() => check.spanId));
    expect(tries.map(({ status }) => status)).toEqual([2, 2, 1]);
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([entries[0]?.traceId]));
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
    expect(scored.attributes).toMatchObject({
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": "scoring",
      "gen_ai.agent.version": "2.0.0",
      "gen_ai.request.model": "m-1",
      "gen_ai.usage.input_tokens": 11,
      "gen_ai.usage.output_tokens": 7,
    });
    expect(root.attributes).toMatchObject({
      "gen_ai.workflow.name": "flow",
      "gen_ai.conversation.id": "r1",
      "baton.outcome": "completed",
    });
    // Two pauses lie in the step: 100 and 200 ms.
    expect(check.endMs - check.startMs).toBe(300);
    expect(check.startMs).toBe(entries[1]?.at);
    expect([root.startMs, root.endMs]).toEqual([entries[0]?.at, entries.at(-1)?.at]);
  });

  test("never have what is sensitive", async () => {
    const collector = await collecting();
    const { baton, clock } = await traced(collector);
    const run = await clock.until(baton.start(flow, ADA_DATA));
    await clock.until(run.outcome());
    await clock.until(baton.close());
    const scored = named(collector.spans, "invoke_agent scoring").attributes;
    expect(String(scored["gen_ai.input.messages"])).toContain("[sensitive]");
    expect(String(scored["gen_ai.input.messages"])).toContain("Ada");
    expect(String(scored["gen_ai.output.messages"])).toContain('\\"score\\":7');
    const all = collector.bodies.join("");
    for (const secret of ["078-05-1120", "likes-cats", "likes-dogs", "very-secret-key"])
      expect(all).not.toContain(secret);
  });

  test("have no inputs and outputs where they are not wanted, and cut ones where they are long", async () => {
    const collector = await collecting();
    const long = workflow("long", "1.0.0", { input: anything })
      .step(
        "a",
        agentOf("echo", (text: string) => text),
        { input: ({ input }) => input as string },
      )
      .output(({ a }) => a);
    for (const more of [{ content: false, name: "none" }, { contentCharactersMax: 10 }]) {
      const tracing = otel({ url: `${collector.url}/v1/traces`, ...more });
      const { baton, clock } = await opened({ workflows: [long], tracing });
      const run = await clock.until(baton.start(long, "x".repeat(100)));
      await clock.until(run.outcome());
      await clock.until(baton.close());
    }
    const [none, cut] = collector.spans.filter(({ name }) => name === "invoke_agent echo");
    expect(none?.attributes).not.toHaveProperty("gen_ai.input.messages");
    expect(cut?.attributes["gen_ai.input.messages"]).toContain("xxxxxxxxx... (92 more characters)");
  });

  test("wait for a collector that answers 503, with one line in the log, and lose nothing", async () => {
    const collector = await collecting();
    collector.answers.push(503, 503);
    const { baton, clock, log } = await traced(collector);
    const run = await clock.until(baton.start(flow, ADA_DATA));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "completed" });
    for (let i = 0; i < 1_000 && collector.spans.length < 7; i += 1) {
      await clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(collector.spans).toHaveLength(7);
    const statuses = collector.requests.map(({ status }) => status);
    expect(statuses.slice(0, 3)).toEqual([503, 503, 200]);
    expect(log.map(({ level, message }) => [level, message])).toEqual([
      ["warn", expect.stringMatching(/not taken/)],
      ["info", "Traces are taken again."],
    ]);
  });

  test("of a collector that is down are sent by the next process, and what was taken is not sent again", async () => {
    const collector = await collecting();
    const clock = virtualClock();
    const shared = memory({ now: () => clock.now() });
    collector.answers.push(...Array<number>(20).fill(503));
    const first = await traced(collector, { store: shared, clock });
    const run = await clock.until(first.baton.start(flow, ADA_DATA, { id: "r1" }));
    await clock.until(run.outcome());
    await clock.until(first.baton.close());
    expect(collector.spans).toEqual([]);
    collector.answers.length = 0;
    const second = await traced(collector, { store: shared, clock });
    await clock.until(second.baton.close());
    expect(collector.spans).toHaveLength(7);
    const third = await traced(collector, { store: shared, clock });
    await clock.until(third.baton.close());
    expect(collector.spans).toHaveLength(7);
  });

  test("of an old journal begin now, where that is wanted, and lose nothing from then on", async () => {
    const collector = await collecting();
    const clock = virtualClock();
    const shared = memory({ now: () => clock.now() });
    const play = async (baton: Baton, id: string) => {
      const run = await clock.until(baton.start(flow, ADA_DATA, { id }));
      await clock.until(run.outcome());
      await clock.until(baton.close());
    };
    await play((await opened({ workflows: [flow], store: shared, clock })).baton, "r1");
    const tracing = otel({ url: `${collector.url}/v1/traces`, from: "now" });
    // Nothing is taken: where it began must not be forgotten.
    collector.answers.push(...Array<number>(20).fill(503));
    await play((await traced(collector, { store: shared, clock, tracing })).baton, "r2");
    expect(collector.spans).toEqual([]);
    collector.answers.length = 0;
    const third = await traced(collector, { store: shared, clock, tracing });
    expect(await clock.until(third.baton.verify())).toMatchObject({ problems: [] });
    await clock.until(third.baton.close());
    const runs = collector.spans.map(({ attributes }) => attributes["baton.run"]);
    expect(runs).toEqual(Array<string>(7).fill("r2"));
  });

  test("are sent again by hand with the same ids, whole, of one run, and since a time", async () => {
    const collector = await collecting();
    const { baton, clock } = await traced(collector);
    for (const id of ["r1", "r2"]) {
      const run = await clock.until(baton.start(flow, ADA_DATA, { id }));
      await clock.until(run.outcome());
    }
    expect(await clock.until(baton.exportTraces())).toMatchObject({ spans: 14 });
    const all = ids(collector);
    expect(await clock.until(baton.exportTraces({ run: "r2" }))).toMatchObject({ spans: 7 });
    const second = await entriesOf(baton, "r2");
    const since = second[0]?.at ?? 0;
    const part = await clock.until(baton.exportTraces({ since: since + 1 }));
    expect(part.spans).toBeLessThan(7);
    expect(part.spans).toBeGreaterThan(0);
    expect(await clock.until(baton.exportTraces({ after: part.position }))).toMatchObject({
      spans: 0,
    });
    await clock.until(baton.close());
    expect(ids(collector)).toEqual(all);
  });

  test("drop the one span that a collector can't read, and tell of it", async () => {
    const collector = await collecting();
    collector.poison.add("step check");
    const { baton, clock, log } = await traced(collector);
    const run = await clock.until(baton.start(flow, ADA_DATA));
    await clock.until(run.outcome());
    await clock.until(baton.close());
    expect(ids(collector)).toHaveLength(6);
    expect(log.filter(({ level }) => level === "error")).toMatchObject([
      { message: expect.stringContaining("is dropped") },
    ]);
  });

  test("of which the first can't be read wait for others, which show that it is not the collector", async () => {
    const collector = await collecting();
    collector.poison.add("invoke_agent late");
    const late = agentOf(
      "late",
      (n: number, { attempt }) => {
        if (attempt === 1) throw Object.assign(new Error("too early"), { retryAfterMs: 10_000 });
        return n;
      },
      { attempts: 2 },
    );
    const slow = workflow("slow", "1.0.0", { input: anything })
      .step("a", late, { input: () => 1 })
      .output(({ a }) => a);
    const tracing = otel({ url: `${collector.url}/v1/traces` });
    const { baton, clock, log } = await opened({ workflows: [slow], tracing });
    const run = await clock.until(baton.start(slow, 1));
    for (let i = 0; i < 1_000 && log.length < 4; i += 1) {
      await clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "completed" });
    await clock.until(baton.close());
    expect(collector.requests[0]).toMatchObject({ status: 400 });
    expect(collector.spans.map(({ name }) => name)).toEqual(["step a", "invoke_workflow slow"]);
    expect(log.map(({ level, message }) => [level, message])).toEqual([
      ["warn", expect.stringContaining("400 Bad Request. It takes nothing else either.")],
      ["error", expect.stringContaining('"invoke_agent late" is dropped')],
      ["error", expect.stringContaining('"invoke_agent late" is dropped')],
      ["info", "Traces are taken again."],
    ]);
  });

  test("go on in what an agent calls: the context names the span of the attempt", async () => {
    const collector = await collecting();
    const told: string[] = [];
    const telling = agentOf("telling", (n: number, { traceparent }) => {
      told.push(traceparent);
      return n;
    });
    const short = workflow("short", "1.0.0", { input: anything })
      .step("a", telling, { input: () => 1 })
      .output(({ a }) => a);
    const tracing = otel({ url: `${collector.url}/v1/traces` });
    const { baton, clock } = await opened({ workflows: [short], tracing });
    const run = await clock.until(baton.start(short, 1));
    await clock.until(run.outcome());
    await clock.until(baton.close());
    const { traceId, spanId } = named(collector.spans, "invoke_agent telling");
    expect(told).toEqual([`00-${traceId}-${spanId}-01`]);
  });

  test("a step begins with its first attempt, though that has recorded something on its way", async () => {
    const collector = await collecting();
    const clock = virtualClock();
    const passing = (ms: number) =>
      new Promise<void>((resolve) => {
        clock.after(ms, resolve);
      });
    const careful = agentOf("careful", async (n: number, { once }) => {
      await passing(1_000);
      await once("sent", () => n);
      await passing(500);
      return n;
    });
    const short = workflow("short", "1.0.0", { input: anything })
      .step("a", careful, { input: () => 1 })
      .output(({ a }) => a);
    const tracing = otel({ url: `${collector.url}/v1/traces` });
    const { baton } = await opened({ workflows: [short], tracing }, clock);
    const run = await clock.until(baton.start(short, 1));
    await clock.until(run.outcome());
    await clock.until(baton.close());
    const [step, attempt] = ["step a", "invoke_agent careful"].map((name) =>
      named(collector.spans, name),
    );
    expect((attempt?.endMs ?? 0) - (attempt?.startMs ?? 0)).toBe(1_500);
    expect(step?.startMs).toBe(attempt?.startMs);
  });
});

function ids({ spans }: Collector): readonly string[] {
  return [...new Set(spans.map(({ spanId }) => spanId))].sort();
}
