/** The calling side, over real HTTP: what agents there use, and what becomes of it where they don't tell. */
import { type AddressInfo, createServer } from "node:net";
import { budget } from "baton";
import { describe, expect, test } from "vitest";
import {
  callContext,
  ADA,
  ONCE,
  PAT,
  play,
  QUICKLY,
  riskAgent,
  usageIn,
} from "../support/databricks-agents.ts";
import {
  answerOf,
  databricksServer,
  eventsText,
  json,
  message,
  type Reply,
  streamed,
  usageOf,
} from "../support/databricks-server.ts";
import { budgetOf } from "../support/limited.ts";

const GRADE = '{"grade":"A"}';
const BUDGETED = { budgets: [budget("spend", { tokens: 10_000 })], maximum: { tokens: 1_000 } };
/** A message, of whose tokens nothing is told. */
const UNCOUNTED = [{ type: "response.output_item.done", item: message(GRADE) }];

async function spent(replies: readonly Reply[], more: object = {}) {
  const server = await databricksServer();
  server.replies.push(...replies);
  const { baton, outcome } = await play(server, { ...BUDGETED, ...QUICKLY, ...more });
  return { tokens: (await budgetOf(baton)).spent.tokens, outcome, asked: server.asked.length };
}

describe("a budget", () => {
  test("is spent by what an agent tells", async () => {
    expect(await spent([streamed(eventsText(answerOf(GRADE)))])).toMatchObject({ tokens: 42 });
  });

  test.each([
    ["a stream that broke off", streamed(eventsText(answerOf(GRADE)).slice(0, 200)), 1_000],
    [
      "one that broke off later",
      streamed(eventsText([...answerOf("a"), ...answerOf("b")]).slice(0, -300)),
      1_000,
    ],
    ["what is no JSON", { ...json({}), pieces: ["<html>"] }, 1_000],
    ["a gateway that gave up", json({}, 504), 1_000],
    ["what was refused for now", json({}, 429), 0],
    ["what failed with its tokens", json({ status: "failed", usage: usageOf(2, 3) }), 5],
    ["what failed without", json({ status: "failed" }), 1_000],
    ["a run that goes on", json({ status: "in_progress", custom_outputs: { run: "r" } }), 0],
  ])("of %s", async (_, reply, tokens) => {
    const found = await spent([reply, streamed(eventsText(answerOf(GRADE)))]);
    expect(found).toMatchObject({ outcome: { kind: "completed" }, tokens: tokens + 42, asked: 2 });
  });

  test.each([
    ["streamed", streamed(eventsText(UNCOUNTED))],
    ["whole", json({ output: [message(GRADE)] })],
  ])("takes no answer of whose tokens it does not hear (%s)", async (_, reply) => {
    const { outcome, tokens, asked } = await spent([reply]);
    expect(outcome).toMatchObject({ kind: "failed", error: { code: "MODEL_USAGE_MISSING" } });
    expect({ tokens, asked }).toEqual({ tokens: 1_000, asked: 1 });
  });
});

test("tokens are taken from the one spelling of an end that tells them, and once", async () => {
  const done = (type: string, usage?: object) => ({
    type,
    response: { status: "completed", usage },
  });
  const used = usageOf(12, 30);
  for (const ends of [
    [done("response.completed"), done("responses.completed", used)],
    [done("response.completed", used), done("responses.completed", used)],
    [done("response.completed", used), done("responses.completed")],
  ]) {
    const server = await databricksServer();
    server.replies.push(streamed(eventsText([...UNCOUNTED, ...ends])));
    const { baton } = await play(server, ONCE);
    expect(await usageIn(baton)).toMatchObject([{ calls: 1, inputTokens: 12, outputTokens: 30 }]);
  }
});

test("without a maximum an answer needs no tokens", async () => {
  const server = await databricksServer();
  server.replies.push(streamed(eventsText(UNCOUNTED)));
  expect((await play(server, ONCE)).outcome).toMatchObject({ output: { grade: "A" } });
});

/** Where somebody has listened, and nobody does any more. */
async function closedUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A server on a port has one.
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

test("a connection that broke may have used something; one that was never made has not", async () => {
  const details = async (url: string) => {
    const { execute } = riskAgent({ ...(await databricksServer()), url }, { auth: { token: PAT } });
    return await Promise.resolve(execute(ADA, callContext())).catch((error) => error.details);
  };
  const server = await databricksServer();
  server.replies.push({ pieces: [], hangsUp: true });
  expect(await details(server.url)).toEqual({ usageUnknown: true });
  expect(await details(await closedUrl())).toEqual({});
});
