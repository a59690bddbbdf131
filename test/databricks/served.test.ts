/** The served side, over real HTTP. */
import { agent, type Baton, contract, memory, open, type OpenOptions, workflow } from "baton";
import { responsesAgent, type ResponsesAgentOptions } from "baton/databricks";
import { virtualClock } from "baton/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { agentOf, gate } from "../support/opened.ts";
import { answered, eventsOf, post, refused, servedAt } from "../support/served-agent.ts";

const Applicant = contract(
  "applicant",
  "1.0.0",
  z.object({ name: z.string(), income: z.int().min(0) }),
);
const Grade = contract("grade", "1.0.0", z.object({ grade: z.string() }));
const ADA = { name: "Ada", income: 4_200 };

const grade = agent({
  name: "grade",
  version: "1.0.0",
  input: Applicant,
  output: Grade,
  retry: { attempts: 2, backoff: { baseMs: 0, factor: 1, maxMs: 0, jitter: 0 } },
  execute: ({ name, income }, { usage, stream, attempt }) => {
    stream(`try ${attempt}: `);
    stream("looking");
    usage({ model: "m", inputTokens: 10, outputTokens: income > 4_000 ? 3 : 1 });
    if (name === "Eve") throw new TypeError("Eve's file at /secret/eve is gone.");
    if (name === "Bob" && attempt === 1) throw new Error("Again.");
    return { grade: income > 4_000 ? "A" : "B" };
  },
});

const rating = workflow("rating", "1.0.0", { input: Applicant, output: Grade })
  .step("grade", grade, { input: ({ input }) => input })
  .output(({ grade: given }) => given);

const asked = workflow("asked", "1.0.0", { input: Applicant })
  .step("grade", grade, { input: ({ input }) => input })
  .approval("consent", {
    needs: ["grade"],
    show: ({ grade: given }) => given,
    timeout: "24h",
    onTimeout: "refused",
  })
  .output(({ grade: given }) => given);

const text = contract("text", "1.0.0", z.string());
const shout = agent({
  name: "shout",
  version: "1.0.0",
  input: text,
  output: text,
  execute: async (said, { stream }) => {
    for (const letter of said.toUpperCase()) stream(letter);
    return said.toUpperCase();
  },
});
const shouting = workflow("shouting", "1.0.0", { input: text, output: text })
  .step("shout", shout, { input: ({ input }) => input })
  .output(({ shout: loud }) => loud);

async function baton(options: Partial<OpenOptions> = {}): Promise<Baton> {
  const opened = await open({ store: memory(), workflows: [rating, asked, shouting], ...options });
  onTestFinished(() => opened.close({ graceMs: 0 }));
  return opened;
}

type Options = ResponsesAgentOptions<typeof ADA, { grade: string }>;

async function rated(options: Options = {}) {
  const opened = await baton();
  const url = await servedAt(responsesAgent(opened, rating, options));
  return { baton: opened, url };
}

function message(content: unknown) {
  return { input: [{ role: "user", content }] };
}

