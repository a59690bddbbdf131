/** The protocol over HTTP: which request is meant, and how its answer is written. Web-standard, without a framework. */
import type { AgentCard, StreamResponse } from "@a2a-js/sdk";
import type { A2ARequestHandler } from "@a2a-js/sdk/server";
import { limitedText } from "../limited-body.ts";
import type { ServerSdk } from "./sdk.ts";

/** A request that was read. */
export interface Asked {
  readonly request: Request;
  /** The path below that of the card's url: `/tasks/t-1`, or empty. */
  readonly path: string;
  readonly body: string;
  /** Told when the caller does not read on. */
  readonly left: () => void;
}

/** RFC 9457, for what no protocol has an answer for: who asks, where, and how much. */
export function problem(
  status: number,
  title: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body = JSON.stringify({ type: "about:blank", title, status });
  return new Response(body, {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}

/** The body as text; undefined where it is larger than `bytesMax`. */
export async function bodyOf(request: Request, bytesMax: number): Promise<string | undefined> {
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) return undefined;
  const tooLong = new RangeError("body");
  try {
    return await limitedText(request, { bytesMax, tooLong: () => tooLong });
  } catch (error) {
    if (error === tooLong) return undefined;
    throw error;
  }
}

/** A request of JSON-RPC. */
export async function answerRpc(
  sdk: ServerSdk,
  handler: A2ARequestHandler,
  card: AgentCard,
  { request, body, left }: Asked,
): Promise<Response> {
  const { JsonRpcTransportHandler } = sdk.server;
  const refused = (error: unknown) =>
    Response.json({
      jsonrpc: "2.0",
      id: null,
      error: JsonRpcTransportHandler.mapToJSONRPCError(error),
    });
  const context = contextOf(sdk, request);
  try {
    checkRequest(sdk, request, card, "JSONRPC", context.requestedVersion);
  } catch (error) {
    return refused(error);
  }
  const answer = await new JsonRpcTransportHandler(handler).handle(body, context);
  if (!isStream(answer)) return Response.json(answer);
  const id = rpcIdOf(body);
  const failed = (error: unknown) => ({
    jsonrpc: "2.0",
    id,
    error: JsonRpcTransportHandler.mapToJSONRPCError(error),
  });
  return await streamed(sdk, answer, {
    refused: (error) => Response.json(failed(error)),
    write: (item) => sdk.protocol.formatSSEEvent(item),
    broken: (error) => sdk.protocol.formatSSEErrorEvent(failed(error)),
    left,
  });
}

/** A request of HTTP+JSON; undefined where there is no such path. */
export async function answerRest(
  sdk: ServerSdk,
  handler: A2ARequestHandler,
  card: AgentCard,
  asked: Asked,
): Promise<Response | undefined> {
  const route = restRoute(sdk, handler, asked);
  if (route === undefined) return undefined;
  const refused = (error: unknown): Response => {
    const status = sdk.errors.restStatusFor(error);
    return written(sdk.errors.toRestErrorBody(error, status), status);
  };
  try {
    const { request } = asked;
    checkRequest(sdk, request, card, "HTTP+JSON", contextOf(sdk, request).requestedVersion);
    const answer = await route();
    if (!isStream(answer)) return written(answer);
    return await streamed(sdk, answer, {
      refused,
      write: (item) => sdk.protocol.formatSSEEvent(sdk.protocol.StreamResponse.toJSON(item)),
      broken: (error) =>
        sdk.protocol.formatSSEErrorEvent(
          sdk.errors.toRestErrorBody(error, sdk.errors.restStatusFor(error)),
        ),
      left: asked.left,
    });
  } catch (error) {
    return refused(error);
  }
}

type RestAnswer = object | AsyncGenerator<StreamResponse, void, undefined>;

/** What a method and a path ask for. */
function restRoute(
  sdk: ServerSdk,
  handler: A2ARequestHandler,
  { request, path, body }: Asked,
): (() => Promise<RestAnswer>) | undefined {
  const { protocol } = sdk;
  const context = contextOf(sdk, request);
  const query = new URL(request.url).searchParams;
  const task = /^\/tasks\/([^/:]+)(?::(cancel|subscribe))?$/.exec(path);
  const id = decoded(task?.[1] ?? "");
  const send = () => protocol.SendMessageRequest.fromJSON(parsed(sdk, body));
  switch (`${request.method} ${task === null ? path : `/task:${task[2] ?? "get"}`}`) {
    case "POST /message:send":
      return async () => {
        const answer = await handler.sendMessage(send(), context);
        return "messageId" in answer
          ? { message: protocol.Message.toJSON(answer) }
          : { task: protocol.Task.toJSON(answer) };
      };
    case "POST /message:stream":
      return async () => handler.sendMessageStream(send(), context);
    case "GET /task:get": {
      const historyLength = query.get("historyLength");
      const length = historyLength === null ? {} : { historyLength: Number(historyLength) };
      return async () =>
        plain(protocol.Task.toJSON(await handler.getTask({ tenant: "", id, ...length }, context)));
    }
    case "POST /task:cancel":
      return async () =>
        plain(
          protocol.Task.toJSON(
            await handler.cancelTask({ tenant: "", id, metadata: undefined }, context),
          ),
        );
    case "GET /task:subscribe":
    case "POST /task:subscribe":
      return async () => handler.resubscribe({ tenant: "", id }, context);
    case "GET /tasks":
      return async () => {
        const { includeArtifacts, ...rest } = Object.fromEntries(query);
        const wanted = { ...rest, includeArtifacts: includeArtifacts === "true" };
        const list = await handler.listTasks(protocol.ListTasksRequest.fromJSON(wanted), context);
        const { nextPageToken, pageSize, totalSize } = list;
        const tasks = list.tasks.map((each) => protocol.Task.toJSON(each));
        return { tasks, nextPageToken, pageSize, totalSize };
      };
    case "GET /extendedAgentCard":
      return async () =>
        plain(
          protocol.AgentCard.toJSON(
            await handler.getAuthenticatedExtendedAgentCard({ tenant: "" }, context),
          ),
        );
    default:
      return undefined;
  }
}

/** What the SDK writes of a message is an object. */
function plain(json: unknown): object {
  return json as object;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parsed(sdk: ServerSdk, body: string): unknown {
  try {
    const json: unknown = JSON.parse(body);
    if (typeof json === "object" && json !== null) return json;
  } catch {
    // Said below.
  }
  throw new sdk.errors.RequestMalformedError("The body is no JSON object.");
}

function rpcIdOf(body: string): unknown {
  // The SDK has parsed it before it gave a stream.
  const { id = null } = JSON.parse(body) as { readonly id?: unknown };
  return id;
}

function contextOf({ server, protocol }: ServerSdk, { headers }: Request) {
  const requestedVersion = headers.get(protocol.A2A_VERSION_HEADER);
  return new server.ServerCallContext(requestedVersion === null ? {} : { requestedVersion });
}

function checkRequest(
  { server, errors }: ServerSdk,
  { headers }: Request,
  card: AgentCard,
  binding: "JSONRPC" | "HTTP+JSON",
  version: string,
): void {
  server.validateVersion(version, card, binding);
  const type = (headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type === "" || type === "application/json" || type === "application/a2a+json") return;
  throw new errors.ContentTypeNotSupportedError(
    `The content type ${type} is not application/json.`,
  );
}

function written(body: object, status = 200): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/a2a+json" },
  });
}

