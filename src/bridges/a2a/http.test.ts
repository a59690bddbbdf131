/** What the server says to requests that are not what they should be, and to many at once; and both bridges, one against the other. */
import { generateAgentCardSignature, Role, TaskState } from "@a2a-js/sdk";
import { generateKeyPairSync } from "node:crypto";
import { expect, it } from "vitest";
import { z } from "zod";
import {
  asTask,
  byToken,
  clientOf,
  message,
  openedNow,
  order,
  outputOf,
  served,
  site,
} from "../../../test/support/a2a.ts";
import { gate } from "../../../test/support/opened.ts";
import { a2aAgent, a2aServer } from "../../a2a.ts";
import { idle } from "../../../test/support/graphs.ts";
import { agent, type AgentContext, BatonError, contract, memory, workflow } from "../../index.ts";

const Word = contract("word", "1.0.0", z.object({ word: z.string() }));
const echo = agent({
  name: "echo",
  version: "1.0.0",
  input: Word,
  output: Word,
  execute: ({ word }) => ({ word: word.toUpperCase() }),
});
const echoing = workflow("echoing", "1.0.0", { input: Word })
  .step("say", echo, { input: ({ input }) => input })
  .output(({ say }) => say);

const HEADERS = {
  authorization: "Bearer ann",
  "a2a-version": "1.0",
  "content-type": "application/json",
};
const rpc = (method: string, params: unknown, id: unknown = 1) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});
const send = (messageId: string, parts: readonly unknown[], more: object = {}) =>
  rpc("SendMessage", { message: { messageId, role: "ROLE_USER", parts, ...more } });

