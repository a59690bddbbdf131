/** Workflows as MCP tools, over real HTTP, asked by the SDK's own client. */
import { PassThrough } from "node:stream";
import type { Baton } from "baton";
import { mcpServer, type McpServerOptions } from "baton/mcp";
import { afterEach, expect, test, vi } from "vitest";
import { clientOf, hosted } from "./hosted.ts";
import { lending, openLending } from "./lending.ts";

const KEY = "baton/idempotency-key";
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Served {
  readonly baton: Baton;
  readonly url: string;
}

async function served(options: McpServerOptions = {}, left = (): void => {}): Promise<Served> {
  const baton = await openLending();
  ends.push(() => baton.close());
  const server = await mcpServer(baton, options);
  ends.push(() => server.close());
  const { url, close } = await hosted((request) => {
    request.signal.addEventListener("abort", left);
    return server.fetch(request);
  });
  ends.push(close);
  return { baton, url };
}

async function client(...args: Parameters<typeof clientOf>) {
  const made = await clientOf(...args);
  ends.push(() => made.close());
  return made;
}

/** A run's id, as an answer names it. */
function runOf({ _meta }: { readonly _meta?: Record<string, unknown> | undefined }): string {
  const run = _meta?.["baton/run"];
  return typeof run === "object" && run !== null && "id" in run ? String(run.id) : expect.fail();
}

const ADA = { applicant: "ada", amount: 100 };

test.each([
  ["auto", "2026-07-28"],
  ["legacy", "2025-11-25"],
] as const)("a client of the %s protocol, %s, calls a workflow", async (mode, version) => {
  const { url, baton } = await served();
  const asking = await client(url, mode);
  expect(asking.getNegotiatedProtocolVersion()).toBe(version);
  const { tools } = await asking.listTools();
  expect(tools.map(({ name }) => name)).toEqual(["credit_lending", "doubling", "baton_run_status"]);
  expect(tools[0]).toMatchObject({
    description: "Decides on a loan.",
    inputSchema: { type: "object", required: ["applicant", "amount"] },
    outputSchema: { type: "object", required: ["applicant", "approved"] },
  });
  const answer = await asking.callTool({ name: "credit_lending", arguments: ADA });
  expect(answer.structuredContent).toEqual({ applicant: "ada", approved: true });
  expect(answer.content).toEqual([{ type: "text", text: '{"applicant":"ada","approved":true}' }]);
  expect(await baton.report(runOf(answer))).toMatchObject({
    status: "completed",
    workflow: lending.id,
  });
});

const LARGE = { applicant: "ada", amount: 600 };
const BY = { kind: "person", id: "olga" } as const;

test("a value that is no object travels as the field `value` of one", async () => {
  const { url } = await served();
  const asking = await client(url);
  const { tools } = await asking.listTools();
  expect(tools[1]).toMatchObject({
    inputSchema: { type: "object", required: ["value"] },
    outputSchema: { type: "object", required: ["value"] },
  });
  const answer = await asking.callTool({ name: "doubling", arguments: { value: 21 } });
  expect(answer.structuredContent).toEqual({ value: 42 });
  const refused = await asking.callTool({ name: "doubling", arguments: { value: "x" } });
  expect(refused).toMatchObject({
    isError: true,
    structuredContent: { code: "RUN_REFUSED", violations: [{ path: "/value" }] },
  });
  expect(await asking.callTool({ name: "doubling", arguments: {} })).toMatchObject({
    isError: true,
    structuredContent: { code: "ARGUMENT_INVALID" },
  });
});

test("arguments that are refused come back with what is wrong, for the model to mend", async () => {
  const { url, baton } = await served();
  const answer = await (await client(url)).callTool({
    name: "credit_lending",
    arguments: { applicant: 7 },
  });
  expect(answer.isError).toBe(true);
  expect(answer.structuredContent).toMatchObject({
    code: "RUN_REFUSED",
    violations: [{ path: "/applicant" }, { path: "/amount" }],
  });
  expect(answer.content).toMatchObject([
    { text: expect.stringContaining("/amount: Invalid input: expected number") },
  ]);
  expect((await baton.report(runOf(answer))).status).toBe("refused");
});