function isStream<X>(
  answer: object | AsyncGenerator<X, void, undefined>,
): answer is AsyncGenerator<X, void, undefined> {
  return Symbol.asyncIterator in answer;
}

interface Writing<X> {
  /** Before anything was sent. */
  readonly refused: (error: unknown) => Response;
  readonly write: (item: X) => string;
  /** Once something was. */
  readonly broken: (error: unknown) => string;
  /** The caller does not read on. */
  readonly left: () => void;
}

/** A comment of an event stream. */
const STILL_HERE = new TextEncoder().encode(":\n\n");
/** How often a stream that has nothing to say says so: a caller whose machine is gone is noticed by nothing but writing to it. */
const SILENCE_MS = 15_000;

/** A stream of events; what fails before its first one is an answer like any other. */
async function streamed<X>(
  { protocol }: ServerSdk,
  items: AsyncGenerator<X, void, undefined>,
  { refused, write, broken, left }: Writing<X>,
): Promise<Response> {
  let next: IteratorResult<X, void>;
  try {
    next = await items.next();
  } catch (error) {
    return refused(error);
  }
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      if (next.done === true) return controller.close();
      controller.enqueue(encoder.encode(write(next.value)));
      const speaking = setInterval(() => {
        // Neither to who has left, nor to who has not read yet what was said.
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(STILL_HERE);
      }, SILENCE_MS);
      try {
        next = await items.next();
      } catch (error) {
        controller.enqueue(encoder.encode(broken(error)));
        next = { done: true, value: undefined };
      } finally {
        clearInterval(speaking);
      }
    },
    // What is awaited next is not to be waited for.
    cancel: left,
  });
  return new Response(body, { headers: { ...protocol.SSE_HEADERS } });
}
