/** The calling side, over real HTTP. */
import { memory, open } from "baton";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  ADA,
  callContext,
  ONCE,
  PAT,
  play,
  rated,
  riskAgent,
  usageIn,
} from "../support/databricks-agents.ts";
import {
  answerOf,
  databricksServer,
  eventsText,
  json,
  message,
  streamed,
  usageOf,
} from "../support/databricks-server.ts";

describe("a serving endpoint in the Responses shape", () => {
  test("is asked at its address, with the input, the key and the trace", async () => {
    const server = await databricksServer();
    server.replies.push(streamed(eventsText(answerOf('{"grade":"A"}'))));
    const { outcome } = await play(server);
    expect(outcome).toEqual({ kind: "completed", output: { grade: "A" } });
    const [asked] = server.asked;
    expect(asked?.path).toBe("/serving-endpoints/risk/invocations");
    expect(asked?.body).toEqual({
      input: [{ role: "user", content: JSON.stringify({ income: 4_200, name: "Ada" }) }],
      custom_inputs: { input: ADA },
      context: { conversation_id: "ada" },
      stream: true,
    });
    expect(asked?.headers).toMatchObject({
      authorization: `Bearer ${PAT}`,
      "content-type": "application/json",
      "idempotency-key": expect.stringMatching(/^[0-9a-f]{32}$/),
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
    });
  });

  test("is shown as it comes, and its tokens are counted once", async () => {
    const server = await databricksServer();
    const call = { type: "function_call", id: "c", call_id: "c", name: "look", arguments: "{}" };
    const events = [
      { type: "response.output_item.done", output_index: 0, item: call },
      { type: "function_call_output", call_id: "c", output: "seen" },
      ...answerOf('{"grade":"B"}', ['{"gra', 'de":"B"}']),
      // Databricks' own clients look for this spelling; it says the same again.
      { type: "responses.completed", response: { id: "resp-1", usage: usageOf(12, 30) } },
      { trace_id: "tr-1" },
    ];
    server.replies.push(streamed(eventsText(events)));
    const { chunks, outcome, baton } = await play(server);
    expect(outcome).toMatchObject({ output: { grade: "B" } });
    expect(chunks).toEqual([
      call,
      { type: "function_call_output", call_id: "c", output: "seen" },
      '{"gra',
      'de":"B"}',
    ]);
    expect(await usageIn(baton)).toEqual([
      { model: "llama", calls: 1, inputTokens: 12, outputTokens: 30 },
    ]);
  });

  test("items that are done count, whatever the deltas said; and those of the last turn of several", async () => {
    const server = await databricksServer();
    const events = [
      ...answerOf("I look it up.", ["I look"]),
      ...answerOf('```json\n{"grade":"C"}\n```', ["no", "thing"]),
    ];
    server.replies.push(streamed(eventsText(events)));
    const { outcome, baton } = await play(server);
    expect(outcome).toMatchObject({ output: { grade: "C" } });
    expect(await usageIn(baton)).toMatchObject([{ calls: 2, inputTokens: 24 }]);
  });

  test("answers as a whole where it can't stream, or is not asked to", async () => {
    const server = await databricksServer();
    const body = { object: "response", output: [message('{"grade":"A"}')], usage: usageOf(1, 2) };
    server.replies.push(json(body));
    const { outcome, baton } = await play(server, { stream: false });
    expect(outcome).toMatchObject({ output: { grade: "A" } });
    expect(server.asked[0]?.body["stream"]).toBe(false);
    expect(await usageIn(baton)).toMatchObject([{ model: "risk", inputTokens: 1 }]);
  });

  test("is asked and read as one likes", async () => {
    const server = await databricksServer();
    const done = { type: "response.completed", response: { custom_outputs: { grade: "D" } } };
    server.replies.push(streamed(eventsText([...answerOf("Rather not."), done])));
    const { outcome } = await play(server, {
      toRequest: ({ name }, { run }) => ({
        input: [{ role: "user", content: `${name} of ${run}` }],
      }),
      fromResponse: ({ text, customOutputs, items }, { name }) => ({
        grade: `${JSON.stringify(customOutputs["grade"])} of ${items.length}: ${text} ${name}`,
      }),
    });
    expect(outcome).toMatchObject({ output: { grade: '"D" of 1: Rather not. Ada' } });
    expect(server.asked[0]?.body).toEqual({
      input: [{ role: "user", content: "Ada of ada" }],
      stream: true,
    });
  });
});

