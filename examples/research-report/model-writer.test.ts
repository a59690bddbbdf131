/** The writer that asks a model, over real HTTP against a server of the published shape. */
import { type Baton, memory, open } from "baton";
import { expect, onTestFinished, test, vi } from "vitest";
import { agentsOf } from "./agents.ts";
import { Report } from "./contracts.ts";
import { retryAfterMs } from "./model-request.ts";
import { modelServer, type Reply, type Seen } from "./model-server.ts";
import { modelSettings } from "./model-writer.ts";
import { reportByOrchestration } from "./orchestration.ts";

const QUESTION = { text: "When does the time ball at Greenwich fall?" };
const SOURCE = "time-balls";

function written(...cites: readonly string[]): Reply {
  const paragraphs = [{ text: "It falls at one o'clock.", cites }];
  return { content: JSON.stringify({ paragraphs }) };
}

/** A run whose report a model writes. */
async function asked(reply: (seen: Seen, no: number) => Reply) {
  const server = await modelServer(reply);
  onTestFinished(() => server.close());
  const { url } = server;
  const workflow = reportByOrchestration(agentsOf({ url, model: "owl-1", key: "secret" }));
  const prices = {
    "owl-1": { inputPerMillion: "1.00", outputPerMillion: "2.00", currency: "EUR" },
  };
  const options = { store: memory(), workflows: [workflow], log: () => undefined, prices };
  const baton: Baton = await open(options);
  onTestFinished(() => baton.close({ graceMs: 0 }));
  const run = await baton.start(workflow, QUESTION, { id: "q" });
  return { baton, run, server };
}

test("the model writes; question, sources, confidence and dates are the analysis's, and the tokens are in the journal", async () => {
  const { baton, run, server } = await asked(() => written(SOURCE));
  const report = await run.result();
  expect(report).toMatchObject({
    question: QUESTION.text,
    paragraphs: [{ text: "It falls at one o'clock.", cites: [SOURCE] }],
    sources: [{ id: SOURCE, dated: "2025-10-28" }],
    foundAt: "2025-10-28",
  });
  const { usage, steps } = await baton.report("q");
  expect(usage).toMatchObject([
    { model: "owl-1", calls: 1, inputTokens: 120, outputTokens: 30, cost: "0.00018" },
  ]);
  expect(steps.at(-1)).toMatchObject({ agent: "writing@2.0.0" });
  const [request] = server.seen;
  expect(request?.headers).toMatchObject({
    authorization: "Bearer secret",
    "content-type": "application/json",
  });
  expect(request?.body).toMatchObject({ model: "owl-1", temperature: 0 });
  expect(request?.body.messages.map(({ role }) => role)).toEqual(["system", "user"]);
  expect(request?.body.messages[1]?.content).toContain("it falls at one o'clock");
});

test("a source that is not in the finding breaks the report's contract; the model is told, under another key", async () => {
  const { baton, run, server } = await asked((_, no) => written(no === 0 ? "wikipedia" : SOURCE));
  expect(await run.result()).toMatchObject({ paragraphs: [{ cites: [SOURCE] }] });
  const [first, second] = server.seen;
  expect(second?.body.messages.at(-1)?.content).toContain("it cites its own sources only");
  expect(second?.headers["idempotency-key"]).not.toBe(first?.headers["idempotency-key"]);
  const { usage } = await baton.report("q");
  expect(usage).toMatchObject([{ calls: 2, inputTokens: 240 }]);
});

test("a model that never keeps to the contract fails the run, and nothing that it wrote is in the state", async () => {
  const { baton, run } = await asked(() => written("wikipedia"));
  expect(await run.outcome()).toMatchObject({ kind: "failed", step: "writing" });
  expect(Object.keys((await baton.state("q")).values)).not.toContain("writing");
});

