/** Remote agents as steps: made with the real SDK, on real sockets. */
import { generateAgentCardSignature, AgentCard, TaskState } from "@a2a-js/sdk";
import { generateKeyPairSync } from "node:crypto";
import { expect, it } from "vitest";
import { z } from "zod";
import {
  type Acting,
  openedNow,
  sdkAgent,
  type SdkAgentOptions,
} from "../../../test/support/a2a.ts";
import { gate, journalOf } from "../../../test/support/opened.ts";
import {
  type Baton,
  type BatonError,
  contract,
  exponential,
  type Json,
  memory,
  workflow,
} from "../../index.ts";
import { a2aAgent, type A2aAgentOptions, a2aCardHash } from "../../a2a.ts";

const Order = contract("order", "1.0.0", z.object({ item: z.string(), count: z.int() }));
const Price = contract("price", "1.0.0", z.object({ cents: z.int() }));
type Input = { item: string; count: number };
type Output = { cents: number };
type Options = Partial<A2aAgentOptions<Input, Output>>;

const { TASK_STATE_WORKING, TASK_STATE_COMPLETED, TASK_STATE_FAILED } = TaskState;
const prices: Acting = ({ value }, publish) => {
  publish({ state: TASK_STATE_WORKING, text: "looking" });
  publish({ data: { cents: 100 * (value as Input).count } });
  publish({ state: TASK_STATE_COMPLETED });
};

function flowOf(card: string, options: Options) {
  const pricer = a2aAgent({
    name: "pricer",
    version: "1.0.0",
    input: Order,
    output: Price,
    card,
    poll: "10ms",
    retry: { attempts: 1 },
    ...options,
  });
  return workflow("pricing", "1.0.0", { input: Order })
    .step("price", pricer, { input: ({ input }) => input })
    .output(({ price }) => price);
}

async function priced(act: Acting, options: Options = {}, how: SdkAgentOptions = {}) {
  const remote = await sdkAgent(act, how);
  const flow = flowOf(remote.url, options);
  const baton = await openedNow({ workflows: [flow] });
  const run = await baton.start(flow, { item: "nail", count: 3 }, { id: "r" });
  return { remote, baton, run };
}

async function attemptsOf(baton: Baton) {
  const journal = await journalOf(baton, "r");
  return journal.filter((line) => line.startsWith("attempt.failed"));
}

async function failureOf(baton: Baton): Promise<Json> {
  for await (const { entry } of baton.entries("r"))
    if (entry.kind === "attempt.failed") return entry.payload["error"] ?? null;
  return null;
}

