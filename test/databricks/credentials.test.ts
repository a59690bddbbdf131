/** Who asks: tokens of a service principal over real HTTP, and what is refused when an agent is built. */
import { contract, isBatonError } from "baton";
import { clientCredentials, databricksAgent, type DatabricksAuth } from "baton/databricks";
import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { callContext } from "../support/databricks-agents.ts";
import {
  answerOf,
  CLIENT,
  databricksServer,
  type DatabricksServer,
  eventsText,
  json,
  streamed,
} from "../support/databricks-server.ts";

const text = contract("text", "1.0.0", z.string());

function asking(server: DatabricksServer, auth: DatabricksAuth): () => Promise<unknown> {
  const { execute } = databricksAgent({
    name: "poet",
    version: "1.0.0",
    input: text,
    output: text,
    host: server.url,
    endpoint: "poet",
    auth,
  });
  return async () => await execute("A line, please.", callContext());
}

async function poet(): Promise<DatabricksServer> {
  const server = await databricksServer();
  server.replies.push(streamed(eventsText(answerOf("Roses."))));
  return server;
}

function tokensOf({ asked }: DatabricksServer): readonly string[] {
  return asked.map(({ headers }) => headers.authorization?.replace("Bearer ", "") ?? "");
}

test("a token is asked for once, by however many at a time, and kept", async () => {
  const server = await poet();
  const ask = asking(server, CLIENT);
  await Promise.all([ask(), ask(), ask()]);
  await ask();
  expect(server.tokensAsked).toMatchObject([
    { body: { grant_type: "client_credentials", scope: "all-apis" } },
  ]);
  expect(server.tokensAsked[0]?.headers.authorization).toMatch(/^Basic /);
  expect(tokensOf(server)).toEqual(Array.from({ length: 4 }, () => "token-1"));
});

test("it is asked for anew shortly before it expires, and shared by agents that share its source", async () => {
  const server = await poet();
  const clock = virtualClock();
  const source = clientCredentials({ host: server.url, ...CLIENT, clock });
  const [one, other] = [asking(server, source), asking(server, source)];
  await one();
  await clock.advance(3_539_000);
  await other();
  await clock.advance(2_000);
  await one();
  expect(tokensOf(server)).toEqual(["token-1", "token-1", "token-2"]);
});

test("one that is refused is replaced once, for all that were refused with it", async () => {
  const server = await poet();
  server.expired.add("token-1");
  const ask = asking(server, CLIENT);
  await expect(Promise.all([ask(), ask()])).resolves.toEqual(["Roses.", "Roses."]);
  expect(server.tokensAsked).toHaveLength(2);
  server.expired.add("token-2").add("token-3");
  const refused = { code: "CREDENTIALS_REFUSED", details: { status: 401 } };
  await expect(ask()).rejects.toMatchObject(refused);
  expect(server.tokensAsked).toHaveLength(3);
});

test("a function is asked for each call, and told of a token that was refused", async () => {
  const server = await poet();
  server.expired.add("stale");
  const asked: unknown[] = [];
  const ask = asking(server, (request) => {
    asked.push(request);
    return request.refused === undefined ? "stale" : "fresh";
  });
  await ask();
  expect(asked).toEqual([{}, { refused: "stale" }]);
  expect(tokensOf(server)).toEqual(["stale", "fresh"]);
});