describe("an answer as a whole", () => {
  test.each(["/responses", "/invocations"])("at %s", async (path) => {
    const { baton: opened, url } = await rated();
    const answer = await answered(
      await post(`${url}${path}`, { input: [], custom_inputs: { input: ADA, run_id: "ada" } }),
    );
    const { startedAt, version } = await opened.report("ada");
    expect(answer).toEqual({
      id: "resp_ada",
      object: "response",
      created_at: Math.floor(startedAt / 1_000),
      model: "rating@1.0.0",
      status: "completed",
      error: null,
      incomplete_details: null,
      output: [
        {
          type: "message",
          id: "msg_ada",
          role: "assistant",
          status: "completed",
          content: [{ type: "output_text", text: '{"grade":"A"}', annotations: [] }],
        },
      ],
      usage: {
        input_tokens: 10,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: 3,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 13,
      },
      custom_outputs: { run: "ada", status: "completed", version, output: { grade: "A" } },
    });
  });

  test.each([
    ["a text", { input: JSON.stringify(ADA) }],
    [
      "the last message of the user",
      {
        input: [
          ...message("Hello").input,
          { role: "assistant", content: "Yes?" },
          ...message(JSON.stringify(ADA)).input,
        ],
      },
    ],
    [
      "a message in parts",
      message([
        { type: "input_text", text: '{"name":"Ada",' },
        { type: "input_text", text: '"income":4200}' },
      ]),
    ],
  ])("to %s", async (_, body) => {
    const { url } = await rated();
    expect(await answered(await post(`${url}/responses`, body))).toMatchObject({
      status: "completed",
    });
  });

  test("of a workflow of text, to text, whatever it looks like", async () => {
    const url = await servedAt(responsesAgent(await baton(), shouting));
    const { output } = await answered(await post(`${url}/responses`, message('{"a":1}')));
    expect(output[0]?.content[0].text).toBe('{"A":1}');
  });

  test("with input and text as one likes", async () => {
    const { url } = await rated({
      toInput: ({ metadata }) => ({ name: String(metadata === undefined), income: 1 }),
      toText: () => "It is decided.",
    });
    const { output, custom_outputs } = await answered(
      await post(`${url}/responses`, { input: "?" }),
    );
    expect(output[0]?.content[0].text).toBe("It is decided.");
    expect(custom_outputs["output"]).toEqual({ grade: "B" });
  });

  test("names the trace where that is asked for", async () => {
    const { baton: opened, url } = await rated();
    const body = { input: [], custom_inputs: { input: ADA, run_id: "ada" } };
    const headers = { "x-mlflow-return-trace-id": "true" };
    const { metadata } = await answered(await post(`${url}/responses`, body, headers));
    const traces: (string | undefined)[] = [];
    for await (const { entry } of opened.entries("ada")) traces.push(entry.traceId);
    expect(metadata).toEqual({ trace_id: `tr-${traces[0]}` });
    expect(traces[0]).toMatch(/^[0-9a-f]{32}$/);
    const events = await eventsOf(
      await post(`${url}/responses`, { ...body, stream: true }, headers),
    );
    expect(events.at(-1)).toEqual({ trace_id: `tr-${traces[0]}` });
  });

  test("of a run that failed has its error, and no words of the process", async () => {
    const { url } = await rated();
    const body = { input: [], custom_inputs: { input: { ...ADA, name: "Eve" }, run_id: "eve" } };
    const answer = await answered(await post(`${url}/responses`, body));
    expect(answer).toMatchObject({
      status: "failed",
      error: { code: "RUN_FAILED", message: expect.stringContaining("TypeError: Eve's file") },
      output: [],
      usage: { total_tokens: 26 },
      custom_outputs: { status: "failed", error: { code: "TypeError" } },
    });
    expect(JSON.stringify(answer)).not.toContain("    at ");
  });
});

