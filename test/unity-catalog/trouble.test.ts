/** A server that is slow, busy, gone, or not what it seems; and what was changed behind Baton's back. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { agent, catalogueItems, memory, open, workflow } from "baton";
import { unityCatalog, type UnityCatalogOptions } from "baton/unity-catalog";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { count } from "../support/opened.ts";
import { loanItems } from "../support/registered.ts";
import { itemOf } from "../support/unity-items.ts";
import { openUnity, unityPlace } from "../support/unity-places.ts";
import { type FakeUnityServer, type Fault, fakeUnityServer } from "../support/unity-server.ts";

const AGENT = { kind: "agent", name: "loan-scoring", version: "1.0.0" } as const;
const EXECUTE = { principal: "grace", privilege: "EXECUTE" } as const;

let server: FakeUnityServer;
beforeAll(async () => {
  server = await fakeUnityServer("open-source");
});
afterAll(() => server.stop());
afterEach(() => {
  server.fault = undefined;
});

async function published(more: Partial<UnityCatalogOptions> = {}) {
  const options = await unityPlace(server, "ada", ["grace", "alan"]);
  const registry = await openUnity({ ...options, ...more });
  await registry.publish(loanItems(), "ada");
  server.requests.length = 0;
  return { options, registry };
}

/** Faults for the first so many requests that a pattern fits. */
function first(count: number, pattern: RegExp, fault: Fault): void {
  let left = count;
  server.fault = (line) => (pattern.test(line) && left-- > 0 ? fault : undefined);
}

const VERSION = /^GET .*loan_scoring__v1_0_0$/;

describe("a server that is busy", () => {
  test.each([429, 503])("is asked again after %i, three times in all", async (status) => {
    const { registry } = await published();
    first(2, VERSION, { status, headers: { "retry-after": "0" } });
    expect(await registry.find(AGENT)).toMatchObject(AGENT);
    expect(server.requests.filter((line) => VERSION.test(line))).toHaveLength(3);
    first(3, VERSION, { status, headers: { "retry-after": "0" } });
    await expect(registry.find(AGENT)).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
      details: { status, retryAfterMs: 0 },
    });
  });

  test.each([
    { "retry-after": "120" },
    { "retry-after": "Mon, 23 Nov 2026 10:02:00 GMT", date: "Mon, 23 Nov 2026 10:00:00 GMT" },
  ])("that asks for a long wait (%j) is not waited for, and says how long", async (headers) => {
    const { registry } = await published();
    first(1, VERSION, { status: 429, headers });
    await expect(registry.find(AGENT)).rejects.toMatchObject({
      details: { status: 429, retryAfterMs: 120_000 },
    });
  });

  test("is told nothing twice", async () => {
    const { registry } = await published();
    first(1, /^PATCH /, { status: 503, headers: { "retry-after": "0" } });
    await expect(registry.grant("agent", "loan-scoring", EXECUTE, "ada")).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
    });
    expect(server.requests.filter((line) => line.startsWith("PATCH"))).toHaveLength(1);
  });
});

