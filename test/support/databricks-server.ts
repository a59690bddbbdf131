/**
 * A workspace of Databricks, as far as agents are called: tokens by OAuth, serving endpoints and apps that answer in the published
 * shapes. What it answers next a test says; the pieces of an answer are written as they are given, each on its own.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** A request that was taken. */
export interface Asked {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  /** Parsed; the form of a token request as an object. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Written one by one; what is a function, once it has given it. */
  readonly pieces: readonly (string | Uint8Array | (() => Promise<string>))[];
  /** The connection is cut after the pieces. */
  readonly cut?: boolean;
  /** The connection is cut instead of an answer. */
  readonly hangsUp?: boolean;
  /** The answer is left open after the pieces, until whoever asked is gone. */
  readonly open?: boolean;
}

export interface DatabricksServer {
  readonly url: string;
  readonly asked: Asked[];
  /** Of the token endpoint. */
  readonly tokensAsked: Asked[];
  /** What is answered next: the last one again and again. */
  readonly replies: Reply[];
  /** What the token endpoint answers next, before tokens `token-1`, `token-2`, ... */
  readonly tokenReplies: Reply[];
  /** Tokens that are answered 401. */
  readonly expired: Set<string>;
  /** How long tokens live, in seconds. */
  life: number;
  /** Resolves once whoever asked has gone away in the middle of an answer. */
  readonly left: Promise<void>;
}

export const CLIENT = { clientId: "principal", clientSecret: "s3cret-of-the-principal" } as const;

export async function databricksServer(): Promise<DatabricksServer> {
  let leave: () => void = () => {};
  const server: DatabricksServer = {
    url: "",
    asked: [],
    tokensAsked: [],
    replies: [],
    tokenReplies: [],
    expired: new Set(),
    life: 3_600,
    left: new Promise((resolve) => {
      leave = resolve;
    }),
  };
  const http = createServer((request, response) => {
    void answer(server, request, response, leave);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  );
  // A server on a port has one.
  const { port } = http.address() as AddressInfo;
  return Object.assign(server, { url: `http://127.0.0.1:${port}` });
}

async function answer(
  server: DatabricksServer,
  request: IncomingMessage,
  response: ServerResponse,
  leave: () => void,
): Promise<void> {
  const path = request.url ?? "";
  const text = await bodyOf(request);
  if (path === "/oidc/v1/token") {
    const body = Object.fromEntries(new URLSearchParams(text));
    server.tokensAsked.push({ path, headers: request.headers, body });
    const known = `Basic ${btoa(`${CLIENT.clientId}:${CLIENT.clientSecret}`)}`;
    const prepared = server.tokenReplies.shift();
    if (prepared !== undefined) return await write(response, prepared, leave);
    if (request.headers.authorization !== known)
      return await write(response, json({ error: "invalid_client" }, 401), leave);
    const token = {
      access_token: `token-${server.tokensAsked.length}`,
      token_type: "Bearer",
      expires_in: server.life,
    };
    return await write(response, json(token), leave);
  }
  server.asked.push({ path, headers: request.headers, body: JSON.parse(text) });
  const token = (request.headers.authorization ?? "").replace("Bearer ", "");
  if (server.expired.has(token)) {
    const refusal = { error_code: "UNAUTHENTICATED", message: `The token ${token} has expired.` };
    return await write(response, json(refusal, 401), leave);
  }
  const reply = server.replies.length > 1 ? server.replies.shift() : server.replies[0];
  await write(response, reply ?? json({ message: "Nothing is prepared." }, 500), leave);
}

async function write(response: ServerResponse, reply: Reply, leave: () => void): Promise<void> {
  const { status = 200, headers = {}, pieces, cut = false, open = false, hangsUp = false } = reply;
  response.on("close", () => {
    if (!response.writableEnded) leave();
  });
  if (hangsUp) return void response.destroy();
  response.writeHead(status, { ...headers });
  response.flushHeaders();
  for (const piece of pieces) {
    const bytes = typeof piece === "function" ? await piece() : piece;
    await new Promise<void>((resolve) => response.write(bytes, () => resolve()));
  }
  if (cut) response.destroy();
  else if (!open) response.end();
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Reply {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    pieces: [JSON.stringify(body)],
  };
}

/** The text of a stream of events, ended by `[DONE]`. */
export function eventsText(events: readonly unknown[]): string {
  return [...events.map((event) => JSON.stringify(event)), "[DONE]"]
    .map((data) => `data: ${data}\n\n`)
    .join("");
}

/** A stream of events, in pieces that are cut where it is said: every event is one piece if it is not. */
export function streamed(
  text: string,
  more: Partial<Reply> = {},
  cuts: readonly number[] = [],
): Reply {
  const bytes = new TextEncoder().encode(text);
  const places = [...new Set([0, ...cuts.filter((cut) => cut < bytes.length), bytes.length])].sort(
    (a, b) => a - b,
  );
  const pieces = places.slice(1).map((end, index) => bytes.slice(places[index], end));
  return { headers: { "content-type": "text/event-stream" }, pieces, ...more };
}

export function message(text: string, id = "msg-1"): Record<string, unknown> {
  const content = [{ type: "output_text", text, annotations: [] }];
  return { type: "message", id, role: "assistant", status: "completed", content };
}

export function usageOf(input: number, output: number): Record<string, unknown> {
  return { input_tokens: input, output_tokens: output, total_tokens: input + output };
}

/** The events of an answer with one message, as MLflow's server gives them. */
export function answerOf(text: string, pieces: readonly string[] = [text]): unknown[] {
  return [
    ...pieces.map((delta) => ({
      type: "response.output_text.delta",
      item_id: "msg-1",
      output_index: 0,
      content_index: 0,
      delta,
    })),
    { type: "response.output_item.done", output_index: 0, item: message(text) },
    {
      type: "response.completed",
      response: { id: "resp-1", status: "completed", model: "llama", usage: usageOf(12, 30) },
    },
  ];
}