describe("the same request twice", () => {
  const body = { input: [], custom_inputs: { input: ADA } };

  test.each([
    [
      "by custom_inputs.run_id",
      { ...body, custom_inputs: { input: ADA, run_id: "r-1" } },
      {},
      "r-1",
    ],
    ["by Idempotency-Key", body, { "idempotency-key": "order 7!" }, /^key-[0-9a-f]{32}$/],
    ["by a key that may be an id", body, { "idempotency-key": "order-7" }, "order-7"],
  ])("%s is one run", async (_, request, headers, id) => {
    const { baton: opened, url } = await rated();
    const both = [
      post(`${url}/responses`, request, headers),
      post(`${url}/responses`, request, headers),
    ];
    const [one, other] = await Promise.all(both);
    expect(await answered(one as Response)).toEqual(await answered(other as Response));
    const runs = await opened.runs();
    expect(runs.map((run) => run.id)).toEqual([expect.stringMatching(id)]);
  });

  test("with another input is a conflict", async () => {
    const { url } = await rated();
    const headers = { "idempotency-key": "k" };
    await answered(await post(`${url}/responses`, body, headers));
    const other = { input: [], custom_inputs: { input: { ...ADA, income: 1 } } };
    const error = await refused(await post(`${url}/responses`, other, headers));
    expect(error).toMatchObject({
      status: 409,
      code: "RUN_CONFLICT",
      type: "invalid_request_error",
    });
  });

  test("by another user of the app is nobody's run, and begins none", async () => {
    const { baton: opened, url } = await rated({ app: "lending" });
    const request = { input: [], custom_inputs: { input: ADA, run_id: "r-1" } };
    const ada = { "x-forwarded-email": "ada@example.com" };
    await answered(await post(`${url}/responses`, request, ada));
    const [first] = await opened.runs();
    for await (const { entry } of opened.entries(first?.id ?? "")) {
      expect(entry.by).toEqual({ kind: "program", id: "rating", onBehalfOf: "ada@example.com" });
      break;
    }
    const eve = { "x-forwarded-email": "eve@example.com" };
    for (const asks of [request, { input: [], custom_inputs: { run_id: "r-1" } }])
      expect(await refused(await post(`${url}/responses`, asks, eve))).toMatchObject({
        status: 404,
        code: "RUN_NOT_FOUND",
      });
    expect(await opened.runs()).toHaveLength(1);
    await answered(
      await post(`${url}/responses`, { input: [], custom_inputs: { run_id: "r-1" } }, ada),
    );
  });

  test("outside an app nobody is believed to be somebody", async () => {
    const { baton: opened, url } = await rated();
    await answered(
      await post(
        `${url}/responses`,
        { input: [], custom_inputs: { input: ADA, run_id: "r" } },
        { "x-forwarded-email": "eve@example.com" },
      ),
    );
    for await (const { entry } of opened.entries("r")) {
      expect(entry.by).toEqual({ kind: "program", id: "rating" });
      break;
    }
  });

  test("a run of another workflow is not joined", async () => {
    const { baton: opened, url } = await rated();
    await opened.start(shouting, "hey", { id: "s", by: { kind: "program", id: "rating" } });
    const request = { input: [], custom_inputs: { run_id: "s" } };
    expect(await refused(await post(`${url}/responses`, request))).toMatchObject({ status: 404 });
  });
});

describe("a run that waits", () => {
  test("is incomplete, and goes on where the next request waits for it", async () => {
    const opened = await baton();
    const clock = virtualClock();
    const url = await servedAt(responsesAgent(opened, asked, { clock, wait: "60s" }));
    const request = { input: [], custom_inputs: { input: ADA, run_id: "ada" } };
    const first = post(`${url}/responses`, request);
    await waiting(opened, "ada");
    await clock.advance(60_000);
    expect(await answered(await first)).toMatchObject({
      status: "incomplete",
      incomplete_details: { reason: "run_not_ended" },
      output: [],
      custom_outputs: {
        run: "ada",
        status: "waiting",
        waits: [{ what: "approval", path: "consent" }],
      },
    });
    const streamed = post(`${url}/responses`, { ...request, stream: true });
    await clock.advance(30_000);
    await opened.approve("ada", "consent", { approved: true, by: { kind: "person", id: "grace" } });
    const events = await eventsOf(await streamed);
    expect(events.at(-2)).toMatchObject({ type: "response.completed" });
    const again = await post(`${url}/responses`, { input: [], custom_inputs: { run_id: "ada" } });
    expect(await answered(again)).toMatchObject({ status: "completed", output: [{}] });
  });
});

