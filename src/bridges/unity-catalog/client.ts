/**
 * Requests to a Unity Catalog, over its REST API.
 *
 * Owns: one request and its token with their time limit, the size of an answer, and what is tried again. Does not own what the answers mean.
 * Fails: with REGISTRY_UNAVAILABLE for whatever is no answer to the question. What the caller has to tell apart is returned:
 * something is not there, or is there already.
 *
 * C1. Only questions are tried again (429, 503, a connection that was cut off): what changes something is sent once.
 * C2. No redirect is followed: the token is for this server alone.
 * C3. No more is read of an answer than `answerBytesMax`.
 * C4. Only the server's own word settles anything: a 404 without its code, or a success without an object, is of a proxy before it.
 */
import { isBearerToken } from "../bearer-token.ts";
import { askedAgain } from "../cut-off.ts";
import { limitedText } from "../limited-body.ts";
import { retryAfterMs } from "../retry-after.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { BatonError } from "../../model/errors.ts";
import { isObject, textOf, type UnityObject } from "./fields.ts";
import type { UnityConnection } from "./options.ts";

export type Answer =
  | { readonly kind: "done"; readonly body: UnityObject }
  /** 404 with a code of the server: what was asked for, or what it belongs to. */
  | { readonly kind: "missing"; readonly code: string; readonly message: string }
  /** Something of this name is there. */
  | { readonly kind: "exists"; readonly message: string };

export type Query = Readonly<Record<string, string>>;

export interface UnityClient {
  readonly connection: UnityConnection;
  readonly get: (path: string, query?: Query) => Promise<Answer>;
  readonly send: (
    method: "POST" | "PATCH",
    path: string,
    body: Readonly<Record<string, unknown>>,
  ) => Promise<Answer>;
  /** What stands under `field` of all pages. */
  readonly pages: (path: string, query: Query, field: string) => AsyncGenerator<UnityObject>;
}

const ATTEMPTS_MAX = 3;
/** Who is told to wait longer says so to the caller, who can do something else meanwhile. */
const WAIT_MAX_MS = 1_000;
const FIRST_WAIT_MS = 100;
/** A hundred items each: a list that goes on for longer does not end. */
const PAGES_MAX = 10_000;

interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
}

interface Received {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  readonly text: string;
  /** Undefined where the text is no object. */
  readonly body: UnityObject | undefined;
}

export function unityClient(connection: UnityConnection): UnityClient {
  const get = async (path: string, query: Query = {}): Promise<Answer> => {
    const exchange = { method: "GET", path, query };
    for (let attempt = 1; ; attempt += 1) {
      const received = await exchanged(connection, exchange);
      const waitMs = received.retryAfterMs ?? FIRST_WAIT_MS * 2 ** (attempt - 1);
      const isBusy = received.status === 429 || received.status === 503;
      if (!isBusy || attempt === ATTEMPTS_MAX || waitMs > WAIT_MAX_MS)
        return meant(connection, exchange, received);
      await sleep(waitMs);
    }
  };
  return {
    connection,
    get,
    send: async (method, path, body) => {
      const exchange = { method, path, body };
      return meant(connection, exchange, await exchanged(connection, exchange));
    },
    pages: async function* (path, query, field) {
      let token = "";
      for (let page = 0; page < PAGES_MAX; page += 1) {
        // 0 is the server's own size of a page; without it Databricks gives everything at once.
        const asked = {
          ...query,
          max_results: "0",
          ...(token === "" ? {} : { page_token: token }),
        };
        const answer = await get(path, asked);
        // What a list is of may not be there. What was there a page ago can't be told of in part.
        if (answer.kind !== "done" && page === 0) return;
        if (answer.kind !== "done")
          throw unavailable(
            connection,
            `ended the list of ${path} in its middle: ${answer.message}`,
          );
        const items = answer.body[field];
        if (Array.isArray(items)) yield* items.filter(isObject);
        const next = answer.body["next_page_token"];
        if (typeof next !== "string" || next === "") return;
        if (next === token)
          throw unavailable(connection, `leads from a page of ${path} to the same page again`);
        token = next;
      }
      throw unavailable(connection, `has more than ${PAGES_MAX} pages of ${path}`);
    },
  };
}

