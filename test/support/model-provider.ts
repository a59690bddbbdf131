/**
 * A provider of models over real HTTP, in the shape of OpenAI's chat completions: whole, and streamed as server-sent events. It answers what
 * the test has laid out, one answer for each request.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { onTestFinished } from "vitest";
import type { PromptModel } from "baton/ai-sdk";

interface Said {
  /** As the provider calls the model that answered; `acme-1-2026-11` if left out. */
  readonly model?: string;
  /** Of input and output; 10 and 5 if left out, none at all if null. */
  readonly tokens?: readonly [number, number] | null;
  /** `stop` if left out, or `tool_calls`. */
  readonly finish?: string | null;
}

export type ModelAnswer =
  | (Said & { readonly text: string })
  | (Said & { readonly refusal: string })
  | (Said & { readonly tools: readonly (readonly [string, object])[] })
  /** An error, as it is answered. */
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly message?: string;
    }
  /** A body that is no answer. */
  | { readonly body: string }
  /** A part of a stream, after which it ends, or its connection breaks. */
  | { readonly part: string; readonly then: "ends" | "breaks" }
  /** No answer for as long as the other side waits. */
  | { readonly silent: () => void };

export interface ModelRequest {
  readonly body: {
    readonly model: string;
    readonly messages: readonly { readonly role: string; readonly content: unknown }[];
    readonly response_format?: unknown;
    readonly stream?: boolean;
    readonly [setting: string]: unknown;
  };
  readonly headers: IncomingMessage["headers"];
}

export interface ModelProvider {
  readonly url: string;
  readonly requests: ModelRequest[];
  /** For each request that was not answered: that the other side has hung up. */
  readonly hungUp: Promise<void>[];
  /** What is answered next; where it is empty, 500. */
  readonly answers: ModelAnswer[];
  /** A model of a real provider package that asks here. */
  readonly model: PromptModel;
  close(): Promise<void>;
}

/** A provider that is closed when the test is over. */
export async function modelProvider(...answers: readonly ModelAnswer[]): Promise<ModelProvider> {
  const provider = await openProvider(answers);
  onTestFinished(() => provider.close());
  return provider;
}

async function openProvider(laidOut: readonly ModelAnswer[]): Promise<ModelProvider> {
  const requests: ModelRequest[] = [];
  const hungUp: Promise<void>[] = [];
  const answers = [...laidOut];
  const server = createServer((request, response) => {
    void serve(request, response);
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString("utf8");
    // As the provider package wrote it, which the tests look at.
    const body = JSON.parse(text) as ModelRequest["body"];
    requests.push({ body, headers: request.headers });
    const answer = answers.shift() ?? { status: 500, message: "no answer is laid out" };
    if ("silent" in answer) {
      hungUp.push(new Promise((resolve) => void response.once("close", resolve)));
      answer.silent();
      return;
    }
    if ("status" in answer) fail(response, answer);
    else if ("body" in answer) send(response, 200, answer.body);
    else if ("part" in answer) breakOff(response, answer);
    else if (body.stream === true) stream(response, answer, includesUsage(body));
    else send(response, 200, JSON.stringify(whole(answer)));
  }

  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/v1`;
  return {
    url,
    requests,
    hungUp,
    answers,
    model: createOpenAICompatible({
      name: "acme",
      baseURL: url,
      apiKey: "secret",
      supportsStructuredOutputs: true,
      includeUsage: true,
    })("acme-1"),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function includesUsage({ stream_options: options }: ModelRequest["body"]): boolean {
  return typeof options === "object" && options !== null && "include_usage" in options;
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(body);
}

function fail(
  response: ServerResponse,
  { status, headers = {}, message = "it broke" }: Extract<ModelAnswer, { readonly status: number }>,
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ error: { message, type: "error" } }));
}

type Told = Extract<ModelAnswer, Said>;

function messageOf(answer: Told): object {
  if ("text" in answer) return { content: answer.text };
  if ("refusal" in answer) return { content: null, refusal: answer.refusal };
  const calls = answer.tools.map(([name, input], index) => ({
    index,
    id: `call-${index}`,
    type: "function",
    function: { name, arguments: JSON.stringify(input) },
  }));
  return { content: null, tool_calls: calls };
}

function finishOf(answer: Told): string | null {
  return answer.finish === undefined ? ("tools" in answer ? "tool_calls" : "stop") : answer.finish;
}

function usageOf({ tokens = [10, 5] }: Told): object {
  if (tokens === null) return {};
  const [prompt_tokens, completion_tokens] = tokens;
  return { usage: { prompt_tokens, completion_tokens, total_tokens: 0 } };
}

function whole(answer: Told): object {
  const message = { role: "assistant", ...messageOf(answer) };
  return {
    ...headOf(answer),
    choices: [{ index: 0, message, finish_reason: finishOf(answer) }],
    ...usageOf(answer),
  };
}

function headOf({ model = "acme-1-2026-11" }: Said): object {
  return { id: "answer", created: 1, model, object: "chat.completion" };
}

function events(response: ServerResponse, head: object) {
  response.writeHead(200, { "content-type": "text/event-stream" });
  return (delta: object, more: object = {}) => {
    const choices = [{ index: 0, delta, ...more }];
    response.write(`data: ${JSON.stringify({ ...head, choices })}\n\n`);
  };
}

/** A text in pieces of three characters. */
function stream(response: ServerResponse, answer: Told, withUsage: boolean): void {
  const event = events(response, headOf(answer));
  if ("text" in answer)
    for (const [piece] of answer.text.matchAll(/[^]{1,3}/gu)) event({ content: piece });
  else event(messageOf(answer));
  event({}, { finish_reason: finishOf(answer) });
  if (withUsage)
    response.write(
      `data: ${JSON.stringify({ ...headOf(answer), choices: [], ...usageOf(answer) })}\n\n`,
    );
  response.end("data: [DONE]\n\n");
}

function breakOff(
  response: ServerResponse,
  { part, then }: Extract<ModelAnswer, { readonly part: string }>,
): void {
  events(response, headOf({}))({ content: part });
  if (then === "ends") response.end();
  // What was written is on its way before the connection breaks.
  else setImmediate(() => response.destroy());
}
