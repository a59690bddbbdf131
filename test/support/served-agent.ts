/** What is served, over real HTTP, and the published shape of what it answers. */
import type { AddressInfo } from "node:net";
import { type ServerType, serve } from "@hono/node-server";
import { onTestFinished } from "vitest";
import { z } from "zod";

/** Serves on a free port until the test is over; gives the address. */
export async function servedAt(fetch: (request: Request) => Promise<Response>): Promise<string> {
  const server = await new Promise<ServerType>((resolve) => {
    const started = serve({ fetch, port: 0, hostname: "127.0.0.1" }, () => resolve(started));
  });
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        if ("closeAllConnections" in server) server.closeAllConnections();
      }),
  );
  // A server on a port has one.
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}

export async function post(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

const Item = z.object({
  type: z.literal("message"),
  id: z.string(),
  role: z.literal("assistant"),
  status: z.literal("completed"),
  content: z.tuple([
    z.object({ type: z.literal("output_text"), text: z.string(), annotations: z.array(z.never()) }),
  ]),
});

const Usage = z.object({
  input_tokens: z.int(),
  input_tokens_details: z.object({ cached_tokens: z.int() }),
  output_tokens: z.int(),
  output_tokens_details: z.object({ reasoning_tokens: z.int() }),
  total_tokens: z.int(),
});

/** ResponsesAgentResponse of MLflow 3, as its types demand it, and what is ours in `custom_outputs`. */
export const PublishedResponse = z.object({
  id: z.string(),
  object: z.literal("response"),
  created_at: z.int(),
  model: z.string(),
  status: z.enum(["completed", "failed", "in_progress", "incomplete"]),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  incomplete_details: z.object({ reason: z.string() }).nullable(),
  output: z.array(Item),
  usage: Usage,
  metadata: z.record(z.string(), z.string()).optional(),
  custom_outputs: z.looseObject({ run: z.string(), status: z.string(), version: z.int() }),
});

export type Answered = z.infer<typeof PublishedResponse>;

/** The body of an answer, which must be in the published shape. */
export async function answered(response: Response): Promise<Answered> {
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return PublishedResponse.parse(await response.json());
}

/** The body of an error. */
export async function refused(response: Response): Promise<Readonly<Record<string, unknown>>> {
  const { error } = z.object({ error: z.looseObject({}) }).parse(await response.json());
  return { status: response.status, ...error };
}

export interface ReadEvent {
  readonly type?: string;
  readonly [field: string]: unknown;
}

/** The events of a stream that ends with `[DONE]`. */
export async function eventsOf(response: Response): Promise<readonly ReadEvent[]> {
  const blocks = (await response.text()).split("\n\n").filter((block) => block !== "");
  const data = blocks.flatMap((block) =>
    block.split("\n").flatMap((line) => (line.startsWith("data: ") ? [line.slice(6)] : [])),
  );
  if (data.pop() !== "[DONE]") throw new Error("The stream has no end.");
  return data.map((text): ReadEvent => JSON.parse(text));
}