describe("in the shape of chat completions", () => {
  test("streamed: pieces of text, of parts too, and the usage of the last chunk", async () => {
    const server = await databricksServer();
    const chunk = (delta: unknown, more = {}) => ({ choices: [{ index: 0, delta, ...more }] });
    const events = [
      chunk({ role: "assistant", content: "" }),
      chunk({ content: '{"gr' }),
      chunk({
        content: [
          { type: "reasoning", summary: [] },
          { type: "text", text: 'ade":"A"}' },
        ],
      }),
      chunk({}, { finish_reason: "stop" }),
      { choices: [], model: "llama", usage: { prompt_tokens: 5, completion_tokens: 7 } },
    ];
    server.replies.push(streamed(eventsText(events)));
    const { outcome, chunks, baton } = await play(server, { api: "chat" });
    expect(outcome).toMatchObject({ output: { grade: "A" } });
    expect(chunks).toEqual(['{"gr', 'ade":"A"}']);
    expect(await usageIn(baton)).toEqual([
      { model: "llama", calls: 1, inputTokens: 5, outputTokens: 7 },
    ]);
    expect(Object.keys(server.asked[0]?.body ?? {})).toEqual(["messages", "stream"]);
  });

  test.each([
    ["length", { finish_reason: "length" }, "REMOTE_INCOMPLETE"],
    ["tool calls", { finish_reason: "tool_calls" }, "REMOTE_ANSWER_INVALID"],
  ])("an answer that ends by %s is none", async (_, more, code) => {
    const server = await databricksServer();
    const choice = { index: 0, message: { role: "assistant", content: '{"grade":"A"}' }, ...more };
    server.replies.push(json({ choices: [choice] }));
    const { outcome } = await play(server, { api: "chat", stream: false, ...ONCE });
    expect(outcome).toMatchObject({ kind: "failed", error: { code } });
  });
});

