/** The preset for MLflow, against a server that answers as its REST API is published. test/interop has the real one. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agent, contract, memory, open, workflow } from "baton";
import { mlflow } from "baton/otel";
import { sqlite } from "baton/sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { ADA, opened } from "../support/opened.ts";
import { otlpCollector } from "../support/otlp-collector.ts";

const Question = contract("question", "1.0.0", z.object({ text: z.string(), pin: z.string() }), {
  sensitive: ["/pin"],
});
const Reply = contract("reply", "1.0.0", z.object({ text: z.string() }));
const thinking = agent({
  name: "thinking",
  version: "1.0.0",
  input: Question,
  output: Reply,
  execute: ({ text }, { usage }) => {
    usage({ model: "small", inputTokens: 3, outputTokens: 4 });
    usage({ model: "large", inputTokens: 30, outputTokens: 40 });
    return { text };
  },
});
const saying = agent({
  name: "saying",
  version: "1.0.0",
  input: Reply,
  output: Reply,
  execute: (reply, { usage }) => {
    usage({ model: "small", inputTokens: 5, outputTokens: 6 });
    return reply;
  },
});
const chat = workflow("chat", "1.0.0", { input: Question, output: Reply })
  .step("think", thinking, { input: ({ input }) => input })
  .step("say", saying, { needs: ["think"], input: ({ think }) => think })
  .output(({ say }) => say);

interface Server {
  /** What was asked besides traces. */
  readonly asked: string[];
  readonly known: Map<string, string>;
  down: boolean;
  /** So many questions are cut off. */
  cuts: number;
}

async function server() {
  const state: Server = { asked: [], known: new Map(), down: false, cuts: 0 };
  const collector = await otlpCollector(({ url = "", method = "", headers, socket }, body) => {
    if (url === "/v1/traces") return undefined;
    if (state.cuts-- > 0) socket.destroy();
    state.asked.push(`${method} ${url} ${headers["authorization"] ?? ""}`);
    if (state.down) return { status: 503, body: {} };
    if (url.startsWith("/api/2.0/mlflow/experiments/get-by-name?experiment_name=")) {
      const id = state.known.get(decodeURIComponent(url.slice(url.indexOf("=") + 1)));
      return id === undefined
        ? { status: 404, body: { error_code: "RESOURCE_DOES_NOT_EXIST" } }
        : { status: 200, body: { experiment: { experiment_id: id } } };
    }
    const { name } = JSON.parse(body) as { readonly name: string };
    const id = String(state.known.size + 7);
    state.known.set(name, id);
    return { status: 200, body: { experiment_id: id } };
  });
  onTestFinished(() => collector.close());
  return { state, collector };
}

async function traced(url: string) {
  const tracing = mlflow({
    url: `${url}/`,
    experiment: "my chat",
    headers: { authorization: "me" },
  });
  return await opened({ workflows: [chat], tracing });
}