test.each([
  ["an unknown client", json({ error: "invalid_client" }, 401), "CREDENTIALS_REFUSED"],
  ["a grant that is not given", json({ error: "unauthorized_client" }, 400), "CREDENTIALS_REFUSED"],
  ["too many", json({}, 429, { "retry-after": "3" }), "REMOTE_UNAVAILABLE"],
  [
    "a page",
    { pieces: ["<html>"], headers: { "content-type": "text/html" } },
    "REMOTE_ANSWER_INVALID",
  ],
  ["no token", json({ token_type: "Bearer" }), "REMOTE_ANSWER_INVALID"],
  ["a flood", { pieces: ["x".repeat(70_000)] }, "VALUE_TOO_LARGE"],
])("a token endpoint that answers with %s", async (_, reply, code) => {
  const server = await poet();
  server.tokenReplies.push(reply);
  const error: unknown = await asking(server, CLIENT)().catch((thrown: unknown) => thrown);
  expect(isBatonError(error) && error.code).toBe(code);
  expect(server.asked).toEqual([]);
  // Neither the secret, nor what an answer said.
  expect(JSON.stringify(error)).not.toContain(CLIENT.clientSecret);
  // The next call asks anew.
  await expect(asking(server, CLIENT)()).resolves.toBe("Roses.");
});

test("a secret that the other side repeats is not repeated", async () => {
  const server = await poet();
  const said = { error: "invalid_client", error_description: `Not ${CLIENT.clientSecret}!` };
  server.tokenReplies.push(json({ error: said }, 401));
  await expect(asking(server, CLIENT)()).rejects.toThrow(/answered 401/);
  server.tokenReplies.push(json({ message: said.error_description }, 401));
  await expect(asking(server, CLIENT)()).rejects.toThrow("Not [secret]!");
});

test("a token with a line break is none", async () => {
  const server = await poet();
  const ask = asking(server, () => "a\r\nx-evil: 1");
  await expect(ask()).rejects.toMatchObject({ code: "CREDENTIALS_REFUSED" });
  expect(server.asked).toEqual([]);
});

const HOST = "https://example.cloud.databricks.com";
const APP = "https://poet-1.aws.databricksapps.com";

test.each([
  [
    "an app with a personal access token",
    { app: APP, auth: { token: "dapi-1" } },
    "takes OAuth tokens only",
  ],
  [
    "a host in the open",
    { host: "http://example.com", endpoint: "poet", auth: { token: "x" } },
    "is not https",
  ],
  ["an app in the open", { app: "http://example.com", auth: CLIENT }, "is not https"],
  ["a host that is none", { host: "example", endpoint: "poet", auth: CLIENT }, "is not an address"],
  [
    "a host with a query",
    { host: `${HOST}?a=b`, endpoint: "poet", auth: CLIENT },
    "more than a host",
  ],
  [
    "an endpoint and an app",
    { endpoint: "poet", app: APP, auth: CLIENT },
    "either an `endpoint` or an `app`",
  ],
  ["neither", { auth: CLIENT }, "either an `endpoint` or an `app`"],
  ["no auth", { endpoint: "poet" }, "`auth` is neither"],
  [
    "an empty secret",
    { endpoint: "poet", auth: { clientId: "a", clientSecret: " " } },
    "`auth` is neither",
  ],
  [
    "another shape",
    { endpoint: "poet", auth: CLIENT, api: "completions" },
    "neither responses nor chat",
  ],
  ["no size", { endpoint: "poet", auth: CLIENT, answerBytesMax: 0 }, "`answerBytesMax`, 0,"],
  [
    "an option that nobody reads",
    { endpoint: "poet", auth: CLIENT, temperature: 1 },
    "no option `temperature`",
  ],
])("%s is refused when the agent is built", (_, options, problem) => {
  const build = () =>
    databricksAgent({
      name: "poet",
      version: "1.0.0",
      input: text,
      output: text,
      host: HOST,
      ...options,
      // What the compiler would refuse is what is tried here.
    } as never);
  expect(build).toThrow(problem);
});

test("an app is asked at /responses, with a token of the workspace", async () => {
  const server = await poet();
  const { execute } = databricksAgent({
    name: "poet",
    version: "1.0.0",
    input: text,
    output: text,
    host: server.url,
    app: `${server.url}/`,
    auth: CLIENT,
  });
  await execute("A line.", callContext());
  expect(server.asked).toMatchObject([
    { path: "/responses", headers: { authorization: "Bearer token-1" } },
  ]);
});
