/** Agents of A2A on real sockets: a Baton that is served, the SDK's own client, and servers made of the SDK. */
import type { Message, SendMessageRequest, Task } from "@a2a-js/sdk";
import { type Client, ClientFactory, type ClientFactoryOptions } from "@a2a-js/sdk/client";
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