describe("the preset for MLflow", () => {
  test("asks once more where the server closes the connection in that moment, and says so where it does again", async () => {
    const { state, collector } = await server();
    const store = memory();
    const { baton, clock } = await opened({ workflows: [chat], store });
    const run = await clock.until(baton.start(chat, { text: "hello", pin: "0815" }, { id: "r1" }));
    await clock.until(run.outcome());
    await clock.until(baton.close());
    const tracing = mlflow({ url: collector.url, experiment: "my chat" });
    const reading = await open({ store, workflows: [chat], readOnly: true, tracing });
    onTestFinished(() => reading.close());
    state.cuts = 2;
    await expect(reading.exportTraces()).rejects.toMatchObject({
      code: "TRACES_REFUSED",
      message: expect.stringContaining("The MLflow server gave no answer: "),
    });
    state.cuts = 1;
    expect((await reading.exportTraces()).spans).toBe(collector.spans.length);
    expect(collector.spans.length).toBeGreaterThan(0);
  });

  test("makes the experiment, and sends its own names; tokens are on what called a model and nothing above", async () => {
    const { state, collector } = await server();
    const { baton, clock } = await traced(collector.url);
    const run = await clock.until(
      baton.start(chat, { text: "hello", pin: "0815" }, { id: "r1", by: ADA }),
    );
    await clock.until(run.outcome());
    await clock.until(baton.close());
    expect([...state.known]).toEqual([["my chat", "7"]]);
    expect(state.asked).toEqual([
      "GET /api/2.0/mlflow/experiments/get-by-name?experiment_name=my%20chat me",
      "POST /api/2.0/mlflow/experiments/create me",
    ]);
    for (const { headers } of collector.requests)
      expect(headers).toMatchObject({
        "content-type": "application/x-protobuf",
        "x-mlflow-experiment-id": "7",
        authorization: "me",
      });
    const said = Object.fromEntries(
      collector.spans.map(({ name, attributes }) => [
        name,
        {
          type: attributes["mlflow.spanType"],
          session: attributes["session.id"],
          user: attributes["user.id"],
          input: attributes["mlflow.spanInputs"],
          output: attributes["mlflow.spanOutputs"],
          model: attributes["mlflow.llm.model"],
          tokens: attributes["mlflow.chat.tokenUsage"],
        },
      ]),
    );
    const tokens = (input_tokens: number, output_tokens: number) =>
      JSON.stringify({ input_tokens, output_tokens, total_tokens: input_tokens + output_tokens });
    const masked = '{"pin":"[sensitive]","text":"hello"}';
    const hello = '{"text":"hello"}';
    const none = {
      user: undefined,
      input: undefined,
      output: undefined,
      model: undefined,
      tokens: undefined,
      session: "r1",
    };
    expect(said).toEqual({
      "invoke_workflow chat": {
        ...none,
        type: "WORKFLOW",
        user: "ada",
        input: masked,
        output: hello,
      },
      "step think": { ...none, type: "CHAIN" },
      "invoke_agent thinking": { ...none, type: "AGENT", input: masked, output: hello },
      "chat small": { ...none, type: "CHAT_MODEL", model: "small", tokens: tokens(3, 4) },
      "chat large": { ...none, type: "CHAT_MODEL", model: "large", tokens: tokens(30, 40) },
      "step say": { ...none, type: "CHAIN" },
      "invoke_agent saying": {
        ...none,
        type: "AGENT",
        input: hello,
        output: hello,
        model: "small",
        tokens: tokens(5, 6),
      },
    });
    const models = collector.spans.filter(({ name }) => name.startsWith("chat "));
    const thought = collector.spans.find(({ name }) => name === "invoke_agent thinking");
    expect(models.map(({ parentId }) => parentId)).toEqual(models.map(() => thought?.spanId));
  });

  test("does not keep Baton from opening while the server is down, and asks again", async () => {
    const { state, collector } = await server();
    state.down = true;
    state.known.set("my chat", "3");
    const { baton, clock, log } = await traced(collector.url);
    const run = await clock.until(baton.start(chat, { text: "hello", pin: "0815" }));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "completed" });
    for (let i = 0; i < 1_000 && log.length === 0; i += 1) {
      await clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(log).toMatchObject([{ level: "warn", message: expect.stringContaining("503") }]);
    state.down = false;
    await clock.until(baton.close());
    expect(collector.spans).toHaveLength(7);
    expect(collector.requests[0]?.headers).toMatchObject({ "x-mlflow-experiment-id": "3" });
  });

  test("refuses what can't be right", () => {
    expect(() => mlflow({ url: "localhost:5000", experiment: "x" })).toThrow("is not an address");
    for (const user of ["ada:secret@", "ada@", ":secret@"])
      expect(() => mlflow({ url: `http://${user}h`, experiment: "x" })).toThrow(
        "The url has a user or a password in it.",
      );
    expect(() => mlflow({ url: "http://h", experiment: " " })).toThrow("no name");
    expect(() => mlflow({ url: "http://h", experiment: "x", name: "a b" })).toThrow("not a name");
  });
});

test("traces for MLflow are the same from a thread of their own", async () => {
  const folder = mkdtempSync(join(tmpdir(), "baton-mlflow-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { state, collector } = await server();
  const options = { url: collector.url, experiment: "my chat", headers: { authorization: "me" } };
  const log: string[] = [];
  const store = sqlite(join(folder, "baton.db"));
  const more = { log: ({ message }: { message: string }) => void log.push(message) };
  const baton = await open({ store, workflows: [chat], tracing: mlflow(options), ...more });
  await (await baton.start(chat, { text: "hello", pin: "1234" }, { by: ADA })).outcome();
  await baton.close();
  const there = collector.spans.splice(0);
  const reading = await open({
    store,
    workflows: [chat],
    tracing: mlflow(options),
    readOnly: true,
  });
  await reading.exportTraces();
  await reading.close();
  expect(log).toEqual([]);
  expect(there.map(({ attributes }) => attributes["mlflow.spanInputs"])).toContain(
    '{"pin":"[sensitive]","text":"hello"}',
  );
  expect(there).toEqual(collector.spans);
  expect([...state.known]).toEqual([["my chat", "7"]]);
});