async function posted(url: string, body: unknown, headers: object = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { ...HEADERS, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const type = response.headers.get("content-type");
  return { status: response.status, type, json: JSON.parse(text) as never };
}

it("says what is wrong with a request in the protocol's own words", async () => {
  const { url, errors } = await served([echoing], { bodyBytesMax: 2_000 });
  const word = [{ data: { word: "a" } }];
  const cases: readonly (readonly [unknown, object, number])[] = [
    ["{", {}, -32602],
    [{ jsonrpc: "1.0" }, {}, -32602],
    [rpc("Dance", {}), {}, -32601],
    [rpc("SendMessage", {}), {}, -32602],
    [send("m/1", word), {}, -32602],
    [send("m", word, { contextId: "a b" }), {}, -32602],
    [send("m", []), {}, -32602],
    [send("m", [...word, ...word]), {}, -32602],
    [send("m", [{ url: "http://x" }]), {}, -32005],
    [send("m", word), { "content-type": "text/plain" }, -32005],
    [send("m", word), { "a2a-version": "0.3" }, -32009],
    [send("m", word, { taskId: "a~b~c" }), {}, -32001],
    [rpc("GetTask", { id: "x" }), {}, -32001],
    [rpc("GetTask", { id: "" }), {}, -32001],
    [rpc("ListTasks", { pageSize: 1_000 }), {}, -32602],
    [rpc("ListTasks", { pageToken: "x" }), {}, -32602],
    [rpc("ListTasks", { statusTimestampAfter: "soon" }), {}, -32602],
    [rpc("CreateTaskPushNotificationConfig", { taskId: "x" }), {}, -32003],
    [rpc("GetExtendedAgentCard", {}), {}, -32004],
  ];
  for (const [body, headers, code] of cases) {
    const { status, json } = await posted(url, body, headers);
    expect([body, status, json]).toMatchObject([body, 200, { error: { code } }]);
  }
  expect(errors).toEqual([]);
  const rest = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}${path}`, { headers: HEADERS, ...init });
    return [response.status, response.headers.get("content-type")];
  };
  expect(await rest("tasks/x")).toEqual([404, "application/a2a+json"]);
  expect(await rest("message:send", { method: "POST", body: "[" })).toEqual([
    400,
    "application/a2a+json",
  ]);
  expect(await rest("nowhere")).toEqual([404, "application/problem+json"]);
  expect(await rest("", { headers: {} })).toEqual([401, "application/problem+json"]);
  expect(await rest("", { method: "POST", body: "x".repeat(3_000) })).toEqual([
    413,
    "application/problem+json",
  ]);
});

it("takes JSON as text, and text as it is", async () => {
  const { url } = await served([echoing]);
  const { json } = await posted(url, send("t", [{ text: '{"word":' }, { text: '"b"}' }]));
  expect(json).toMatchObject({
    result: { task: { artifacts: [{ parts: [{ data: { word: "B" } }] }] } },
  });
  const refused = await posted(url, send("u", [{ text: "b" }]));
  expect(refused.json).toMatchObject({
    result: { task: { status: { state: "TASK_STATE_REJECTED" } } },
  });
});

it("shows its card to everybody, and says when it has not changed", async () => {
  const { url } = await served([
    { workflow: echoing, id: "echo", examples: ['{"word":"a"}'], tags: ["words"] },
  ]);
  const at = new URL(".well-known/agent-card.json", url);
  const first = await fetch(at);
  expect(await first.json()).toMatchObject({
    name: "house",
    supportedInterfaces: [
      { protocolBinding: "JSONRPC", protocolVersion: "1.0", url },
      { protocolBinding: "HTTP+JSON", protocolVersion: "1.0" },
    ],
    capabilities: { streaming: true, pushNotifications: false },
    skills: [{ id: "echo", examples: ['{"word":"a"}'], tags: ["words"] }],
  });
  const etag = first.headers.get("etag") ?? "";
  expect((await fetch(at, { headers: { "if-none-match": etag } })).status).toBe(304);
  expect((await fetch(at, { method: "POST" })).status).toBe(405);
});

it("signs its card, and says how its callers are to identify themselves", async () => {
  const at = await site();
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const token = { httpAuthSecurityScheme: { scheme: "Bearer" } };
  const card = {
    name: "signed",
    description: "x",
    version: "1.0.0",
    url: at.url,
    securitySchemes: { token },
    securityRequirements: [{ schemes: { token: { list: [] } } }],
  };
  const { url } = await served([echoing], {
    card,
    sign: generateAgentCardSignature(privateKey, { alg: "EdDSA", kid: "k", typ: "JOSE" }),
  });
  const published = await fetch(`${url}.well-known/agent-card.json`);
  expect(await published.clone().json()).toMatchObject({
    securitySchemes: { token },
    securityRequirements: [{ schemes: { token: {} } }],
    signatures: [{ signature: expect.any(String) }],
  });
  at.answer((request) =>
    request.url.endsWith(".json")
      ? published.clone()
      : fetch(url, {
          method: "POST",
          headers: request.headers,
          body: request.body,
          duplex: "half",
        }),
  );
  const step = a2aAgent({
    name: "echo-there",
    version: "1.0.0",
    input: Word,
    output: Word,
    card: at.url,
    auth: { bearer: "lender" },
    keys: async () => publicKey,
  });
  const flow = workflow("signed", "1.0.0", { input: Word })
    .step("say", step, { input: ({ input }) => input })
    .output(({ say }) => say);
  const baton = await openedNow({ workflows: [flow] });
  expect(await (await baton.start(flow, { word: "a" })).result()).toEqual({ word: "A" });
});

it("is found below another path, where a proxy takes the card's away", async () => {
  const baton = await openedNow({ workflows: [echoing] });
  const handler = await a2aServer(baton, {
    workflows: [echoing],
    card: { name: "x", description: "x", version: "1.0.0", url: "https://x.example/at" },
    author: byToken,
    path: "/",
  });
  const asked = async (path: string) =>
    (await handler(new Request(`http://inside${path}`, { headers: HEADERS }))).status;
  expect(await asked("/.well-known/agent-card.json")).toBe(200);
  expect(await asked("/tasks")).toBe(200);
  expect(await asked("/at/tasks")).toBe(404);
});

it("keeps what goes wrong in here to itself, and says when it is busy", async () => {
  const { url, errors, baton } = await served([echoing]);
  const broken = (error: Error) => async () => await Promise.reject(error);
  const secret = new Error("the password is tiger");
  const overloaded = new BatonError("OVERLOADED", "Full.", { details: { retryAfterMs: 1_500 } });
  for (const [error, status, said] of [
    [secret, 200, { error: { code: -32603, message: "Internal error." } }],
    [overloaded, 503, { status: 503 }],
  ] as const) {
    const card = { name: "x", description: "x", version: "1.0.0", url };
    const options = { workflows: [echoing], card, author: byToken };
    const failing = { ...baton, startUntyped: broken(error) };
    const handler = await a2aServer(failing, { ...options, onError: (e) => void seen.push(e) });
    const seen: unknown[] = [];
    const body = JSON.stringify(send("m", [{ data: { word: "a" } }]));
    const response = await handler(new Request(url, { method: "POST", headers: HEADERS, body }));
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject(said);
    if (status === 503) expect(response.headers.get("retry-after")).toBe("2");
    expect(seen).toEqual(status === 503 ? [] : [secret]);
  }
  expect(errors).toEqual([]);
});

