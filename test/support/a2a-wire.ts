/** An agent of A2A that is its answers: what each method of JSON-RPC gives is said by the test. */
import { AgentCard } from "@a2a-js/sdk";
import { site } from "./a2a.ts";

/** A task in the protocol's JSON. */
export interface TaskJson {
  readonly id: string;
  readonly contextId: string;
  readonly status: { readonly state: string };
  readonly artifacts?: readonly object[];
}

export interface WireAsked {
  readonly method: string;
  /** Of the message that is sent, or of the task that is asked for. */
  readonly id: string;
  readonly headers: Headers;
  /** Of the message that is sent. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface WireAgent {
  readonly url: string;
  readonly heard: readonly WireAsked[];
}

interface Rpc {
  readonly id: unknown;
  readonly method: string;
  readonly params: {
    readonly id?: string;
    readonly message?: {
      readonly messageId: string;
      readonly metadata?: Readonly<Record<string, unknown>>;
    };
  };
}

/** What is no response is the result of the method; a task, where a message was sent. */
export async function wireAgent(
  answer: (asked: WireAsked) => TaskJson | Response,
  { streaming = false } = {},
): Promise<WireAgent> {
  const at = await site();
  const card = AgentCard.fromJSON({
    name: "wire",
    description: "Its answers.",
    version: "1.0.0",
    supportedInterfaces: [{ url: at.url, protocolBinding: "JSONRPC", protocolVersion: "1.0" }],
    capabilities: { streaming },
  });
  const heard: WireAsked[] = [];
  at.answer(async (request) => {
    const text = await request.text();
    const { headers } = request;
    if (text === "") {
      heard.push({ method: "card", id: "", headers, metadata: {} });
      return Response.json(AgentCard.toJSON(card));
    }
    const rpc = JSON.parse(text) as Rpc;
    const { method, params } = rpc;
    const { messageId = params.id ?? "", metadata = {} } = params.message ?? {};
    const asked = { method, id: messageId, headers, metadata };
    heard.push(asked);
    const given = answer(asked);
    if (given instanceof Response) return given;
    const result = method === "SendMessage" ? { task: given } : given;
    return Response.json({ jsonrpc: "2.0", id: rpc.id, result });
  });
  return { url: at.url, heard };
}

/** A task of the message or task of that id. */
export function taskJson(id: string, state: string, data?: unknown): TaskJson {
  const artifacts = data === undefined ? [] : [{ artifactId: "a", parts: [{ data }] }];
  return { id, contextId: "c", status: { state: `TASK_STATE_${state}` }, artifacts };
}
