/** The served side, asked by a client of chat completions that another house has written. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { contract, memory, open, workflow } from "baton";
import { databricksAgent, responsesAgent, type ResponsesAgentOptions } from "baton/databricks";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { post, refused, servedAt } from "../support/served-agent.ts";
import { ADA, asked, openedBaton, rating, shouting } from "../support/served-workflows.ts";

/** The model that a client sees where a workflow is served. */
async function model(
  served: typeof rating | typeof shouting,
  options: ResponsesAgentOptions<never, never> = {},
  headers: Record<string, string> = {},
) {
  const baton = await openedBaton();
  // Each has its own types; the options that are given here are those of all.
  const url = await servedAt(responsesAgent(baton, served as typeof rating, options as object));
  const provider = createOpenAICompatible({
    name: "baton",
    baseURL: url,
    headers,
    includeUsage: true,
  });
  return { baton, url, chat: provider.chatModel("any") };
}

function said(text: string) {
  return { prompt: [{ role: "user" as const, content: [{ type: "text" as const, text }] }] };
}

test("gives its answer, and what was used", async () => {
  const { baton, chat } = await model(rating, {}, { "idempotency-key": "ada" });
  const answer = await chat.doGenerate(said(JSON.stringify(ADA)));
  expect(answer.content).toEqual([{ type: "text", text: '{"grade":"A"}' }]);
  expect(answer.finishReason.unified).toBe("stop");
  expect(answer.usage).toMatchObject({ inputTokens: { total: 10 }, outputTokens: { total: 3 } });
  expect(answer.response).toMatchObject({ id: "chatcmpl-ada", modelId: "rating@1.0.0" });
  await chat.doGenerate(said(JSON.stringify(ADA)));
  expect(await baton.runs()).toHaveLength(1);
});

test("streams it", async () => {
  const { chat } = await model(shouting, { deltas: "shout" });
  const { stream } = await chat.doStream(said("hey"));
  const parts: { readonly type: string; readonly delta?: string }[] = [];
  for await (const part of stream) parts.push(part);
  expect(parts.flatMap(({ delta }) => delta ?? []).join("")).toBe("HEY");
  expect(parts.at(-1)).toMatchObject({ type: "finish", finishReason: { unified: "stop" } });
});

test.each([
  ["failed", rating, "Eve", "RUN_FAILED"],
  ["goes on", asked, "Ada", "RUN_NOT_ENDED"],
] as const)(
  "a run that %s is an error that no client tries again",
  async (_, served, name, code) => {
    const { baton, url, chat } = await model(served, { wait: "0s" });
    const asks = said(JSON.stringify({ ...ADA, name }));
    const error = chat.doGenerate(asks);
    await expect(error).rejects.toMatchObject({ statusCode: 422, isRetryable: false });
    const body = { messages: [{ role: "user", content: JSON.stringify({ ...ADA, name }) }] };
    const [run] = await baton.runs();
    for (;;) {
      const answer = await post(`${url}/invocations`, {
        ...body,
        custom_inputs: { run_id: run?.id },
      });
      const said422 = await refused(answer);
      expect(said422["status"]).toBe(422);
      // Within no time at all, a run that fails goes on, too.
      if (said422["code"] !== code) continue;
      expect(said422).toMatchObject({ custom_outputs: { run: run?.id } });
      break;
    }
    const { stream } = await chat.doStream(asks);
    const parts: unknown[] = [];
    for await (const part of stream) parts.push(part);
    expect(parts).toContainEqual(expect.objectContaining({ type: "error" }));
  },
);

test("what is no request of the shape is refused in it", async () => {
  const { url } = await model(rating);
  const error = await refused(await post(`${url}/chat/completions`, { input: "x" }));
  expect(error).toMatchObject({
    status: 400,
    code: "ARGUMENT_INVALID",
    type: "invalid_request_error",
  });
});

test.each([true, false])(
  "our own step asks it in that shape, too (streamed: %s)",
  async (stream) => {
    const { url } = await model(rating);
    const Applicant = contract(
      "applicant",
      "1.0.0",
      z.object({ name: z.string(), income: z.int() }),
    );
    const Grade = contract("grade", "1.0.0", z.object({ grade: z.string() }));
    const ask = databricksAgent({
      name: "ask",
      version: "1.0.0",
      input: Applicant,
      output: Grade,
      host: url,
      app: url,
      api: "chat",
      auth: () => "token",
      stream,
    });
    const asking = workflow("asking", "1.0.0", { input: Applicant })
      .step("ask", ask, { input: ({ input }) => input })
      .output(({ ask: given }) => given);
    const here = await open({ store: memory(), workflows: [asking] });
    onTestFinished(() => here.close({ graceMs: 0 }));
    const run = await here.start(asking, ADA, { id: "ada" });
    expect(await run.result()).toEqual({ grade: "A" });
    expect((await here.report("ada")).usage).toMatchObject([{ inputTokens: 10, outputTokens: 3 }]);
  },
);
