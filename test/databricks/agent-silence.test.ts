/** The calling side, over real HTTP: answers that come, and connections that stay open. */
import { virtualClock, type VirtualClock } from "baton/testing";
import { describe, expect, test } from "vitest";
import {
  ADA,
  callContext,
  ONCE,
  PAT,
  play,
  QUICKLY,
  riskAgent,
  usageIn,
} from "../support/databricks-agents.ts";
import { answerOf, databricksServer, eventsText, streamed } from "../support/databricks-server.ts";

/** Events without the word that they are all. */
function openText(events: readonly unknown[]): string {
  return eventsText(events).replace("data: [DONE]\n\n", "");
}

/** Lets time pass, as far as the agent knows, until it is over. */
async function meanwhile<X>(clock: VirtualClock, playing: Promise<X>): Promise<X> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  playing.then(over, over);
  while (!isOver) await clock.advance(1_000);
  return await playing;
}

describe("a stream that stays open and says nothing more", () => {
  const chunk = (delta: unknown, more = {}) => ({ choices: [{ index: 0, delta, ...more }] });
  const stopped = chunk({ content: '{"grade":"A"}' }, { finish_reason: "stop" });
  const used = { choices: [], model: "llama", usage: { prompt_tokens: 12, completion_tokens: 30 } };

  test.each([
    ["responses", answerOf('{"grade":"A"}')],
    ["chat", [stopped, used]],
  ] as const)("is an answer, and is counted (%s)", async (api, events) => {
    const server = await databricksServer();
    server.replies.push(streamed(openText(events), { open: true }));
    const clock = virtualClock();
    const { outcome, baton } = await meanwhile(clock, play(server, { api, clock, ...QUICKLY }));
    expect(outcome).toEqual({ kind: "completed", output: { grade: "A" } });
    expect(await usageIn(baton)).toEqual([
      { model: "llama", calls: 1, inputTokens: 12, outputTokens: 30 },
    ]);
    expect(server.asked).toHaveLength(1);
    await server.left;
  });

  test("is left while the attempt still has time", async () => {
    const server = await databricksServer();
    server.replies.push(streamed(openText(answerOf('{"grade":"A"}')), { open: true }));
    const waited: number[] = [];
    const after = (ms: number, wake: () => void) => {
      waited.push(ms);
      wake();
      return () => {};
    };
    const { execute } = riskAgent(server, { clock: { now: Date.now, after } });
    expect(await execute(ADA, callContext({ remainingMs: () => 3_000 }))).toEqual({ grade: "A" });
    expect(waited).toEqual([1_500]);
  });

  test("is a failure where it says so", async () => {
    const server = await databricksServer();
    const events = [{ type: "error", message: "Too bad." }];
    server.replies.push(streamed(openText(events), { open: true }));
    const clock = virtualClock();
    const { outcome } = await meanwhile(clock, play(server, { clock, ...ONCE }));
    expect(outcome).toMatchObject({ error: { code: "REMOTE_FAILED" } });
  });

  test("is waited for where a tool was called, whose result the agent goes on with", async () => {
    const server = await databricksServer();
    const clock = virtualClock();
    const called = { type: "function_call", call_id: "c", name: "look", arguments: "{}" };
    const first = [
      ...answerOf("I look it up."),
      { type: "response.output_item.done", item: called },
      { type: "response.completed", response: { status: "completed" } },
    ];
    const later = async () => {
      await clock.advance(120_000);
      return eventsText(answerOf('{"grade":"C"}'));
    };
    server.replies.push({ ...streamed(""), pieces: [openText(first), later] });
    const { outcome } = await play(server, { clock, ...ONCE });
    expect(outcome).toEqual({ kind: "completed", output: { grade: "C" } });
  });
});

describe("an error", () => {
  test.each([400, 401, 307])("is final whether its body ends or not: %i", async (status) => {
    const server = await databricksServer();
    server.replies.push({ status, pieces: ['{"message":"No.'], open: true });
    const clock = virtualClock();
    const { outcome } = await meanwhile(clock, play(server, { clock, ...QUICKLY }));
    const code = status === 401 ? "CREDENTIALS_REFUSED" : "REMOTE_REFUSED";
    expect(outcome).toMatchObject({ kind: "failed", error: { code } });
    expect(server.asked).toHaveLength(1);
    await server.left;
  });

  test.each([
    ["stays open", { open: true }, "x".repeat(100)],
    ["breaks off", { cut: true }, "x".repeat(100)],
    ["is long", {}, "x".repeat(100_000)],
  ])("is quoted by its beginning where it %s", async (_, more, text) => {
    const server = await databricksServer();
    server.replies.push({ status: 400, pieces: [text], ...more });
    const clock = virtualClock();
    const { outcome } = await meanwhile(clock, play(server, { clock, ...ONCE }));
    const message = expect.stringMatching(/^The endpoint risk answered 400: x{100}/);
    expect(outcome).toMatchObject({ error: { code: "REMOTE_REFUSED", message } });
  });

  test("does not quote a secret that was cut off either", async () => {
    const server = await databricksServer();
    server.replies.push({ status: 400, pieces: [`Not with ${PAT.slice(0, -2)}`], cut: true });
    const { outcome } = await play(server, ONCE);
    expect(outcome).toMatchObject({ error: { message: expect.stringContaining("Not with [s") } });
  });
});

test("tokens are counted when they are told, since an attempt may run out of time", async () => {
  const server = await databricksServer();
  const begun = { type: "response.output_text.delta", delta: "And moreover" };
  server.replies.push(streamed(openText([...answerOf("One moment."), begun]), { open: true }));
  const { execute } = riskAgent(server);
  const outOfTime = new AbortController();
  const told = await new Promise((resolve) => {
    const context = callContext({ signal: outOfTime.signal, usage: resolve });
    Promise.resolve(execute(ADA, context)).catch(() => {});
  });
  expect(told).toEqual({ model: "llama", inputTokens: 12, outputTokens: 30 });
  outOfTime.abort();
});
