/** Agents of A2A on real sockets: a Baton that is served, the SDK's own client, and servers made of the SDK. */
import type {
  AgentCard,
  AgentCardSignatureGenerator,
  Message,
  SendMessageRequest,
  Task,
  TaskState,
} from "@a2a-js/sdk";
import * as sdk from "@a2a-js/sdk";
import { type Client, ClientFactory, type ClientFactoryOptions } from "@a2a-js/sdk/client";
import {
  AgentEvent,
  DefaultRequestHandler,
  InMemoryTaskStore,
  JsonRpcTransportHandler,
  ServerCallContext,
} from "@a2a-js/sdk/server";
import { type ServerType, serve } from "@hono/node-server";
import { type Author, type Baton, open, type OpenOptions, memory } from "baton";
import { a2aServer, type A2aServerOptions } from "baton/a2a";
import { onTestFinished } from "vitest";

type Fetch = (request: Request) => Response | Promise<Response>;

export interface Site {
  readonly url: string;
  /** What answers from now on. */
  readonly answer: (fetch: Fetch) => void;
  readonly close: () => Promise<void>;
}

/** A free port of this machine, until the test is over. */
export async function site(): Promise<Site> {
  let handler: Fetch = () => new Response("nothing here yet", { status: 503 });
  let server: ServerType | undefined;
  const url = await new Promise<string>((resolve) => {
    server = serve({ fetch: (request) => handler(request), port: 0, hostname: "127.0.0.1" }, (at) =>
      resolve(`http://127.0.0.1:${at.port}/`),
    );
  });
  const close = () =>
    new Promise<void>((resolve) => {
      if (server === undefined || !server.listening) return resolve();
      server.close(() => resolve());
      if ("closeAllConnections" in server) server.closeAllConnections();
    });
  onTestFinished(close);
  return {
    url,
    answer: (fetch) => {
      handler = fetch;
    },
    close,
  };
}

/** Who calls is who the bearer token says. */
export function byToken(request: Request): Author | undefined {
  const [, token] = /^Bearer (\w+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
  return token === undefined ? undefined : { kind: "program", id: token };
}

/** Opens for real time, and closes when the test is over. */
export async function openedNow(
  options: Partial<OpenOptions> & Pick<OpenOptions, "workflows">,
): Promise<Baton> {
  const baton = await open({ store: memory(), log: () => {}, ...options });
  onTestFinished(() => baton.close({ graceMs: 0 }));
  return baton;
}

export interface Served {
  readonly baton: Baton;
  readonly url: string;
  readonly errors: readonly unknown[];
}

/** A Baton behind a socket. */
export async function served(
  workflows: A2aServerOptions["workflows"],
  more: Partial<A2aServerOptions> & { readonly open?: Partial<OpenOptions> } = {},
): Promise<Served> {
  const { open: how = {}, ...options } = more;
  const at = await site();
  const baton = await openedNow({
    workflows: workflows.map((each) => ("workflow" in each ? each.workflow : each)),
    ...how,
  });
  const errors: unknown[] = [];
  const card = { name: "house", description: "A house.", version: "1.0.0", url: at.url };
  at.answer(
    await a2aServer(baton, {
      workflows,
      card,
      author: byToken,
      onError: (error) => errors.push(error),
      ...options,
    }),
  );
  return { baton, url: at.url, errors };
}

/** The SDK's client of an agent, which says who it is. */
export async function clientOf(
  url: string,
  token = "ann",
  preferred: "JSONRPC" | "HTTP+JSON" = "JSONRPC",
): Promise<Client> {
  const { JsonRpcTransportFactory, RestTransportFactory } = await import("@a2a-js/sdk/client");
  const fetchImpl: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set("authorization", `Bearer ${token}`);
    return fetch(input, { ...init, headers });
  };
  const options: ClientFactoryOptions = {
    transports: [
      new JsonRpcTransportFactory({ fetchImpl }),
      new RestTransportFactory({ fetchImpl }),
    ],
    preferredTransports: [preferred],
  };
  return await new ClientFactory(options).createFromUrl(url);
}

/** A message as the SDK's client sends it. */
export function message(messageId: string, data: unknown, more: Partial<Message> = {}): Message {
  return {
    messageId,
    contextId: "",
    taskId: "",
    role: 1,
    parts: [
      { content: { $case: "data", value: data }, metadata: undefined, filename: "", mediaType: "" },
    ],
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
    ...more,
  };
}

/** What a client sends; it waits for the end unless told otherwise. */
export function order(of: Message, returnImmediately = false): SendMessageRequest {
  const configuration = {
    acceptedOutputModes: [],
    taskPushNotificationConfig: undefined,
    returnImmediately,
  };
  return { tenant: "", message: of, configuration, metadata: undefined };
}

