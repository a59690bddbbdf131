/** The served side, over real HTTP: answers as a whole, and whose run is whose. */
import { responsesAgent } from "baton/databricks";
import { virtualClock } from "baton/testing";
import { describe, expect, test } from "vitest";
import { answered, eventsOf, post, refused, servedAt } from "../support/served-agent.ts";
import {
  ADA,
  asked,
  message,
  openedBaton,
  rated,
  shouting,
  waiting,
} from "../support/served-workflows.ts";

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
    const url = await servedAt(responsesAgent(await openedBaton(), shouting));
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
    const other = { input: [], custom_inputs: { input: { ...ADA, income: 1 }, run_id: "r-1" } };
    const invalid = { input: [], custom_inputs: { input: {}, run_id: "r-1" } };
    const joins = { input: [], custom_inputs: { run_id: "r-1" } };
    // That it is there with another input would be an answer to whether it is there.
    for (const asks of [request, joins, other, invalid])
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
    const opened = await openedBaton();
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
