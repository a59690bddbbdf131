/** Workflows as an agent that speaks A2A. */
import { sha256Hex } from "../../journal/hash.ts";
import { answerRest, answerRpc, bodyOf, problem } from "./http.ts";
import { busyForMs } from "./protocol-errors.ts";
import { allDefinitions } from "./questions.ts";
import { requestHandler } from "./request-handler.ts";
import { loadServer } from "./sdk.ts";
import type { ServedBaton } from "../served-baton.ts";
import { serverCard } from "./server-card.ts";
import { type A2aServerOptions, BODY_BYTES_MAX, checkedSkills } from "./server-options.ts";

/** Answers a request; mount it where the card's url says. */
export type A2aHandler = (request: Request) => Promise<Response>;

/** Where the card is, below the card's url. */
const CARD_PATH = "/.well-known/agent-card.json";

/**
 * A handler that serves workflows as one A2A agent: a skill for each, over JSON-RPC and HTTP+JSON, with streams. A task is a view of
 * a run, so that what is in the journal is what callers see, also after a restart.
 *
 * @throws BatonError `DEFINITION_INVALID`, `DEPENDENCY_MISSING`
 * @example serve({ fetch: await a2aServer(baton, { workflows: [creditDecision], card, author }) })
 */
export async function a2aServer(
  baton: ServedBaton,
  options: A2aServerOptions,
): Promise<A2aHandler> {
  const skills = checkedSkills(baton, options);
  const sdk = await loadServer();
  const { partials = false, bodyBytesMax = BODY_BYTES_MAX, sign, author } = options;
  const { onError = (error: unknown) => console.error(error) } = options;
  const unsigned = serverCard(sdk, options.card, skills);
  const card = sign === undefined ? unsigned : await sign(unsigned);
  const cardText = JSON.stringify(sdk.protocol.AgentCard.toJSON(card));
  const cardTag = `"${sha256Hex(cardText).slice(0, 32)}"`;
  const definitions = allDefinitions([...skills.values()].map(({ workflow }) => workflow));
  const { path: below = new URL(options.card.url).pathname } = options;
  const base = below.replace(/\/+$/, "");
  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname !== base && !pathname.startsWith(`${base}/`)) return problem(404, "Not found");
    const path = pathname.slice(base.length);
    if (path === CARD_PATH) return cardAnswer(request, cardText, cardTag);
    const caller = await author(request);
    if (caller === undefined)
      return problem(401, "Say who you are", { "www-authenticate": "Bearer" });
    const body = await bodyOf(request, bodyBytesMax);
    if (body === undefined) return problem(413, `A body has ${bodyBytesMax} bytes at most`);
    let busyMs: number | undefined;
    const failed = (error: unknown): void => {
      busyMs = busyForMs(error);
      if (busyMs === undefined) onError(error);
    };
    const gone = new AbortController();
    const signal = AbortSignal.any([request.signal, gone.signal]);
    const traceparent = request.headers.get("traceparent") ?? undefined;
    const desk = { baton, skills, definitions, author: caller, traceparent, partials, signal };
    const handler = requestHandler({ sdk, desk, card, failed });
    const asked = { request, path, body, left: () => gone.abort() };
    const isRpc = request.method === "POST" && (path === "" || path === "/");
    const answered = isRpc
      ? await answerRpc(sdk, handler, card, asked)
      : await answerRest(sdk, handler, card, asked);
    return busyMs === undefined ? (answered ?? problem(404, "Not found")) : busy(busyMs);
  };
  return async (request) => {
    try {
      return await answer(request);
    } catch (error) {
      onError(error);
      return problem(500, "Internal error");
    }
  };
}

function busy(ms: number): Response {
  return problem(503, "Busy: ask again later", { "retry-after": `${Math.ceil(ms / 1_000)}` });
}

function cardAnswer(request: Request, text: string, tag: string): Response {
  if (request.method !== "GET" && request.method !== "HEAD")
    return problem(405, "The card is only read", { allow: "GET, HEAD" });
  const headers = { etag: tag, "cache-control": "public, max-age=60" };
  if (request.headers.get("if-none-match") === tag)
    return new Response(null, { status: 304, headers });
  return new Response(text, { headers: { ...headers, "content-type": "application/json" } });
}
