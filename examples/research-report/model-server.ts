/** A server of the published shape of chat completions, on a free port: what the tests of the model's writer talk to. */
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as it arrived. */
export interface Seen {
  readonly headers: IncomingHttpHeaders;
  readonly body: {
    readonly model: string;
    readonly messages: readonly { readonly role: string; readonly content: string }[];
  };
}

/** An answer: the text of the assistant, a refusal by status, or none at all. */
export type Reply =
  | { readonly content: string }
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly raw: string }
  | "silence";

export interface ModelServer {
  readonly url: string;
  readonly seen: readonly Seen[];
  /** Resolves when a request was cut off by its sender. */
  readonly cutOff: Promise<void>;
  close(): Promise<void>;
}

const TOKENS = { prompt_tokens: 120, completion_tokens: 30, total_tokens: 150 };

/** Answers requests by `reply`, which is told how many came before. */
export async function modelServer(reply: (seen: Seen, no: number) => Reply): Promise<ModelServer> {
  const seen: Seen[] = [];
  let cut: () => void = () => undefined;
  const cutOff = new Promise<void>((resolve) => {
    cut = resolve;
  });
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += String(chunk)));
    response.on("close", () => {
      if (!response.writableEnded) cut();
    });
    request.on("end", () => {
      const one: Seen = { headers: request.headers, body: JSON.parse(text) };
      const answer = reply(one, seen.push(one) - 1);
      if (answer === "silence") return;
      if ("raw" in answer) return void response.end(answer.raw);
      if ("status" in answer) {
        response.writeHead(answer.status, answer.headers);
        return void response.end(JSON.stringify({ error: { message: "not now", type: "busy" } }));
      }
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(completionOf(one.body.model, answer.content)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}/v1/chat/completions`,
    seen,
    cutOff,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function completionOf(model: string, content: string): object {
  const message = { role: "assistant", content, refusal: null };
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1_700_000_000,
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
    usage: TOKENS,
  };
}