/** Until the run waits for somebody. */
async function waiting(opened: Baton, run: string): Promise<void> {
  for (;;) {
    const report = await opened.report(run).catch(() => undefined);
    if (report?.status === "waiting") return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a stream", () => {
  test("tells of the journal, then the message, then the end", async () => {
    const { url } = await rated();
    const body = { input: [], custom_inputs: { input: ADA, run_id: "ada" }, stream: true };
    const response = await post(`${url}/responses`, body);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const events = await eventsOf(response);
    expect(events.map(({ type }) => type)).toEqual([
      "response.created",
      "response.in_progress",
      "response.in_progress",
      "response.in_progress",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
      "responses.completed",
    ]);
    expect(events.map((event) => event["sequence_number"])).toEqual(events.map((_, at) => at));
    expect(events[3]).toMatchObject({
      custom_outputs: { run: "ada", entry: { seq: 1, kind: "step.sealed", path: "grade" } },
    });
    // The values stay in the journal.
    expect(JSON.stringify(events.slice(0, 5))).not.toContain("4200");
    const whole = await answered(await post(`${url}/responses`, { ...body, stream: false }));
    expect(events.at(-2)).toMatchObject({ response: whole });
  });

  test("passes on what a step streams, and not what an attempt said that came after", async () => {
    const opened = await baton();
    const url = await servedAt(responsesAgent(opened, shouting, { deltas: "shout" }));
    const loud = await eventsOf(await post(`${url}/responses`, { input: "hey", stream: true }));
    const deltas = loud.filter(({ type }) => type === "response.output_text.delta");
    expect(deltas.map((event) => event["delta"]).join("")).toBe("HEY");
    const other = await servedAt(responsesAgent(opened, rating, { deltas: "grade" }));
    const body = { input: [], custom_inputs: { input: { name: "Bob", income: 1 } }, stream: true };
    const events = await eventsOf(await post(`${other}/responses`, body));
    const said = events.filter(({ type }) => type === "response.output_text.delta");
    expect("try 1: looking").toContain(said.map((event) => event["delta"]).join(""));
    expect(events.find(({ type }) => type === "response.output_item.done")).toMatchObject({
      item: { content: [{ text: '{"grade":"B"}' }] },
    });
  });

  test("of a run that fails ends with its error", async () => {
    const { url } = await rated();
    const body = { input: [], custom_inputs: { input: { ...ADA, name: "Eve" } }, stream: true };
    const events = await eventsOf(await post(`${url}/responses`, body));
    expect(events.slice(-2)).toMatchObject([
      { type: "error", code: "RUN_FAILED", custom_outputs: { status: "failed" } },
      { type: "response.failed", response: { status: "failed", output: [] } },
    ]);
  });

  test("whose reader leaves lets the run go on, and gives its place free", async () => {
    const opened = await baton();
    const url = await servedAt(responsesAgent(opened, asked, { requestsMax: 1 }));
    const body = { input: [], custom_inputs: { input: ADA, run_id: "ada" }, stream: true };
    const leaving = new AbortController();
    const { body: stream } = await fetch(`${url}/responses`, {
      method: "POST",
      body: JSON.stringify(body),
      signal: leaving.signal,
    });
    await stream?.getReader().read();
    const busy = await post(`${url}/responses`, { ...body, stream: false });
    expect(busy.headers.get("retry-after")).toBe("1");
    expect(await refused(busy)).toMatchObject({
      status: 429,
      code: "OVERLOADED",
      type: "rate_limit_error",
    });
    leaving.abort();
    await waiting(opened, "ada");
    await opened.approve("ada", "consent", { approved: true, by: { kind: "person", id: "grace" } });
    for (;;) {
      const answer = await post(`${url}/responses`, { ...body, stream: false });
      if (answer.status === 429) continue;
      expect(await answered(answer)).toMatchObject({ status: "completed" });
      return;
    }
  });
});