test("a run that fails is answered with its code and step, and without a stack", async () => {
  const { url } = await served();
  const answer = await (await client(url)).callTool({
    name: "credit_lending",
    arguments: { applicant: "nobody", amount: 3 },
  });
  expect(answer).toMatchObject({
    isError: true,
    structuredContent: { code: "Error", message: "There is no such person.", step: "score" },
  });
  expect(JSON.stringify(answer)).not.toContain(".ts:");
});

test("a tool that is not there is refused by the protocol", async () => {
  const { url } = await served();
  const asking = await client(url);
  await expect(asking.callTool({ name: "nothing" })).rejects.toThrow("Unknown tool: nothing");
});

test("what takes longer than `wait` is answered as unfinished, and its status is told once a person has approved", async () => {
  const { url, baton } = await served({ wait: "50ms" });
  const asking = await client(url);
  const answer = await asking.callTool({ name: "credit_lending", arguments: LARGE });
  const run = runOf(answer);
  expect(answer).toMatchObject({
    isError: true,
    structuredContent: {
      code: "RUN_UNFINISHED",
      run,
      status: "waiting",
      waits: [{ what: "approval", path: "officer" }],
    },
  });
  const status = async () =>
    (await asking.callTool({ name: "baton_run_status", arguments: { run } })).structuredContent;
  expect(await status()).toMatchObject({ run, status: "waiting", waits: [{ path: "officer" }] });
  await baton.approve(run, "officer", { approved: true, by: BY });
  await (await baton.run(run)).result();
  expect(await status()).toEqual({
    run,
    workflow: "credit.lending@1.0.0",
    status: "completed",
    output: { applicant: "ada", approved: true },
  });
});

test("the same key is the same run, for two clients at once too; with other arguments it is a conflict", async () => {
  const { url, baton } = await served();
  const [one, other] = [await client(url), await client(url, "legacy")];
  const call = { name: "credit_lending", arguments: ADA, _meta: { [KEY]: "k-1" } };
  const answers = await Promise.all([one.callTool(call), other.callTool(call), one.callTool(call)]);
  expect(new Set(answers.map(runOf)).size).toBe(1);
  expect(answers.every(({ structuredContent }) => structuredContent !== undefined)).toBe(true);
  expect(await baton.runs()).toHaveLength(1);
  expect(await one.callTool({ ...call, arguments: LARGE })).toMatchObject({
    isError: true,
    structuredContent: { code: "RUN_CONFLICT" },
  });
});

test("who asks for progress is told of each step that is sealed", async () => {
  const { url } = await served({ wait: "50ms" });
  for (const mode of ["auto", "legacy"] as const) {
    const told: unknown[] = [];
    await (await client(url, mode)).callTool(
      { name: "credit_lending", arguments: ADA },
      { onprogress: (progress) => told.push(progress) },
    );
    expect(told).toContainEqual({ progress: 1, message: "score is done" });
  }
});

/** Calls, and cancels the call once the run waits for the officer. */
async function cancelled({ baton, url }: Served, meta: Record<string, string>): Promise<string> {
  const controller = new AbortController();
  const asking = await client(url);
  const calling = asking.callTool(
    { name: "credit_lending", arguments: LARGE, _meta: meta },
    { signal: controller.signal, onprogress: () => undefined },
  );
  calling.catch(() => undefined);
  const run = await vi.waitFor(async () => {
    const [found] = await baton.runs({ status: "waiting" });
    return found?.id ?? expect.fail("It does not wait yet.");
  });
  controller.abort();
  await expect(calling).rejects.toThrow("abort");
  return run;
}

test("a client that cancels its call cancels the run; one that has a key can come back for it", async () => {
  const here = await served();
  const gone = await cancelled(here, {});
  await vi.waitFor(async () => expect((await here.baton.report(gone)).status).toBe("cancelled"));
  const kept = await cancelled(here, { [KEY]: "k-2" });
  const again = (await client(here.url)).callTool({
    name: "credit_lending",
    arguments: LARGE,
    _meta: { [KEY]: "k-2" },
  });
  await here.baton.approve(kept, "officer", { approved: false, by: BY });
  expect(await again).toMatchObject({ structuredContent: { approved: false } });
});