/** @throws BatonError REGISTRY_UNAVAILABLE */
async function exchanged(connection: UnityConnection, exchange: Exchange): Promise<Received> {
  const { method, path, query = {}, body } = exchange;
  const url = new URL(`${connection.api}${path}`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const signal = AbortSignal.timeout(connection.timeoutMs);
  const authorization = await authorizationOf(connection, signal);
  try {
    const ask = async () =>
      await fetch(url, {
        method,
        redirect: "manual",
        signal,
        headers: {
          accept: "application/json",
          ...(authorization === undefined ? {} : { authorization }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const response = await (method === "GET" ? askedAgain(ask) : ask());
    const { answerBytesMax: bytesMax } = connection;
    const tooLong = () => new RangeError(`The answer has more than ${bytesMax} bytes.`);
    const text = await limitedText(response, { bytesMax, tooLong });
    return {
      status: response.status,
      retryAfterMs: retryAfterMs(response.headers),
      text,
      body: parsed(text),
    };
  } catch (cause) {
    const why = `gave no answer to ${method} ${path} (${reasonOf(cause)})`;
    throw unavailable(connection, why, {}, cause);
  }
}

/** What is wrong with a token is said without it: what is said here is journalled. @throws BatonError REGISTRY_UNAVAILABLE */
async function authorizationOf(
  connection: UnityConnection,
  signal: AbortSignal,
): Promise<string | undefined> {
  let token: unknown;
  try {
    token = await Promise.race([connection.token(), aborted(signal)]);
  } catch (cause) {
    const why = `was not asked: there is no token for it (${reasonOf(cause)})`;
    throw unavailable(connection, why, {}, cause);
  }
  if (token === undefined || token === "") return undefined;
  if (isBearerToken(token)) return `Bearer ${token}`;
  throw unavailable(
    connection,
    "was not asked: its token has a line break, a space or another character that no token has",
  );
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** fetch itself says "fetch failed", and why in its cause. */
function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (!(inner instanceof Error)) return String(inner);
  // Several addresses that were tried in vain have no message of their own.
  return inner.message || ("code" in inner ? String(inner.code) : inner.name);
}

function meant(connection: UnityConnection, exchange: Exchange, received: Received): Answer {
  const { status, text, body = {}, retryAfterMs: waitMs } = received;
  const isSuccess = status >= 200 && status < 300;
  if (isSuccess && (received.body !== undefined || text.trim() === ""))
    return { kind: "done", body };
  const code = textOf(body, "error_code") ?? "";
  const message = shortened(textOf(body, "message") ?? text);
  if (status === 404 && code !== "") return { kind: "missing", code, message };
  // The open-source server says it of functions with 400, of models with 409.
  if (code.endsWith("ALREADY_EXISTS")) return { kind: "exists", message };
  throw unavailable(
    connection,
    `answered ${exchange.method} ${exchange.path} with ${status}${code === "" ? "" : ` ${code}`}${message === "" ? "" : `: ${message}`}`,
    {
      status,
      ...(code === "" ? {} : { code }),
      ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    },
  );
}

/** An answer that can't be used. */
export function unavailable(
  { server }: UnityConnection,
  problem: string,
  details: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): BatonError {
  const status = details["status"];
  return new BatonError("REGISTRY_UNAVAILABLE", `Unity Catalog at ${server} ${problem}.`, {
    details: { server, ...details },
    ...(cause === undefined ? {} : { cause }),
    ...(status === 401 || status === 403
      ? { hint: "Give a token of somebody who owns the schema, or may see and do this in it." }
      : {}),
  });
}

/** Messages of the open-source server can hold a whole SQL statement. */
function shortened(message: string): string {
  const max = 300;
  return message.length <= max ? message : `${message.slice(0, max)}...`;
}

/** Some answers are no JSON: pages of proxies. */
function parsed(text: string): UnityObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