it("is refused with all that is wrong with it", async () => {
  const baton = await openedNow({ workflows: [] });
  const wrong = a2aServer(baton, {
    workflows: [echoing, echoing],
    card: { name: "x", description: "x", version: "1.0.0", url: "nowhere" },
    author: undefined as never,
    bodyBytesMax: 0,
    path: "x",
  });
  const problems = await wrong.catch((error: BatonError) => error.details["problems"]);
  expect(problems).toHaveLength(7);
});

it("gives partial output to callers that listen, where it is told to", async () => {
  let isHeard = false;
  const slow = agent({
    name: "slow",
    version: "1.0.0",
    input: Word,
    output: Word,
    execute: async ({ word }, context) => {
      while (!isHeard) {
        context.stream({ so: "far" });
        await new Promise((resolve) => setImmediate(resolve));
      }
      return { word };
    },
  });
  const flow = workflow("slow", "1.0.0", { input: Word })
    .step("say", slow, { input: ({ input }) => input })
    .output(({ say }) => say);
  const { url } = await served([flow], { partials: true });
  const client = await clientOf(url);
  const stream = client.sendMessageStream(order(message("m", { word: "a" })));
  let partial: unknown;
  for await (const { payload } of stream) {
    if (payload?.$case !== "statusUpdate" || partial !== undefined) continue;
    const { status } = payload.value;
    partial = status?.message?.parts[0]?.content;
    expect(status?.message?.role).toBe(Role.ROLE_AGENT);
    expect(status?.state).toBe(TaskState.TASK_STATE_WORKING);
    isHeard = true;
  }
  expect(partial).toEqual({ $case: "data", value: { so: "far" } });
});

it("listens to a run no longer than its caller listens", async () => {
  const flow = workflow("waiting", "1.0.0", { input: Word })
    .approval("permit", { show: ({ input }) => input, timeout: "1h", needs: ["input"] })
    .output(({ permit }) => permit);
  const baton = await openedNow({ workflows: [flow] });
  let ended = gate();
  const handler = await a2aServer(
    {
      ...baton,
      watch: async function* (run, options) {
        try {
          yield* baton.watch(run, options);
        } finally {
          ended.open();
        }
      },
    },
    {
      workflows: [flow],
      card: { name: "x", description: "x", version: "1.0.0", url: "http://x/at" },
      author: byToken,
    },
  );
  const ask = (body: unknown) => {
    const init = { method: "POST", headers: HEADERS, body: JSON.stringify(body) };
    return handler(new Request("http://x/at", init));
  };
  await ask(send("m", [{ data: { word: "a" } }]));
  await ended.promise;
  ended = gate();
  const stream = await ask(rpc("SubscribeToTask", { id: "m" }));
  expect(stream.headers.get("content-type")).toBe("text/event-stream");
  const reader = stream.body?.getReader();
  const first = await reader?.read();
  expect(new TextDecoder().decode(first?.value)).toContain("TASK_STATE_INPUT_REQUIRED");
  await reader?.cancel();
  await ended.promise;
});

it("tells those who listen that somebody else has answered", async () => {
  const release = gate();
  const slow = agent({
    name: "slow",
    version: "1.0.0",
    input: Word,
    output: Word,
    execute: async ({ word }) => {
      await release.promise;
      return { word };
    },
  });
  const flow = workflow("slow", "1.0.0", { input: Word })
    .approval("permit", { show: ({ input }) => input, timeout: "1h", needs: ["input"] })
    .step("say", slow, { needs: ["permit", "input"], input: ({ input }) => input })
    .output(({ say }) => say);
  const { url, baton } = await served([flow]);
  const client = await clientOf(url);
  await client.sendMessage(order(message("m", { word: "a" })));
  const [run] = await baton.runs();
  const heard: unknown[] = [];
  for await (const { payload } of client.resubscribeTask({ tenant: "", id: "m" })) {
    if (payload?.$case === "task") {
      const by = { kind: "person", id: "grace" } as const;
      await baton.approve(run?.id ?? "", "permit", { approved: true, by });
    }
    if (payload?.$case !== "statusUpdate") continue;
    heard.push(payload.value.status?.state);
    release.open();
  }
  expect(heard).toEqual([TaskState.TASK_STATE_WORKING, TaskState.TASK_STATE_COMPLETED]);
});

