/** Tools of an MCP server as agents, over real HTTP, against the SDK's own server. */
import { type Agent, contract, exponential, type Json, memory, open, workflow } from "baton";
import { mcpServer, type McpTools, mcpTools, type McpToolsOptions } from "baton/mcp";
import * as fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { z } from "zod";
import { hosted } from "./hosted.ts";
import { Application, Decision, openLending } from "./lending.ts";
import { told, type Told, toolHandler } from "./tool-server.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Here {
  readonly tools: McpTools;
  readonly heard: Told;
  readonly url: string;
}

async function here(options: Partial<McpToolsOptions> = {}, heard = told()): Promise<Here> {
  const { url, close } = await hosted(toolHandler(heard));
  ends.push(close);
  const tools = await mcpTools({ transport: { url }, ...options });
  ends.push(() => tools.close());
  return { tools, heard, url };
}

/** Runs an agent as the only step of a workflow. */
async function ran<I, O>(one: Agent<I, O>, input: I) {
  const flow = workflow("one", "1.0.0", { input: contract("any", "1.0.0", z.any()) })
    .step("one", one, { input: (state) => state.input as I as never })
    .output((state) => state.one as Json);
  const baton = await open({ store: memory(), workflows: [flow] });
  ends.push(() => baton.close());
  const run = await baton.start(flow, input);
  const outcome = run.outcome();
  // Some tests are over before their run is.
  outcome.catch(() => undefined);
  return { baton, run, outcome };
}

const NAMED = { name: "lookup", version: "1.0.0" };

test("a tool is an agent, with the contracts of its schemas", async () => {
  const { tools, heard } = await here();
  const lookup = tools.agent("lookup", NAMED);
  expect(lookup).toMatchObject({
    description: "Looks a person up.",
    timeoutMs: 60_000,
    sideEffects: false,
    input: { id: "lookup-input@1.0.0" },
    output: { id: "lookup-output@1.0.0" },
  });
  expect(lookup.delivery).toBeUndefined();
  const { outcome } = await ran(lookup, { name: "ada" });
  expect(await outcome).toEqual({ kind: "completed", output: { name: "ada", score: 700 } });
  // The call's own key and span, where MCP has a place for them and where it has none.
  const meta = heard.calls[0]?.meta;
  expect(meta).toMatchObject({
    "baton/idempotency-key": expect.stringMatching(/^[0-9a-f]{32}$/),
    traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/),
  });
  expect(heard.headers.at(-1)?.get("traceparent")).toBe(meta?.["traceparent"]);
});

test("a tool that may act twice is called at most once; one that says that it can be repeated, as often as it takes", async () => {
  const { tools } = await here();
  const named = (name: string) => ({ name, version: "1.0.0" });
  expect(tools.agent("book", named("book"))).toMatchObject({
    delivery: "at-most-once",
    sideEffects: true,
  });
  const echo = tools.agent("echo", named("echo"));
  expect(echo.sideEffects).toBe(true);
  expect(echo.delivery).toBeUndefined();
  expect(tools.agent("book", { ...named("book"), delivery: "at-least-once" }).delivery).toBe(
    undefined,
  );
  expect(tools.agent("lookup", { ...named("l"), delivery: "at-most-once" }).sideEffects).toBe(true);
});

test("contracts that are given are compared with the tool's schemas", async () => {
  const { tools } = await here();
  const lookup = (given: object) => () => tools.agent("lookup", { ...NAMED, ...given });
  const Name = contract("name", "1.0.0", z.object({ name: z.string() }));
  const Narrow = contract("narrow", "1.0.0", z.object({ score: z.int().min(300).max(850) }));
  expect(lookup({ input: Name, output: Narrow })).not.toThrow();
  const Number = contract("name", "1.0.0", z.object({ name: z.number() }));
  const Other = contract("other", "1.0.0", z.object({ score: z.string(), rank: z.int() }));
  expect(lookup({ input: Number, output: Other })).toThrowError(
    expect.objectContaining({
      code: "DEFINITION_INVALID",
      details: expect.objectContaining({
        problems: [
          "Its input contract name@1.0.0 lets values through that the tool does not take: type at /name.",
          "Its output contract other@1.0.0 wants what the tool does not give: /rank is required.",
          "Its output contract other@1.0.0 wants what the tool does not give: /score is number, not string.",
        ],
      }),
    }),
  );
});

test("an output that breaks the given contract is refused, with evidence", async () => {
  const { tools } = await here();
  const Low = contract("low", "1.0.0", z.object({ score: z.int().max(600) }));
  const lookup = tools.agent("lookup", { ...NAMED, output: Low, retry: { attempts: 1 } });
  const { outcome } = await ran(lookup, { name: "ada" });
  expect(await outcome).toMatchObject({
    kind: "failed",
    error: { violations: [{ path: "/score" }] },
  });
});