describe("what is no answer", () => {
  test("a server that says nothing is given up", async () => {
    const { registry } = await published({ timeout: "200ms" });
    first(1, VERSION, { status: 200, hangs: true });
    await expect(registry.find(AGENT)).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
      cause: expect.objectContaining({ name: "TimeoutError" }),
    });
  });

  test("a token that never comes is given up in the same time", async () => {
    const { options } = await published();
    const token = () => new Promise<string>(() => {});
    const registry = await openUnity({ ...options, token, timeout: "50ms" });
    await expect(registry.find(AGENT)).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
      message: expect.stringContaining("was not asked: there is no token for it"),
      cause: expect.objectContaining({ name: "TimeoutError" }),
    });
    expect(server.requests).toEqual([]);
  });

  test("a list whose pages lead to themselves is not followed", async () => {
    const { registry } = await published();
    const body = '{"functions":[],"next_page_token":"same"}';
    server.fault = () => ({ status: 200, body });
    await expect(registry.list()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
      message: expect.stringContaining("the same page again"),
    });
    expect(server.requests).toHaveLength(2);
  });

  test("a long answer is not read to its end", async () => {
    const { registry } = await published({ answerBytesMax: 20_000 });
    first(1, VERSION, { status: 200, body: `{"name":"${"x".repeat(30_000)}"}` });
    await expect(registry.find(AGENT)).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
      cause: expect.objectContaining({ message: "The answer has more than 20000 bytes." }),
    });
  });

  test("the page of a proxy is told of, in short", async () => {
    const { registry } = await published();
    first(1, VERSION, { status: 502, body: `<html>${"bad gateway ".repeat(100)}</html>` });
    const error: unknown = await registry.find(AGENT).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "REGISTRY_UNAVAILABLE", details: { status: 502 } });
    expect(String(error)).toContain("502: <html>bad gateway");
    expect(String(error).length).toBeLessThan(600);
  });

  const PAGE = "<html>default backend</html>";

  test.each([
    { status: 404, body: PAGE },
    { status: 404, body: "" },
    { status: 404, body: '{"error":"Not Found"}' },
    { status: 200, body: PAGE },
    { status: 200, body: "[]" },
  ])(
    "$status with $body is the word of somebody before the server, and settles nothing",
    async (fault) => {
      const { registry } = await published();
      const { status } = fault;
      server.fault = () => fault;
      const told = { code: "REGISTRY_UNAVAILABLE", details: { status } };
      await expect(registry.find(AGENT)).rejects.toMatchObject(told);
      await expect(registry.mayExecute("agent", "loan-scoring", "ada")).rejects.toMatchObject(told);
      await expect(registry.list()[Symbol.asyncIterator]().next()).rejects.toMatchObject(told);
    },
  );

  test("a page in answer to what was to be created is no success", async () => {
    const { options } = await published();
    const registry = await openUnity({ ...options, catalog: "elsewhere" });
    server.fault = (line) => (line.startsWith("POST ") ? { status: 200, body: PAGE } : undefined);
    await expect(registry.publish(loanItems(), "ada")).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
      details: { status: 200 },
    });
  });

  test("a list that is not there any more at its second page does not end with the first", async () => {
    const { registry } = await published();
    await registry.publish(
      Array.from({ length: 12 }, (_, i) => itemOf("agent", `agent-${i}`)),
      "ada",
    );
    let pages = 0;
    server.fault = (line) => {
      if (line !== "GET /functions" || ++pages === 1) return undefined;
      return { status: 404, body: '{"error_code":"SCHEMA_NOT_FOUND","message":"gone"}' };
    };
    await expect(registry.list()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
    });
    expect(pages).toBe(2);
  });

  test("a redirect is not followed: the token goes nowhere else", async () => {
    const seen: unknown[] = [];
    const elsewhere = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end("{}");
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void elsewhere.close());
    // A server that listens on a port has an address of this form.
    const { port } = elsewhere.address() as AddressInfo;
    const { registry } = await published();
    first(1, VERSION, { status: 307, headers: { location: `http://127.0.0.1:${port}/` } });
    await expect(registry.find(AGENT)).rejects.toMatchObject({ details: { status: 307 } });
    expect(seen).toEqual([]);
  });
});

test("a catalogue that goes away under a run stops the next call with what was answered", async () => {
  const { options } = await published();
  const step = (name: string, execute: (n: number) => number) =>
    agent({ name, version: "1.0.0", input: count, output: count, retry: { attempts: 1 }, execute });
  const called: string[] = [];
  const one = step("one", (n) => {
    called.push("one");
    server.fault = () => ({ status: 500, body: "down" });
    return n + 1;
  });
  const two = step("two", (n) => {
    called.push("two");
    return n + 1;
  });
  const flow = workflow("two-calls", "1.0.0", { input: count })
    .step("a", one, { input: ({ input }) => input })
    .step("b", two, { needs: ["a"], input: ({ a }) => a })
    .output(({ b }) => b);
  const registry = unityCatalog(options);
  const parts = { store: memory(), workflows: [flow], registry, principal: "ada" };
  const baton = await open({ ...parts, log: () => {} });
  onTestFinished(() => baton.close({ graceMs: 0 }));
  await baton.registry.publish(catalogueItems({ workflows: [flow] }), "ada");
  expect(await (await baton.start(flow, 1)).outcome()).toMatchObject({
    kind: "failed",
    step: "b",
    error: { code: "REGISTRY_UNAVAILABLE", message: expect.stringContaining("500: down") },
  });
  expect(called).toEqual(["one"]);
  server.fault = undefined;
  expect(await baton.registry.mayExecute("agent", "two", "ada")).toBe(true);
});

describe("what was changed behind Baton's back", () => {
  const changed = async (change: (document: string) => string) => {
    const { options, registry } = await published();
    const at = `${options.catalog}.lending.loan_scoring__v1_0_0`;
    const item = await registry.find(AGENT);
    const document = { format: "baton/registry/v1", is: "version", item, by: "ada" };
    server.tamper(at, change(JSON.stringify(document)));
    return registry;
  };

  test("a definition that is not the one of its fingerprint is not taken for it", async () => {
    const registry = await changed((document) => document.replace('"attempts":3', '"attempts":9'));
    const code = "REGISTRY_UNAVAILABLE";
    await expect(registry.find(AGENT)).rejects.toMatchObject({ code });
    await expect(registry.list()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code });
  });

  test("what is no document of Baton's any more is not registered", async () => {
    for (const text of ["", "{", "[]", '{"format":"baton/registry/v1"}']) {
      const registry = await changed(() => text);
      expect(await registry.find(AGENT)).toBeUndefined();
      await expect(registry.publish(loanItems(), "ada")).rejects.toMatchObject({
        code: "REGISTRY_CONFLICT",
      });
    }
  });
});