describe("what is refused", () => {
  test("an input that breaks the contract, with what is wrong and not its values", async () => {
    const { url } = await rated();
    const input = { name: "Ada", income: -271_828 };
    for (const stream of [false, true]) {
      const answer = await post(`${url}/responses`, {
        input: [],
        custom_inputs: { input },
        stream,
      });
      const error = await refused(answer);
      expect(error).toMatchObject({
        status: 400,
        code: "RUN_REFUSED",
        param: "/income",
        violations: [{ contract: "applicant@1.0.0", path: "/income" }],
      });
      expect(JSON.stringify(error)).not.toContain("271828");
    }
  });

  test.each([
    ["no JSON", "{", 400, "ARGUMENT_INVALID"],
    ["no input", {}, 400, "ARGUMENT_INVALID"],
    ["an input that is none", { input: 7 }, 400, "ARGUMENT_INVALID"],
    ["an id that is none", { input: "{}", custom_inputs: { run_id: 7 } }, 400, "ARGUMENT_INVALID"],
    [
      "an id that no run may have",
      { input: "{}", custom_inputs: { run_id: "!" } },
      400,
      "ARGUMENT_INVALID",
    ],
    ["nothing to begin or join", { input: [] }, 400, "ARGUMENT_INVALID"],
    [
      "a run that is not there",
      { input: [], custom_inputs: { run_id: "nobody" } },
      404,
      "RUN_NOT_FOUND",
    ],
    ["a body that is too large", { input: "x".repeat(3_000) }, 413, "VALUE_TOO_LARGE"],
  ])("%s", async (_, body, status, code) => {
    const { baton: opened, url } = await rated({ bodyBytesMax: 2_000 });
    expect(await refused(await post(`${url}/responses`, body))).toMatchObject({ status, code });
    expect((await opened.runs()).filter((run) => run.status !== "refused")).toEqual([]);
  });

  test("a request that can't be taken now", async () => {
    const { baton: opened, url } = await rated();
    await opened.close();
    const answer = await post(`${url}/responses`, { input: JSON.stringify(ADA) });
    expect(answer.headers.get("retry-after")).toBe("5");
    expect(await refused(answer)).toMatchObject({
      status: 503,
      code: "STORE_CLOSED",
      type: "server_error",
    });
  });

  test("too many runs at once", async () => {
    const held = gate<string>();
    const slow = agentOf<string, string>("slow", () => held.promise);
    const slowly = workflow("slowly", "1.0.0", { input: text })
      .step("slow", slow, { input: ({ input }) => input })
      .output(({ slow: given }) => given);
    const limits = { queuedRunsMax: 1, concurrentRunsMax: 1 };
    const opened = await baton({ workflows: [slowly], limits });
    const url = await servedAt(responsesAgent(opened, slowly));
    const answers = Array.from({ length: 20 }, (_, at) =>
      post(`${url}/responses`, { input: "x", custom_inputs: { run_id: `r-${at}` } }),
    );
    const busy = await Promise.any(
      answers.map(async (answer) => {
        const response = await answer;
        if (response.status !== 429) throw new Error("It was taken.");
        return response;
      }),
    );
    expect(Number(busy.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(await refused(busy)).toMatchObject({ status: 429, code: "OVERLOADED" });
    held.open("done");
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    expect(await opened.runs()).toHaveLength(statuses.filter((each) => each === 200).length);
  });

  test("an error of ours says nothing, and is logged", async () => {
    const lines: unknown[] = [];
    const { url } = await rated({
      toInput: () => {
        throw new Error("The password is swordfish.");
      },
      log: (line) => lines.push(line.message),
    });
    const error = await refused(await post(`${url}/responses`, { input: "x" }));
    expect(error).toMatchObject({ status: 500, code: "INTERNAL" });
    expect(JSON.stringify(error)).not.toContain("swordfish");
    expect(lines).toEqual(["Error: The password is swordfish."]);
  });

  test("options that can't be meant", async () => {
    const opened = await baton();
    const build = (options: object) => () => responsesAgent(opened, rating, options);
    expect(build({ deltas: "other" })).toThrow('step "other"');
    expect(build({ wait: "soon" })).toThrow('"soon"');
    expect(build({ requestsMax: 0 })).toThrow("`requestsMax`, 0,");
    expect(build({ stream: true })).toThrow("no option `stream`");
    expect(() => responsesAgent(opened, {} as never)).toThrow("no workflow");
  });
});

test("what there is besides", async () => {
  const { url } = await rated({ app: "lending" });
  expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: "healthy" });
  expect(await (await fetch(`${url}/agent/info`)).json()).toMatchObject({
    name: "lending",
    use_case: "agent",
    agent_api: "responses",
    workflow: "rating@1.0.0",
    input_schema: { type: "object" },
  });
  expect((await fetch(`${url}/constructor`)).status).toBe(404);
  const wrong = await fetch(`${url}/responses`);
  expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
});