test("text is parsed where the contract wants an object, and is the output where it wants a text", async () => {
  const { tools } = await here();
  const book = tools.agent("book", { name: "book", version: "1.0.0" });
  expect(await (await ran(book, { cents: 5 })).outcome).toMatchObject({ output: "booked 5" });
  const Any = contract("echoed", "1.0.0", z.object({ a: z.int() }));
  const echo = tools.agent("echo", { name: "echo", version: "1.0.0", output: Any });
  expect(await (await ran(echo, { a: 1 })).outcome).toMatchObject({ output: { a: 1 } });
});

test("the agent's own functions make the arguments and the result", async () => {
  const { tools } = await here();
  const one = tools.agent("lookup", {
    ...NAMED,
    input: contract("id", "1.0.0", z.string()),
    output: contract("points", "1.0.0", z.number()),
    arguments: (id) => ({ name: id }),
    result: ({ text }) => (JSON.parse(text) as { score: number }).score,
  });
  expect(await (await ran(one, "ada")).outcome).toMatchObject({ output: 700 });
});

test("what a tool says is its failure, and at-most-once a person is asked what became of it", async () => {
  const { tools } = await here();
  const named = { name: "book", version: "1.0.0", retry: { attempts: 2 } };
  const again = tools.agent("book", { ...named, delivery: "at-least-once" });
  const failed = await ran(again, { cents: -1 });
  expect(await failed.outcome).toMatchObject({
    kind: "failed",
    error: { code: "TOOL_FAILED", message: "The tool book failed: Less than nothing." },
  });
  const once = await ran(tools.agent("book", named), { cents: -1 });
  const [letter] = await vi.waitFor(async () => {
    const letters = await once.baton.deadLetters();
    return letters.length === 1 ? letters : expect.fail("Nobody is asked yet.");
  });
  expect(letter).toMatchObject({ path: "one", error: { code: "TOOL_FAILED" } });
});

test("a tool that is another by now is refused, and so is one that has gone", async () => {
  const { tools, heard, url } = await here({ recheck: "0s" });
  const lookup = tools.agent("lookup", NAMED);
  const pinned = tools.list;
  const before = tools.fingerprint("lookup");
  heard.changed = true;
  const { outcome } = await ran(lookup, { name: "ada" });
  expect(await outcome).toMatchObject({
    kind: "failed",
    error: {
      code: "TOOL_CHANGED",
      message: "The tool lookup is not what it was: inputSchema changed.",
    },
  });
  expect(heard.calls).toEqual([]);
  // The same with what somebody has looked at, written as JSON, in another process.
  const kept: typeof pinned = JSON.parse(JSON.stringify(pinned)) as typeof pinned;
  const gone = { ...(kept[0] ?? expect.fail()), name: "gone" };
  const later = await mcpTools({ transport: { url }, pinned: [...kept, gone] });
  ends.push(() => later.close());
  expect(later.fingerprint("lookup")).toBe(before);
  const refused = await ran(later.agent("lookup", NAMED), { name: "ada" });
  expect(await refused.outcome).toMatchObject({ error: { code: "TOOL_CHANGED" } });
  const missing = await ran(later.agent("gone", NAMED), { name: "ada" });
  expect(await missing.outcome).toMatchObject({ error: { code: "TOOL_NOT_FOUND" } });
  expect(() => later.agent("nothing", NAMED)).toThrow("has no tool nothing");
});

test("progress is a heartbeat, the server's log is the agent's, and a cancelled run cancels the call", async () => {
  const { tools, heard } = await here();
  const log: string[] = [];
  const flow = workflow("slow", "1.0.0", { input: contract("any", "1.0.0", z.object({})) })
    .step("slow", tools.agent("slow", { name: "slow", version: "1.0.0" }), {
      input: ({ input }) => input,
    })
    .output(({ slow }) => slow);
  const baton = await open({
    store: memory(),
    workflows: [flow],
    log: ({ level, message }) => log.push(`${level} ${message}`),
  });
  ends.push(() => baton.close());
  const run = await baton.start(flow, {});
  for await (const item of baton.watch(run.id, { partials: true })) {
    if (item.kind !== "progress") continue;
    expect(item.progress).toEqual({ progress: 1, total: 2, message: "half" });
    break;
  }
  await vi.waitFor(() => expect(log).toContain("warn this takes a while"));
  await baton.cancel(run.id, { by: { kind: "person", id: "ada" }, reason: "enough" });
  expect((await run.outcome()).kind).toBe("cancelled");
  await vi.waitFor(() => expect(heard.aborted).toEqual(["slow"]));
});