describe("what is not an answer", () => {
  const done = (response: unknown) => [{ type: "response.completed", response }];
  const approval = { type: "mcp_approval_request", id: "a-1", name: "pay", server_label: "bank" };
  const dones = (item: unknown) => ({ type: "response.output_item.done", item });

  test.each([
    [
      "failed",
      done({ status: "failed", error: { code: "server_error", message: "No model." } }),
      "REMOTE_FAILED",
      "No model.",
    ],
    [
      "an error event",
      [{ type: "error", code: "x", message: "Too bad." }],
      "REMOTE_FAILED",
      "Too bad.",
    ],
    ["an error without a type", [{ error: "It broke." }], "REMOTE_FAILED", "It broke."],
    [
      "a message that declines",
      [dones({ type: "message", content: [{ type: "refusal", refusal: "I won't." }] })],
      "REMOTE_FAILED",
      "I won't.",
    ],
    [
      "incomplete",
      done({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }),
      "REMOTE_INCOMPLETE",
      "max_output_tokens",
    ],
    [
      "in progress",
      done({ status: "in_progress", custom_outputs: { run: "r-1" } }),
      "REMOTE_INCOMPLETE",
      "r-1",
    ],
    ["a tool that asks for approval", [dones(approval)], "REMOTE_ASKS", "pay of bank"],
    [
      "a tool to be called",
      [dones({ type: "function_call", name: "look" })],
      "REMOTE_ANSWER_INVALID",
      "look",
    ],
    ["nothing", [], "REMOTE_ANSWER_INVALID", "no message"],
    ["no JSON", answerOf("Grade A"), "REMOTE_ANSWER_INVALID", 'risk@1.0.0 is of type "object"'],
  ])("%s", async (_, events, code, said) => {
    const server = await databricksServer();
    server.replies.push(streamed(eventsText(events)));
    const { outcome } = await play(server, ONCE);
    expect(outcome).toMatchObject({ error: { code, message: expect.stringContaining(said) } });
  });

  test.each([
    ["an approval is", [dones(approval)], 1],
    [
      "a limit of tokens is",
      done({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }),
      1,
    ],
    ["a run that failed is", done({ status: "failed", custom_outputs: { run: "r" } }), 1],
    ["a failure of nobody knows what is not", [{ error: "It broke." }], 2],
    ["a run that goes on is not", done({ status: "incomplete", custom_outputs: { run: "r" } }), 2],
  ])("%s final", async (_, events, calls) => {
    const server = await databricksServer();
    server.replies.push(streamed(eventsText(events)));
    const backoff = { baseMs: 0, factor: 1, maxMs: 0, jitter: 0 };
    await play(server, { retry: { attempts: 2, backoff } });
    expect(server.asked).toHaveLength(calls);
    expect(new Set(server.asked.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
  });

  test("halves of characters, and what is no JSON of ours, stop no run", async () => {
    const server = await databricksServer();
    const item = { type: "reasoning", half: "\ud83d", zero: "MINUS" };
    const response = {
      status: "failed",
      model: "m\ud83d",
      usage: usageOf(1, 1),
      error: "Oh \ud83d",
    };
    const delta = { type: "response.output_text.delta", delta: "\ud83d" };
    const text = eventsText([dones(item), delta, ...done(response)]).replace('"MINUS"', "-0");
    server.replies.push(streamed(text));
    const { outcome, chunks, baton } = await play(server, ONCE);
    expect(outcome).toMatchObject({
      error: { code: "REMOTE_FAILED", message: "The endpoint risk failed: Oh \ufffd" },
    });
    expect(chunks).toEqual(["\ufffd"]);
    expect(await usageIn(baton)).toMatchObject([{ model: "m\ufffd" }]);
    const cut = json({ message: `${"x".repeat(499)}\u{1f600}` }, 400);
    server.replies.splice(0, 1, cut);
    expect((await play(server, ONCE)).outcome).toMatchObject({ error: { code: "REMOTE_REFUSED" } });
  });

  test("tokens are counted of an answer that failed, too", async () => {
    const server = await databricksServer();
    server.replies.push(streamed(eventsText(done({ status: "failed", usage: usageOf(3, 4) }))));
    const { baton } = await play(server, ONCE);
    expect(await usageIn(baton)).toMatchObject([{ inputTokens: 3, outputTokens: 4 }]);
  });
});

describe("a connection that is bad", () => {
  const backoff = { baseMs: 0, factor: 1, maxMs: 0, jitter: 0 };

  test.each([
    ["429", json({ error_code: "REQUEST_LIMIT_EXCEEDED", message: "Slow down." }, 429)],
    ["503", json({}, 503)],
    [
      "a cut in the middle",
      streamed(eventsText(answerOf('{"grade":"A"}')).slice(0, 300), { cut: true }),
    ],
    ["an end before the end", streamed(eventsText(answerOf('{"grade":"A"}')).slice(0, 300))],
  ])("%s, then an answer", async (_, first) => {
    const server = await databricksServer();
    server.replies.push(first, streamed(eventsText(answerOf('{"grade":"B"}'))));
    const { outcome } = await play(server, { retry: { attempts: 2, backoff } });
    expect(outcome).toMatchObject({ output: { grade: "B" } });
    expect(server.asked).toHaveLength(2);
  });

  test("an end without [DONE] is one after the answer has been completed", async () => {
    const server = await databricksServer();
    const text = eventsText(answerOf('{"grade":"A"}'))
      .replace(/data: \[DONE\]\n\n$/, "")
      .trimEnd();
    server.replies.push(streamed(text));
    expect((await play(server, ONCE)).outcome).toMatchObject({ output: { grade: "A" } });
  });

  test.each([400, 401, 403, 404, 307])("%i is final", async (status) => {
    const server = await databricksServer();
    const location = { location: `${server.url}/elsewhere` };
    server.replies.push(json({ error_code: "NO", message: `Not with ${PAT}.` }, status, location));
    const { outcome, log } = await play(server);
    const code = status === 401 ? "CREDENTIALS_REFUSED" : "REMOTE_REFUSED";
    expect(outcome).toMatchObject({ kind: "failed", error: { code } });
    expect(server.asked.map(({ path }) => path)).toEqual(["/serving-endpoints/risk/invocations"]);
    expect(JSON.stringify([outcome, log])).not.toContain(PAT);
  });

  test("an answer that is larger than it may be is not read on", async () => {
    const server = await databricksServer();
    const flood = Array.from({ length: 40 }, () => `data: ${"x".repeat(1_000)}\n`);
    server.replies.push({ ...streamed(""), pieces: flood, open: true });
    const { outcome } = await play(server, { answerBytesMax: 10_000 });
    expect(outcome).toMatchObject({ error: { code: "VALUE_TOO_LARGE" } });
    await server.left;
    expect(server.asked).toHaveLength(1);
  });

  test("an attempt that is stopped hangs up", async () => {
    const server = await databricksServer();
    const begun = eventsText(answerOf("x")).slice(0, 200);
    server.replies.push(streamed(begun, { open: true }));
    const rating = rated(riskAgent(server));
    const baton = await open({ store: memory(), workflows: [rating], log: () => {} });
    onTestFinished(() => baton.close({ graceMs: 0 }));
    const run = await baton.start(rating, ADA, { id: "ada" });
    const by = { kind: "person", id: "grace" } as const;
    for await (const item of baton.watch("ada", { partials: true }))
      if (item.kind === "partial") await baton.cancel("ada", { by, reason: "enough" });
    await server.left;
    expect(await run.outcome()).toMatchObject({ kind: "cancelled" });
  });

  test("an endpoint that nobody serves", async () => {
    const server = await databricksServer();
    const { outcome } = await play({ ...server, url: "http://127.0.0.1:1" }, ONCE);
    expect(outcome).toMatchObject({ error: { code: "REMOTE_UNAVAILABLE" } });
  });
});

test.each([
  ["seconds", { "retry-after": "7" }, 7_000],
  [
    "a date",
    { "retry-after": new Date(9_000).toUTCString(), date: new Date(0).toUTCString() },
    9_000,
  ],
])("what waits is told how long: %s", async (_, headers, retryAfterMs) => {
  const server = await databricksServer();
  server.replies.push(json({}, 429, headers));
  const { execute } = riskAgent(server);
  const call = Promise.resolve(execute(ADA, callContext()));
  await expect(call).rejects.toMatchObject({
    code: "REMOTE_UNAVAILABLE",
    details: { retryAfterMs },
  });
});