/** What came back, if it is a task. */
export function asTask(result: Message | Task): Task {
  if ("messageId" in result) throw new Error("It is a message.");
  return result;
}

/** The value of the artifact of a task. */
export function outputOf({ artifacts }: Task): unknown {
  const content = artifacts[0]?.parts[0]?.content;
  return content?.$case === "data" ? content.value : undefined;
}

/** What an agent made with the SDK does with a message: publishes events for its task. */
export type Acting = (
  asked: { readonly id: string; readonly message: Message; readonly value: unknown },
  publish: (update: Update) => void,
) => Promise<void> | void;

export type Update =
  | { readonly state: TaskState; readonly text?: string }
  | { readonly data: unknown };

export interface SdkAgent {
  readonly url: string;
  readonly card: AgentCard;
  /** The requests that came, each with its method of JSON-RPC. */
  readonly heard: { readonly method: string; readonly headers: Headers }[];
  readonly cancelled: string[];
}

export interface SdkAgentOptions {
  readonly card?: Partial<AgentCard>;
  /** Looks at each request first, which has an id of JSON-RPC, and may answer it. */
  readonly before?: (request: Request, method: string, id: unknown) => Response | undefined;
  readonly sign?: AgentCardSignatureGenerator;
}

interface Asked {
  readonly method: string;
  readonly id?: unknown;
}

/** An agent made with the SDK alone: its executor, its request handler, its store in memory. */
export async function sdkAgent(act: Acting, options: SdkAgentOptions = {}): Promise<SdkAgent> {
  const at = await site();
  const unsigned: AgentCard = {
    name: "sdk",
    description: "Made with the SDK.",
    version: "2.0.0",
    supportedInterfaces: [
      { url: at.url, protocolBinding: "JSONRPC", tenant: "", protocolVersion: "1.0" },
    ],
    provider: undefined,
    capabilities: { streaming: true, pushNotifications: false, extensions: [] },
    securitySchemes: {},
    securityRequirements: [],
    defaultInputModes: ["application/json"],
    defaultOutputModes: ["application/json"],
    skills: [],
    signatures: [],
    ...options.card,
  };
  const card = (await options.sign?.(unsigned)) ?? unsigned;
  const heard: SdkAgent["heard"] = [];
  const cancelled: string[] = [];
  const handler = new DefaultRequestHandler(card, new InMemoryTaskStore(), {
    execute: async ({ taskId, contextId, userMessage }, bus) => {
      const place = { taskId, contextId };
      const status = { state: "TASK_STATE_SUBMITTED" };
      bus.publish(AgentEvent.task(sdk.Task.fromJSON({ id: taskId, contextId, status })));
      const [content] = userMessage.parts.map((part) => part.content);
      const value = content?.$case === "data" ? content.value : undefined;
      await act({ id: taskId, message: userMessage, value }, (update) => {
        if ("data" in update) {
          const artifact = { artifactId: "a", parts: [{ data: update.data }] };
          const event = sdk.TaskArtifactUpdateEvent.fromJSON({ ...place, artifact });
          return bus.publish(AgentEvent.artifactUpdate(event));
        }
        const parts = update.text === undefined ? [] : [{ text: update.text }];
        const said = { messageId: `${taskId}-said`, role: "ROLE_AGENT", parts, ...place };
        const now = { state: update.state, message: said };
        const event = sdk.TaskStatusUpdateEvent.fromJSON({ ...place, status: now });
        return bus.publish(AgentEvent.statusUpdate(event));
      });
    },
    cancelTask: async (taskId, bus) => {
      cancelled.push(taskId);
      const status = { state: "TASK_STATE_CANCELED" };
      const event = sdk.TaskStatusUpdateEvent.fromJSON({ taskId, contextId: "", status });
      bus.publish(AgentEvent.statusUpdate(event));
    },
  });
  at.answer(async (request) => {
    const text = await request.text();
    // A card is asked for without a body, everything else in JSON-RPC.
    const { method, id } = JSON.parse(text === "" ? '{"method":"card"}' : text) as Asked;
    heard.push({ method, headers: request.headers });
    const answered = options.before?.(request, method, id);
    if (answered !== undefined) return answered;
    if (method === "card") return Response.json(sdk.AgentCard.toJSON(card));
    const context = new ServerCallContext({ requestedVersion: "1.0" });
    const answer = await new JsonRpcTransportHandler(handler).handle(text, context);
    if (!(Symbol.asyncIterator in answer)) return Response.json(answer);
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    void (async () => {
      const writer = writable.getWriter();
      for await (const event of answer)
        await writer.write(new TextEncoder().encode(sdk.formatSSEEvent(event)));
      await writer.close();
    })().catch(() => {});
    return new Response(readable, { headers: { "content-type": "text/event-stream" } });
  });
  return { url: at.url, card, heard, cancelled };
}