test("an answer that is too large ends the call, and the next one is made", async () => {
  const { tools } = await here({ resultBytesMax: 100_000 });
  const large = tools.agent("large", { name: "large", version: "1.0.0" });
  expect(await (await ran(large, { bytes: 200_000 })).outcome).toMatchObject({
    kind: "failed",
    error: { code: "VALUE_TOO_LARGE", message: "The answer of the tool is above 100000 bytes." },
  });
  expect(await (await ran(large, { bytes: 10 })).outcome).toMatchObject({ output: "x".repeat(10) });
});

test("what is no output is told: a picture, and a question that nobody answers", async () => {
  const { tools, heard } = await here();
  const of = async (tool: string) =>
    (await ran(tools.agent(tool, { name: tool, version: "1.0.0" }), {})).outcome;
  expect(await of("picture")).toMatchObject({
    error: {
      code: "TOOL_ANSWER_UNUSABLE",
      message: "The answer of the tool picture is no output: it has no text.",
    },
  });
  const asked = {
    error: { code: "TOOL_ANSWER_UNUSABLE", message: expect.stringContaining("nobody is there") },
  };
  expect(await of("asking")).toMatchObject(asked);
  // By a server that does not look at what a client can.
  const requests = { sure: { method: "elicitation/create", params: { message: "Sure?" } } };
  const result = { resultType: "input_required", inputRequests: requests };
  heard.instead.push((id) => Response.json({ jsonrpc: "2.0", id, result }));
  expect(await of("picture")).toMatchObject(asked);
});

test("a server that is busy is asked again, one that refuses is not", async () => {
  const { tools, heard } = await here();
  const lookup = tools.agent("lookup", NAMED);
  heard.instead.push(() => new Response("busy", { status: 503, headers: { "retry-after": "0" } }));
  expect((await (await ran(lookup, { name: "ada" })).outcome).kind).toBe("completed");
  heard.instead.push(
    () => new Response("who?", { status: 401 }),
    () => new Response("unused", { status: 500 }),
  );
  expect(await (await ran(lookup, { name: "ada" })).outcome).toMatchObject({
    kind: "failed",
    error: { code: "TOOL_SERVER_FAILED" },
  });
  expect(heard.instead).toHaveLength(1);
});

test("how long to wait is told to whoever makes the next attempt", async () => {
  const { tools, heard } = await here();
  heard.instead.push(() => new Response("busy", { status: 429, headers: { "retry-after": "7" } }));
  const { signal } = new AbortController();
  await expect(tools.call("lookup", { name: "ada" }, { signal })).rejects.toMatchObject({
    code: "TOOL_SERVER_FAILED",
    details: { status: 429, retryAfterMs: 7_000, nothingDone: true },
  });
});

test("frames that are none fail the attempt, and the next one is made over a connection of its own", async () => {
  const { tools, heard } = await here();
  const lookup = tools.agent("lookup", NAMED);
  const json = { headers: { "content-type": "application/json" } };
  heard.instead.push(
    () => new Response("{", json),
    () => new Response('{"jsonrpc":"2.0","id":0}', json),
  );
  expect((await (await ran(lookup, { name: "ada" })).outcome).kind).toBe("completed");
});

test("a server that is not there is named when the agents are made, and in the call where they are pinned", async () => {
  const { tools, url } = await here();
  const nowhere = { transport: { url: `${url.replace(/:\d+/, ":9")}?key=secret` } };
  await expect(mcpTools(nowhere)).rejects.toMatchObject({
    code: "TOOL_SERVER_FAILED",
    message: expect.not.stringContaining("secret"),
    details: { nothingDone: true },
  });
  const later = await mcpTools({ ...nowhere, pinned: tools.list });
  ends.push(() => later.close());
  const book = later.agent("book", { name: "book", version: "1.0.0", retry: { attempts: 1 } });
  // Nothing was done: even at most once this is a failure like any other, and nobody need be asked.
  expect(await (await ran(book, { cents: 1 })).outcome).toMatchObject({
    kind: "failed",
    error: { code: "TOOL_SERVER_FAILED" },
  });
});

test("headers are made for each request, and a redirect is not followed", async () => {
  const heard = told();
  let token = 0;
  const { url, close } = await hosted(toolHandler(heard));
  ends.push(close);
  const tools = await mcpTools({
    transport: { url, headers: () => ({ authorization: `Bearer ${(token += 1)}` }) },
  });
  ends.push(() => tools.close());
  const sent = heard.headers.map((headers) => headers.get("authorization"));
  expect(new Set(sent).size).toBe(sent.length);
  heard.instead.push(() => new Response(null, { status: 307, headers: { location: url } }));
  const { signal } = new AbortController();
  await expect(tools.call("lookup", { name: "ada" }, { signal })).rejects.toMatchObject({
    code: "TOOL_SERVER_FAILED",
  });
});