test("by protocols before 2026 a connection that is lost over HTTP cancels nothing", async () => {
  let left = 0;
  const { baton, url } = await served({}, () => (left += 1));
  const asking = await client(url, "legacy");
  const calling = asking.callTool({ name: "credit_lending", arguments: LARGE });
  calling.catch(() => undefined);
  const run = await vi.waitFor(async () => {
    const [found] = await baton.runs({ status: "waiting" });
    return found?.id ?? expect.fail("It does not wait yet.");
  });
  await asking.close();
  await expect(calling).rejects.toThrow("closed");
  await vi.waitFor(() => expect(left).toBeGreaterThan(0));
  // Served after the server has heard of it.
  await (await client(url)).listTools();
  await baton.approve(run, "officer", { approved: true, by: BY });
  expect((await (await baton.run(run)).outcome()).kind).toBe("completed");
});

test("`whenAbandoned` says otherwise", async () => {
  const leaving = await served({ whenAbandoned: "leave" });
  const kept = await cancelled(leaving, {});
  await leaving.baton.approve(kept, "officer", { approved: true, by: BY });
  expect((await (await leaving.baton.run(kept)).outcome()).kind).toBe("completed");
  const cancelling = await served({ whenAbandoned: "cancel" });
  const gone = await cancelled(cancelling, { [KEY]: "k" });
  expect((await (await cancelling.baton.run(gone)).outcome()).kind).toBe("cancelled");
});

test("who calls is the author of the run, and nobody else gets at it, by its key or by its id", async () => {
  const { url, baton } = await served({
    wait: "50ms",
    authenticate: async (request) => {
      const id = request.headers.get("authorization")?.slice("Bearer ".length);
      if (id === undefined) return new Response("who?", { status: 401 });
      return { clientId: id, extra: { sub: `user of ${id}` } };
    },
  });
  await expect(client(url)).rejects.toThrow("401");
  const ada = await client(url, "auto", { authorization: "Bearer ada" });
  const bob = await client(url, "legacy", { authorization: "Bearer bob" });
  const call = { name: "credit_lending", arguments: ADA, _meta: { [KEY]: "k" } };
  const [adas, bobs] = [runOf(await ada.callTool(call)), runOf(await bob.callTool(call))];
  expect(adas).not.toBe(bobs);
  for await (const { entry } of baton.entries(adas)) {
    expect(entry.by).toEqual({ kind: "program", id: "ada", onBehalfOf: "user of ada" });
    break;
  }
  const asked = { name: "baton_run_status", arguments: { run: adas } };
  expect((await ada.callTool(asked)).structuredContent).toMatchObject({ status: "completed" });
  expect((await bob.callTool(asked)).structuredContent).toEqual({
    code: "RUN_NOT_FOUND",
    message: `There is no run ${adas}.`,
  });
});

test("who can't be found out is not let in, and why is not told", async () => {
  const errors: Error[] = [];
  const { url } = await served({
    authenticate: () => Promise.reject(new Error("the directory at 10.0.0.1 is down")),
    onError: (error) => errors.push(error),
  });
  const answer = await fetch(url, { method: "POST", body: "{}" });
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain("10.0.0.1");
  expect(errors).toMatchObject([{ message: "the directory at 10.0.0.1 is down" }]);
});