test("a token is asked for each time, and sent with each request", async () => {
  let asked = 0;
  const { options } = await published();
  const registry = await openUnity({
    ...options,
    token: async () => {
      asked += 1;
      return server.tokenOf("ada");
    },
  });
  await registry.find(AGENT);
  expect(asked).toBe(server.requests.length);
});

test.each([
  ["a line break in it", "dapi-SECRET\nsecond line"],
  ["a line break at its end", "dapi-SECRET\n"],
  ["a letter that no header has", "dapi-SECRET\u2013x"],
])("a token with %s is not sent, and is not told", async (_, token) => {
  const { options } = await published();
  const registry = await openUnity({ ...options, token: () => token });
  const error: unknown = await registry.find(AGENT).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: "REGISTRY_UNAVAILABLE",
    message: expect.stringContaining("was not asked: its token has a line break"),
  });
  expect(inspect(error, { depth: 9 })).not.toContain("SECRET");
  expect(server.requests).toEqual([]);
});

test("who does not own the catalog sees no grants but its own, so nobody else may execute anything", async () => {
  const { options, registry } = await published();
  await registry.grant("agent", "loan-scoring", EXECUTE, "ada");
  await registry.grant("agent", "loan-scoring", { ...EXECUTE, principal: "alan" }, "ada");
  const ofGrace = await openUnity({ ...options, token: server.tokenOf("grace") });
  const may = async (by: typeof registry) => [
    await by.mayExecute("agent", "loan-scoring", "grace"),
    await by.mayExecute("agent", "loan-scoring", "alan"),
  ];
  expect([await may(registry), await may(ofGrace)]).toEqual([
    [true, true],
    [true, false],
  ]);
  await unityPlace(server, "bob", []);
  const ofStranger = await openUnity({ ...options, token: server.tokenOf("bob") });
  await expect(may(ofStranger)).rejects.toMatchObject({
    code: "REGISTRY_UNAVAILABLE",
    details: { status: 403 },
  });
});

test("an owner whom the catalogue does not know is told of, and the old one stays", async () => {
  const databricks = await fakeUnityServer("databricks");
  onTestFinished(() => databricks.stop());
  const registry = await openUnity(await unityPlace(databricks, "ada", []));
  await registry.publish(loanItems(), "ada");
  await expect(
    registry.setOwner?.("agent", "loan-scoring", "nobody@example.com", "ada"),
  ).rejects.toMatchObject({
    code: "ARGUMENT_INVALID",
    message: expect.stringContaining("knows nobody named nobody@example.com"),
  });
  expect(await registry.find(AGENT)).toMatchObject({ owner: "ada" });
});

test.each([
  { url: "127.0.0.1:8080" },
  { url: "ftp://127.0.0.1" },
  { url: "http://ada:secret@127.0.0.1" },
  { url: "https://:secret@127.0.0.1" },
  { url: "http://127.0.0.1/?a=b" },
  { dialect: "other" as "databricks" },
  { answerBytesMax: 0 },
  { timeout: "0s" as const },
  { catalog: "Main" },
  { schema: "a.b" },
])("%j can't be used", (more) => {
  const options = { url: "http://127.0.0.1:8080", ...more };
  const error = thrown(() => unityCatalog(options));
  expect(error).toMatchObject({ code: "ARGUMENT_INVALID" });
  expect(inspect(error)).not.toContain("secret");
});

test("a token goes over the network by https alone; without one, and on this machine, http will do", () => {
  const inside = { url: "http://unity.bank.example" };
  for (const token of ["dapi-1", () => "dapi-1"])
    expect(thrown(() => unityCatalog({ ...inside, token }))).toMatchObject({
      code: "ARGUMENT_INVALID",
      message: expect.stringContaining("is not https"),
    });
  for (const options of [
    inside,
    { ...inside, token: "" },
    { url: "https://unity.bank.example", token: "dapi-1" },
    { url: "http://localhost:8080", token: "dapi-1" },
    { url: "http://[::1]:8080", token: "dapi-1" },
  ])
    expect(unityCatalog(options)).toMatchObject({ kind: "outside" });
});

function thrown(by: () => unknown): unknown {
  try {
    by();
  } catch (error) {
    return error;
  }
  return undefined;
}