it("sends its input, follows the task, and gives what came out", async () => {
  let isHeard = false;
  const remote = await sdkAgent(async (asked, publish) => {
    while (!isHeard) {
      publish({ state: TASK_STATE_WORKING, text: "looking" });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await prices(asked, publish);
  });
  const flow = flowOf(remote.url, { auth: { bearer: async () => "secret" } });
  const baton = await openedNow({ workflows: [flow] });
  const run = await baton.start(flow, { item: "nail", count: 3 }, { id: "r" });
  const heard: unknown[] = [];
  for await (const item of baton.watch("r", { partials: true })) {
    if (item.kind !== "partial") continue;
    isHeard = true;
    heard.push(item.chunk);
  }
  expect(await run.result()).toEqual({ cents: 300 });
  expect(heard[0]).toMatchObject({ kind: "status", status: { state: "TASK_STATE_WORKING" } });
  expect(new Set(remote.heard.map(({ method }) => method))).toEqual(
    new Set(["card", "SendMessage", "GetTask", "SubscribeToTask"]),
  );
  for (const { headers } of remote.heard) {
    expect(headers.get("authorization")).toBe("Bearer secret");
    expect(headers.get("traceparent")).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  }
});

it("asks now and then where an agent does not stream, or only says that it does", async () => {
  for (const streaming of [false, true]) {
    const { run, remote } = await priced(
      async (asked, publish) => {
        publish({ state: TASK_STATE_WORKING });
        await new Promise((resolve) => setImmediate(resolve));
        await prices(asked, publish);
      },
      { auth: { apiKey: "k", header: "x-api-key" } },
      {
        card: { capabilities: { streaming, pushNotifications: false, extensions: [] } },
        before: (_, method) =>
          method === "SubscribeToTask" ? Response.json({ jsonrpc: "2.0", id: 0 }) : undefined,
      },
    );
    expect(await run.result()).toEqual({ cents: 300 });
    expect(remote.heard.at(-1)?.headers.get("x-api-key")).toBe("k");
  }
});

it.each([
  ["an end, and stays open", true],
  ["nothing", false],
])("looks at the task where a stream says %s", async (_, speaks) => {
  const listened = gate();
  const { run, remote } = await priced(
    async (_asked, publish) => {
      publish({ state: TASK_STATE_WORKING });
      await listened.promise;
      publish({ state: TaskState.TASK_STATE_INPUT_REQUIRED, text: "which nail?" });
    },
    // Silence would be longer than this test may take where the stream says that there is an end.
    { poll: speaks ? "1s" : "10ms" },
    {
      before: (_request, method, id) => {
        if (method !== "SubscribeToTask") return undefined;
        listened.open();
        return stayingOpen(id, speaks ? [{ task: { id: "t", status: { state: ASKS } } }] : []);
      },
    },
  );
  expect(await run.outcome()).toMatchObject({
    kind: "failed",
    error: { code: "REMOTE_ASKS" },
  });
  const methods = remote.heard.map(({ method }) => method);
  expect(methods.filter((each) => each === "SubscribeToTask")).toHaveLength(1);
});

const ASKS = "TASK_STATE_INPUT_REQUIRED";

/** A stream of answers to one request, which is never closed. */
function stayingOpen(id: unknown, results: readonly object[]): Response {
  const events = results.map((result) => ({ jsonrpc: "2.0", id, result }));
  const text = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(`: open\n\n${text}`)),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

it("takes an answer that comes as a message, or as text", async () => {
  const { run } = await priced(
    () => {},
    {},
    {
      before: (_, method) => {
        const message = { messageId: "a", role: "ROLE_AGENT", parts: [{ text: '{"cents":7}' }] };
        return method === "SendMessage"
          ? Response.json({ jsonrpc: "2.0", id: 1, result: { message } })
          : undefined;
      },
    },
  );
  expect(await run.result()).toEqual({ cents: 7 });
  const { run: other } = await priced(
    (_, publish) => publish({ state: TASK_STATE_COMPLETED, text: "seven" }),
    { result: ([part]) => ({ cents: part?.text === "seven" ? 7 : 0 }) },
  );
  expect(await other.result()).toEqual({ cents: 7 });
});

it("makes another attempt with another task where one failed, and none where it was rejected", async () => {
  const ids: string[] = [];
  const { run, baton } = await priced(
    (asked, publish) => {
      ids.push(asked.message.messageId);
      if (ids.length === 1) return publish({ state: TASK_STATE_FAILED, text: "not now" });
      return prices(asked, publish);
    },
    { retry: { attempts: 3, backoff: exponential("1ms") } },
  );
  expect(await run.result()).toEqual({ cents: 300 });
  expect(ids[1]).toBe(`${ids[0]}-2`);
  expect(await failureOf(baton)).toMatchObject({ code: "REMOTE_FAILED" });

  const { run: refused, baton: second } = await priced(
    (_, publish) => publish({ state: TaskState.TASK_STATE_REJECTED, text: "no" }),
    { retry: { attempts: 3, backoff: exponential("1ms") } },
  );
  expect(await refused.outcome()).toMatchObject({ kind: "failed" });
  expect(await attemptsOf(second)).toEqual(["attempt.failed price 1"]);
});

it("fails where it is asked for more, and has the task cancelled", async () => {
  const asks: Acting = (_, publish) =>
    publish({ state: TaskState.TASK_STATE_INPUT_REQUIRED, text: "which nail?" });
  const { run, baton, remote } = await priced(asks, { retry: { attempts: 3 } });
  expect(await run.outcome()).toMatchObject({ kind: "failed" });
  expect(await failureOf(baton)).toMatchObject({
    code: "REMOTE_ASKS",
    message: "The remote agent asks for more: which nail?",
  });
  expect(remote.cancelled).toHaveLength(1);
});

it("waits where it is told to, until somebody else has answered", async () => {
  let looks = 0;
  const answered = gate();
  const { run } = await priced(
    async (asked, publish) => {
      publish({ state: TaskState.TASK_STATE_AUTH_REQUIRED, text: "who pays?" });
      await answered.promise;
      await prices(asked, publish);
    },
    { onAsked: "wait" },
    {
      before: (_, method) => {
        if (method === "GetTask") looks += 1;
        if (looks === 3) answered.open();
        return undefined;
      },
      card: { capabilities: { streaming: false, pushNotifications: false, extensions: [] } },
    },
  );
  expect(await run.result()).toEqual({ cents: 300 });
});

it("has the remote task cancelled when its run is", async () => {
  const { run, baton, remote } = await priced((_, publish) =>
    publish({ state: TASK_STATE_WORKING }),
  );
  for await (const { entry } of (async function* () {
    for await (const item of baton.watch("r")) if (item.kind === "entry") yield item;
  })()) {
    if (entry.kind !== "once.recorded") continue;
    await baton.cancel("r", { by: { kind: "person", id: "ada" }, reason: "enough" });
  }
  expect(await run.outcome()).toMatchObject({ kind: "cancelled" });
  expect(remote.heard.map(({ method }) => method)).toContain("CancelTask");
});

it("goes on with the task that was begun when its process has closed meanwhile", async () => {
  const release = gate();
  const ids: string[] = [];
  const remote = await sdkAgent(async (asked, publish) => {
    ids.push(asked.message.messageId);
    publish({ state: TASK_STATE_WORKING });
    await release.promise;
    await prices(asked, publish);
  });
  const flow = flowOf(remote.url, {});
  const store = memory();
  const first = await openedNow({ workflows: [flow], store });
  await first.start(flow, { item: "nail", count: 5 }, { id: "r" });
  for await (const item of first.watch("r"))
    if (item.kind === "entry" && item.entry.kind === "once.recorded") break;
  await first.close({ graceMs: 0 });
  release.open();
  const second = await openedNow({ workflows: [flow], store });
  expect(await (await second.run("r")).result()).toEqual({ cents: 500 });
  expect(ids).toHaveLength(1);
  expect(remote.cancelled).toEqual([]);
});

it("goes on with the task after a timeout, and has it cancelled after the last", async () => {
  let cards = 0;
  const cancelled = gate();
  const released = gate();
  const how = (before: (method: string) => void): SdkAgentOptions => ({
    before: (_, method) => {
      before(method);
      return undefined;
    },
  });
  const slow: Acting = async (asked, publish) => {
    publish({ state: TASK_STATE_WORKING });
    await released.promise;
    await prices(asked, publish);
  };
  const { run: lost } = await priced(
    slow,
    { timeout: "300ms" },
    how((method) => {
      if (method === "CancelTask") cancelled.open();
    }),
  );
  expect(await lost.outcome()).toMatchObject({ kind: "failed", error: { code: "TIMEOUT" } });
  await cancelled.promise;
  const { run, remote } = await priced(
    slow,
    { timeout: "300ms", retry: { attempts: 20, backoff: exponential("1ms") } },
    how((method) => {
      if (method === "card") cards += 1;
      if (cards === 2) released.open();
    }),
  );
  expect(await run.result()).toEqual({ cents: 300 });
  expect(remote.heard.filter(({ method }) => method === "SendMessage")).toHaveLength(1);
  expect(remote.heard.map(({ method }) => method)).not.toContain("CancelTask");
});

it("begins another task where the agent does not know the one that was begun any more", async () => {
  let looks = 0;
  const { run, remote } = await priced(
    prices,
    { retry: { attempts: 2, backoff: exponential("1ms") } },
    {
      before: (_, method) => {
        if (method === "GetTask") looks += 1;
        if (method !== "GetTask" || looks > 2) return undefined;
        const error = {
          code: -32001,
          message: "Task not found",
          data: [
            {
              "@type": "type.googleapis.com/google.rpc.ErrorInfo",
              reason: "TASK_NOT_FOUND",
              domain: "a2a-protocol.org",
            },
          ],
        };
        return Response.json({ jsonrpc: "2.0", id: 2, error });
      },
    },
  );
  expect(await run.result()).toEqual({ cents: 300 });
  expect(remote.heard.filter(({ method }) => method === "SendMessage")).toHaveLength(2);
});

it("says what HTTP says, and what is worth another attempt", async () => {
  for (const [status, code, final] of [
    [401, "CREDENTIALS_REFUSED", true],
    [302, "REMOTE_REFUSED", true],
    [503, "REMOTE_UNAVAILABLE", false],
  ] as const) {
    let asked = 0;
    const { run, baton } = await priced(
      prices,
      { retry: { attempts: 2, backoff: exponential("1ms") } },
      {
        before: (_, method) => {
          if (method !== "SendMessage") return undefined;
          asked += 1;
          const headers = { location: "http://127.0.0.1:1/", "retry-after": "0" };
          return asked === 1 ? new Response("secret", { status, headers }) : undefined;
        },
      },
    );
    expect((await run.outcome()).kind).toBe(final ? "failed" : "completed");
    expect(await failureOf(baton)).toMatchObject({
      code,
      message: expect.stringContaining(`has answered ${status}`),
    });
  }
});

it("reads no more than it may", async () => {
  const { run, baton } = await priced(
    (_, publish) => {
      publish({ data: { cents: 1, more: "x".repeat(10_000) } });
      publish({ state: TASK_STATE_COMPLETED });
    },
    { bytesMax: 5_000, retry: { attempts: 2 } },
  );
  expect((await run.outcome()).kind).toBe("failed");
  expect(await failureOf(baton)).toMatchObject({ code: "VALUE_TOO_LARGE" });
  expect(await attemptsOf(baton)).toHaveLength(1);
});

it("undoes it by a message", async () => {
  const said: unknown[] = [];
  const remote = await sdkAgent((asked, publish) => {
    said.push({ value: asked.value, ...asked.message.metadata });
    return prices({ ...asked, value: { item: "", count: 1 } }, publish);
  });
  const flow = flowOf(remote.url, {
    skill: "pricing",
    undo: {
      skill: "unpricing",
      message: ({ item }, { cents }) => [{ data: { forget: item, cents } }],
    },
  });
  const skills = ["pricing", "unpricing"].map(
    (id) => AgentCard.fromJSON({ skills: [{ id }] }).skills,
  );
  remote.card.skills.push(...skills.flat());
  const baton = await openedNow({ workflows: [flow] });
  const run = await baton.start(flow, { item: "nail", count: 3 }, { id: "r" });
  await run.result();
  await baton.compensate("r", { by: { kind: "person", id: "ada" }, reason: "wrong" });
  expect(await run.outcome()).toMatchObject({ kind: "compensated" });
  expect(said).toEqual([
    { value: { item: "nail", count: 3 }, skill: "pricing" },
    {
      value: { forget: "nail", cents: 100 },
      skill: "unpricing",
      undoes: expect.stringMatching(/^[0-9a-f]{32}$/),
    },
  ]);
});

it("refuses a card that is not what was pinned, or not what is wanted", async () => {
  const remote = await sdkAgent(prices);
  const json = AgentCard.toJSON(remote.card) as { readonly [key: string]: Json };
  const hash = a2aCardHash(json);
  const keys = generateKeyPairSync("ed25519");
  const header = { alg: "EdDSA", kid: "k1", typ: "JOSE" };
  const signed = await sdkAgent(prices, {
    sign: generateAgentCardSignature(keys.privateKey, header),
  });
  const elsewhere = await sdkAgent(prices, {
    card: { supportedInterfaces: remote.card.supportedInterfaces },
  });
  const old = await sdkAgent(prices, {
    card: {
      supportedInterfaces: remote.card.supportedInterfaces.map((each) => ({
        ...each,
        protocolVersion: "0.3",
      })),
    },
  });
  const trusted = async () => keys.publicKey;
  const other = async () => generateKeyPairSync("ed25519").publicKey;
  const cases: readonly (readonly [string, Options, string])[] = [
    [remote.url, { cardHash: hash }, "completed"],
    [remote.url, { cardHash: "0".repeat(64) }, "AGENT_CARD_CHANGED"],
    [remote.url, { cardVersion: "2.0.0" }, "completed"],
    [remote.url, { cardVersion: "3.0.0" }, "AGENT_CARD_REFUSED"],
    [remote.url, { skill: "gold" }, "AGENT_CARD_REFUSED"],
    [remote.url, { keys: trusted }, "AGENT_CARD_REFUSED"],
    [signed.url, { keys: trusted }, "completed"],
    [signed.url, { keys: other }, "AGENT_CARD_REFUSED"],
    // Whoever writes the card would be sent the credentials elsewhere.
    [elsewhere.url, {}, "AGENT_CARD_REFUSED"],
    [elsewhere.url, { origins: [new URL(remote.url).origin] }, "completed"],
    [old.url, {}, "AGENT_CARD_REFUSED"],
    [`${remote.url}card.json`, {}, "completed"],
  ];
  for (const [url, options, expected] of cases) {
    const flow = flowOf(url, options);
    const baton = await openedNow({ workflows: [flow] });
    const run = await baton.start(flow, { item: "nail", count: 1 }, { id: "r" });
    const { kind } = await run.outcome();
    const error = await failureOf(baton);
    const found = kind === "completed" ? kind : (error as { readonly code: string }).code;
    expect([url, options, found]).toEqual([url, options, expected]);
  }
  const inline = flowOf("http://127.0.0.1:1/", { card: json });
  const baton = await openedNow({ workflows: [inline] });
  const run = await baton.start(inline, { item: "nail", count: 1 });
  expect(await run.result()).toEqual({ cents: 100 });
});

it("is refused with all that is wrong with it", () => {
  const wrong: Options = { poll: "0.5x" as "5ms", origins: ["x"], bytesMax: 0 };
  const why = (options = wrong) => {
    try {
      flowOf("nowhere", options);
      return [];
    } catch (error) {
      return (error as BatonError).details["problems"];
    }
  };
  expect(why()).toHaveLength(4);
  expect(why({ poll: "25d" })).toContain("The poll is longer than a day.");
});
