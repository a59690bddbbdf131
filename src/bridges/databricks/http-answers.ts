/** Answers over HTTP: JSON, and errors in the form of the OpenAI API, which clients of the Responses API read. */
import { isBatonError, type ErrorCode } from "../../model/errors.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import type { Violation } from "../../model/violation.ts";

export function jsonAnswer(
  body: Json,
  status = 200,
  headers: Record<string, string> = {},
): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
  });
}

export interface HttpError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** The field that is wrong, as a JSON pointer. */
  readonly param?: string;
  readonly violations?: readonly Violation[];
  readonly headers?: Record<string, string>;
  /** What else the error says. */
  readonly more?: JsonObject;
}

export function errorAnswer(error: HttpError): Response {
  return jsonAnswer(errorBody(error), error.status, error.headers);
}

/** The error as a body, or as an event. */
export function errorBody(error: HttpError): JsonObject {
  const { status, code, message, param, violations, more } = error;
  const said: JsonObject = {
    ...more,
    message,
    type: typeOf(status),
    param: param ?? null,
    code,
    // Of a refused input: each with its path, its rule and what is wrong. Its values are kept back.
    ...(violations === undefined
      ? {}
      : {
          violations: violations.map(({ contract, path, rule, message }) => ({
            contract,
            path,
            rule,
            message,
          })),
        }),
  };
  return { error: said };
}

function typeOf(status: number): string {
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** The error for what a contract does not take. */
export function refusedAnswer(code: ErrorCode, violations: readonly Violation[]): Response {
  const [first] = violations;
  return errorAnswer({
    status: 400,
    code,
    message: first === undefined ? "The request was refused." : `${first.path}: ${first.message}`,
    ...(first === undefined ? {} : { param: first.path }),
    violations,
  });
}

/** What is the caller's to mend, with its status. Anything else is ours, and told without its message. */
const STATUSES: Readonly<Partial<Record<ErrorCode, number>>> = {
  ARGUMENT_INVALID: 400,
  VALUE_NOT_JSON: 400,
  RUN_NOT_FOUND: 404,
  RUN_CONFLICT: 409,
  VALUE_TOO_LARGE: 413,
};

/** Baton takes nothing now; another process, or this one later, may. */
const ELSEWHERE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "STORE_CLOSED",
  "STORE_FENCED",
  "STORE_FAILED",
  "STORE_IN_USE",
  "STORE_READ_ONLY",
]);

const ELSEWHERE_SECONDS = 5;

/** The answer to what was thrown while a request was taken. */
export function thrownAnswer(error: unknown): Response {
  if (!isBatonError(error))
    return errorAnswer({ status: 500, code: "INTERNAL", message: "The agent failed to answer." });
  const { code, message } = error;
  const status = STATUSES[code];
  if (status !== undefined) return errorAnswer({ status, code, message });
  if (code === "OVERLOADED") return overloaded(error.details["retryAfterMs"], message);
  if (ELSEWHERE.has(code)) {
    const headers = { "retry-after": String(ELSEWHERE_SECONDS) };
    return errorAnswer({ status: 503, code, message: "The agent takes no requests now.", headers });
  }
  return errorAnswer({ status: 500, code, message: "The agent failed to answer." });
}

/** Too much at once: when to come again. */
export function overloaded(retryAfterMs: unknown, message: string): Response {
  const ms = typeof retryAfterMs === "number" ? retryAfterMs : 1_000;
  const headers = { "retry-after": String(Math.max(1, Math.ceil(ms / 1_000))) };
  return errorAnswer({ status: 429, code: "OVERLOADED", message, headers });
}