test("any arguments arrive as they are", async () => {
  const { tools } = await here();
  const { signal } = new AbortController();
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(
        fc.string({ unit: "grapheme" }).filter((key) => key !== "__proto__"),
        fc.jsonValue({ noUnicodeString: false }),
      ),
      async (given) => {
        const sent = JSON.parse(JSON.stringify(given)) as { readonly [key: string]: Json };
        const { text } = await tools.call("echo", sent, { signal });
        expect(JSON.parse(text)).toEqual(sent);
      },
    ),
    { numRuns: 20 },
  );
});

test.each([true, false])(
  "a server that dies in the middle of a call fails the attempt at once (asked for progress: %s)",
  async (asksProgress) => {
    const heard = told();
    const { url, close } = await hosted(toolHandler(heard));
    ends.push(close);
    const tools = await mcpTools({ transport: { url } });
    ends.push(() => tools.close());
    const { signal } = new AbortController();
    const heartbeat = asksProgress ? { heartbeat: () => undefined } : {};
    const calling = tools.call("slow", {}, { signal, ...heartbeat });
    calling.catch(() => undefined);
    await vi.waitFor(() => expect(heard.calls).toHaveLength(1));
    await close();
    await expect(calling).rejects.toMatchObject({ code: "TOOL_SERVER_FAILED" });
    await expect(calling).rejects.not.toMatchObject({ details: { nothingDone: true } });
  },
);

test("a workflow that is a tool is an agent again: a run that takes longer is joined by the next attempt", async () => {
  const lent = await openLending();
  ends.push(() => lent.close());
  const server = await mcpServer(lent, { wait: "50ms" });
  const { url, close } = await hosted(server.fetch);
  ends.push(close, () => server.close());
  const tools = await mcpTools({ transport: { url } });
  ends.push(() => tools.close());
  const lending = tools.agent("credit_lending", {
    name: "lending",
    version: "1.0.0",
    input: Application,
    output: Decision,
    retry: { attempts: 100, backoff: exponential("10ms", { max: "10ms" }) },
  });
  // It goes by the key.
  expect(lending.delivery).toBeUndefined();
  const { outcome, baton, run } = await ran(lending, { applicant: "ada", amount: 600 });
  for await (const item of baton.watch(run.id))
    if (item.kind === "entry" && item.entry.kind === "attempt.failed") break;
  const [served] = await lent.runs();
  await lent.approve(served?.id ?? "", "officer", {
    approved: true,
    by: { kind: "person", id: "olga" },
  });
  expect(await outcome).toEqual({
    kind: "completed",
    output: { applicant: "ada", approved: true },
  });
  expect(await lent.runs()).toHaveLength(1);
  // With the same key it would fail the same way for ever: there is one attempt.
  const failed = await ran(lending, { applicant: "nobody", amount: 1 });
  expect(await failed.outcome).toMatchObject({ kind: "failed", error: { code: "TOOL_FAILED" } });
  const kinds: string[] = [];
  for await (const { entry } of failed.baton.entries(failed.run.id)) kinds.push(entry.kind);
  expect(kinds.filter((kind) => kind === "attempt.failed")).toHaveLength(1);
});

test("a schema that can't be a contract says so, and what is pinned is looked at", async () => {
  const { tools, url } = await here();
  const [first] = tools.list;
  const draft7 = {
    $schema: "http://json-schema.org/draft-07/schema#",
    type: "object",
    properties: { pair: { type: "array", items: [{ type: "string" }, { type: "number" }] } },
    required: ["pair"],
  };
  const odd = { type: "object", properties: { name: { type: "string", madeUp: 1 } } };
  const pinned = [
    { ...(first ?? expect.fail()), name: "old", inputSchema: draft7 },
    { ...(first ?? expect.fail()), name: "odd", inputSchema: odd },
  ];
  const later = await mcpTools({ transport: { url }, pinned });
  ends.push(() => later.close());
  const valid = later.agent("old", NAMED).input.schema["~standard"].validate;
  expect(valid({ pair: ["a", 1] })).not.toHaveProperty("issues");
  expect(valid({ pair: [1, "a"] })).toHaveProperty("issues");
  expect(() => later.agent("odd", NAMED)).toThrow("Give it an `input` of your own");
  const broken = [{ name: "x" }] as unknown as typeof pinned;
  await expect(mcpTools({ transport: { url }, pinned: broken })).rejects.toMatchObject({
    code: "DEFINITION_INVALID",
  });
  await expect(mcpTools({ transport: { url: "nowhere" } })).rejects.toThrow("nowhere is no URL");
});