test("what `authenticate` gives is a caller only where it says who that is", async () => {
  const errors: Error[] = [];
  const baton = await openLending();
  ends.push(() => baton.close());
  const answered = async (given: unknown) => {
    // Whoever writes no types gives anything.
    const authenticate = async () => given as Response;
    const server = await mcpServer(baton, {
      authenticate,
      onError: (error) => errors.push(error),
    });
    ends.push(() => server.close());
    const headers = { "content-type": "application/json", accept: "application/json" };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list", params: {} });
    return await server.fetch(
      new Request("http://127.0.0.1/mcp", { method: "POST", headers, body }),
    );
  };
  // As adapters and older packages have classes of their own for it.
  const foreign = { status: 401, headers: new Headers(), body: null };
  expect(await answered(foreign)).toBe(foreign);
  expect(errors).toEqual([]);
  for (const given of [undefined, null, "ann", {}, { clientId: "" }, { clientId: 7 }])
    expect((await answered(given)).status).toBe(500);
  expect(errors).toHaveLength(6);
});

test("without `authenticate` it is reached by the names of the own machine only", async () => {
  const { url } = await served();
  const asked = (headers: Record<string, string>) =>
    fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: "{}",
    });
  expect((await asked({ origin: "https://evil.example" })).status).toBe(403);
  const baton = await openLending();
  ends.push(() => baton.close());
  const server = await mcpServer(baton, { hosts: ["tools.example"] });
  const named = (host: string) =>
    server.fetch(
      new Request(`http://${host}/mcp`, { method: "POST", headers: { host }, body: "{}" }),
    );
  expect((await named("evil.example")).status).toBe(403);
  expect((await named("tools.example")).status).not.toBe(403);
});

test("frames that are none are refused, and the next call is served", async () => {
  const { url } = await served({ requestBytesMax: 10_000 });
  const post = async (body: string, type = "application/json") =>
    (
      await fetch(url, {
        method: "POST",
        headers: { "content-type": type, accept: "application/json, text/event-stream" },
        body,
      })
    ).status;
  expect(await post("{")).toBe(400);
  expect(await post("[]")).toBe(400);
  expect(await post('{"jsonrpc":"1.0","id":1,"method":"tools/list"}')).toBe(400);
  expect(await post("{}", "text/plain")).toBe(415);
  expect(await post(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "x".repeat(20_000) }))).toBe(
    413,
  );
  expect((await fetch(url)).status).toBe(405);
  const answer = await (await client(url)).callTool({ name: "credit_lending", arguments: ADA });
  expect(answer.isError).toBeUndefined();
});

test("what can't be offered is named when the server is made", async () => {
  const baton = await openLending();
  ends.push(() => baton.close());
  const made = mcpServer(baton, {
    workflows: [
      lending,
      { workflow: lending, tool: "credit_lending" },
      { workflow: lending, tool: "a b" },
    ],
  });
  await expect(made).rejects.toMatchObject({
    code: "DEFINITION_INVALID",
    details: {
      problems: [
        "There are two tools credit_lending: name one of them with `tool`.",
        'The name of a tool, "a b", is not 1 to 64 letters, digits, dashes and underscores.',
      ],
    },
  });
  await expect(mcpServer(baton, { workflows: [] })).rejects.toThrow(
    "There is no workflow to serve.",
  );
  await expect(mcpServer(baton, { wait: "30d" })).rejects.toMatchObject({
    code: "DEFINITION_INVALID",
    details: { problems: ["`wait` is longer than a day."] },
  });
});

test("what goes wrong with the server itself is told to whoever runs it, and to the caller by its code only", async () => {
  const errors: Error[] = [];
  const { url, baton } = await served({ onError: (error) => errors.push(error) });
  const asking = await client(url);
  await baton.close();
  const answer = await asking.callTool({ name: "credit_lending", arguments: ADA });
  expect(answer).toMatchObject({
    isError: true,
    structuredContent: { code: "STORE_CLOSED", message: "The server could not do this now." },
  });
  expect(errors).toMatchObject([{ code: "STORE_CLOSED" }]);
});

test("over stdio the connection ends with a frame that is too large", async () => {
  const baton = await openLending();
  ends.push(() => baton.close());
  const errors: Error[] = [];
  const server = await mcpServer(baton, {
    requestBytesMax: 1_000,
    onError: (error) => errors.push(error),
  });
  const [input, output] = [new PassThrough(), new PassThrough()];
  const ended = server.stdio({ input, output });
  input.write("x".repeat(5_000));
  await ended;
  expect(errors).toHaveLength(1);
});