it("serves many callers at once, each with its own answers", async () => {
  const { url, baton } = await served([echoing]);
  const callers = await Promise.all(["ann", "bob"].map((name) => clientOf(url, name)));
  const words = Array.from({ length: 20 }, (_, i) => `w${i}`);
  const answers = await Promise.all(
    callers.flatMap((client, who) =>
      // Each message twice, as one that is sent again.
      [...words, ...words].map(async (word) => {
        const sent = message(word, { word: `${word}-${who}` });
        return outputOf(asTask(await client.sendMessage(order(sent))));
      }),
    ),
  );
  const expected = callers.flatMap((_, who) =>
    [...words, ...words].map((word) => ({ word: `${word}-${who}`.toUpperCase() })),
  );
  expect(answers).toEqual(expected);
  expect(await baton.runs({ limit: 1_000 })).toHaveLength(2 * words.length);
});

it("joins what a message has begun that is sent again, since what came of it was lost in a crash", async () => {
  const { url, baton } = await served([echoing]);
  const step = a2aAgent({
    name: "echo-there",
    version: "1.0.0",
    input: Word,
    output: Word,
    card: url,
    auth: { bearer: "lender" },
  });
  // Nothing is recorded of it: as in a process that is killed before it could be.
  const key = { idempotencyKey: "k", traceparent: "00", attempt: 1 };
  const forgetful = {
    ...idle(),
    ...key,
    once: async (_: string, effect: () => unknown) => effect(),
  };
  for (const _ of [1, 2])
    expect(await step.execute({ word: "a" }, forgetful as AgentContext)).toEqual({ word: "A" });
  expect(await baton.runs()).toHaveLength(1);
});

it("is a step of another Baton, also where it asks a person of its own", async () => {
  const asking = workflow("asking", "1.0.0", { input: Word })
    .approval("permit", { show: ({ input }) => input, timeout: "1h", needs: ["input"] })
    .step("say", echo, { needs: ["permit", "input"], input: ({ input }) => input })
    .output(({ say }) => say);
  const { url, baton: remote } = await served([asking, echoing]);
  const step = (onAsked: "fail" | "wait") =>
    a2aAgent({
      name: `asker-${onAsked}`,
      version: "1.0.0",
      input: Word,
      output: Word,
      card: url,
      skill: "asking",
      auth: { bearer: "lender" },
      poll: "10ms",
      onAsked,
    });
  const flowOf = (onAsked: "fail" | "wait") =>
    workflow(`outer-${onAsked}`, "1.0.0", { input: Word })
      .step("ask", step(onAsked), { input: ({ input }) => input })
      .output(({ ask }) => ask);
  const [waits, fails] = [flowOf("wait"), flowOf("fail")];
  const here = await openedNow({ workflows: [waits, fails], store: memory() });
  const failed = await here.start(fails, { word: "b" });
  expect(await failed.outcome()).toMatchObject({
    kind: "failed",
    error: { code: "REMOTE_ASKS" },
  });
  expect((await remote.runs()).map(({ status }) => status)).toEqual(["cancelled"]);

  const waiting = await here.start(waits, { word: "b" });
  const told = new Promise<string>((resolve) => {
    const look = async (): Promise<void> => {
      const [run] = await remote.runs({ open: true });
      const asked = run === undefined ? [] : (await remote.waits(run.id)).waits;
      if (run !== undefined && asked.some(({ what }) => what === "approval")) resolve(run.id);
      else setImmediate(() => void look());
    };
    void look();
  });
  const by = { kind: "person", id: "grace" } as const;
  await remote.approve(await told, "permit", { approved: true, by });
  expect(await waiting.result()).toEqual({ word: "B" });
  expect(await remote.runs()).toHaveLength(2);
});