test("JSON in a fence is taken; an answer that is none, or has another shape, is a failed attempt", async () => {
  const replies: readonly Reply[] = [
    { raw: "<html>" },
    { content: "It falls at one." },
    {
      content: `\`\`\`json\n${JSON.stringify({ paragraphs: [{ text: "One.", cites: [SOURCE] }] })}\n\`\`\``,
    },
  ];
  const { run, server } = await asked((_, no) => replies[no] ?? "silence");
  expect(await run.result()).toMatchObject({ paragraphs: [{ text: "One." }] });
  expect(server.seen).toHaveLength(3);
});

test("a busy server is asked again when it says, in the same attempt and under the same key", async () => {
  const busy: Reply = { status: 429, headers: { "retry-after": "0" } };
  const { baton, run, server } = await asked((_, no) => (no < 2 ? busy : written(SOURCE)));
  await run.result();
  const keys = server.seen.map(({ headers }) => headers["idempotency-key"]);
  expect(keys).toHaveLength(3);
  expect(new Set(keys).size).toBe(1);
  expect((await baton.report("q")).steps.at(-1)).toMatchObject({ attempts: 1 });
});

test("a server that is busy for longer than the attempt may take, or for ever, fails the attempt with what it said", async () => {
  const { run } = await asked(() => ({ status: 503, headers: { "retry-after": "3600" } }));
  expect(await run.outcome()).toMatchObject({
    kind: "failed",
    error: { message: expect.stringMatching(/answered 503: .*not now.*too late for this attempt/) },
  });
  const { run: other, server } = await asked(() => ({
    status: 429,
    headers: { "retry-after": "0" },
  }));
  expect(await other.outcome()).toMatchObject({ kind: "failed" });
  expect(server.seen).toHaveLength(12);
});

test("a request under way is cut off when its run is cancelled", async () => {
  const { baton, run, server } = await asked((_, no) => (no === 0 ? "silence" : written(SOURCE)));
  for await (const item of baton.watch("q"))
    if (
      item.kind === "entry" &&
      item.entry.path === "analysis" &&
      item.entry.kind === "step.sealed"
    )
      break;
  await vi.waitFor(() => expect(server.seen).toHaveLength(1));
  await baton.cancel("q", { by: { kind: "person", id: "ada" }, reason: "not needed" });
  await server.cutOff;
  expect((await run.outcome()).kind).toBe("cancelled");
});

test("Retry-After is read in seconds and as a date, which is the server's", () => {
  expect(retryAfterMs("2", null)).toBe(2_000);
  const [date, later] = ["Mon, 23 Nov 2026 12:00:00 GMT", "Mon, 23 Nov 2026 12:00:07 GMT"];
  expect(retryAfterMs(later, date)).toBe(7_000);
  expect(retryAfterMs(date, later)).toBe(0);
  expect([retryAfterMs(null, date), retryAfterMs(later, null), retryAfterMs("soon", date)]).toEqual(
    [undefined, undefined, undefined],
  );
});

test("the environment says who writes, and half of it is refused", () => {
  const BATON_MODEL_URL = "http://localhost:1/v1/chat/completions";
  expect(modelSettings({})).toBeUndefined();
  expect(modelSettings({ BATON_MODEL_URL, BATON_MODEL: "m" })).toEqual({
    url: BATON_MODEL_URL,
    model: "m",
  });
  expect(modelSettings({ BATON_MODEL_URL, BATON_MODEL: "m", BATON_MODEL_KEY: "k" })?.key).toBe("k");
  expect(() => modelSettings({ BATON_MODEL_URL })).toThrow("BATON_MODEL names no model");
  expect(() => modelSettings({ BATON_MODEL_URL: "here", BATON_MODEL: "m" })).toThrow("no URL");
});

test("the contract of a report names the paragraph's rule, too", () => {
  expect(Report.rules.map(({ name }) => name)).toEqual([
    "each paragraph cites a source",
    "it cites its own sources only",
  ]);
});
