/** What goes wrong with a tool, as errors that say whether another attempt could help, and whether the tool can have acted. */
import type * as Sdk from "@modelcontextprotocol/client";
import { BatonError, type ErrorCode, isBatonError } from "../../model/errors.ts";
import { isUnreached } from "../unreached.ts";

/** What an error of a tool's call says besides. */
interface Weight {
  /** Another attempt would meet it again. */
  readonly final?: true;
  /** The tool was not reached, or refused the call before it began. */
  readonly nothingDone?: true;
}

export function toolError(
  code: ErrorCode,
  message: string,
  weight: Weight = {},
  more: { readonly details?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
): BatonError {
  return new BatonError(code, message, {
    details: { ...more.details, ...weight },
    ...(more.cause === undefined ? {} : { cause: more.cause }),
  });
}

export function isFinalError(error: unknown): boolean {
  return isBatonError(error) && error.details["final"] === true;
}

export function isNothingDone(error: unknown): boolean {
  return isBatonError(error) && error.details["nothingDone"] === true;
}

type Classes = Pick<
  typeof Sdk,
  "ProtocolError" | "ProtocolErrorCode" | "SdkHttpError" | "SdkError" | "SdkErrorCode"
>;

/** Where a call was when it went wrong. */
export interface Trouble {
  readonly what: string;
  /** `connecting`: no tool has been called yet. */
  readonly phase: "connecting" | "calling";
  /** Of a connection with a session, which a server may have forgotten. */
  readonly hasSession: boolean;
  readonly retryAfterMs?: number;
  /** The end of what the server's process has said. */
  readonly said?: string;
}

/** Refused before anything was done: bad request, who are you, you may not, not here, not like this, too large, unknown type. */
const REFUSED = new Set([400, 401, 403, 404, 405, 413, 415, 422]);

/** What the SDK threw, as an error of Baton. */
export function causedBy(sdk: Classes, error: unknown, trouble: Trouble): BatonError {
  if (isBatonError(error)) return error;
  const { what, phase, hasSession, retryAfterMs, said } = trouble;
  const wasGone = error instanceof sdk.SdkError && error.code === sdk.SdkErrorCode.NotConnected;
  const unreached = phase === "connecting" || wasGone || isUnreached(error, UNSTARTED);
  const more = {
    cause: error,
    details: {
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(said === undefined ? {} : { said }),
    },
  };
  if (asks(sdk, error))
    return toolError(
      "TOOL_ANSWER_UNUSABLE",
      `${what} asks for something in the middle of the call, and nobody is there to answer.`,
      { final: true },
      more,
    );
  if (error instanceof sdk.ProtocolError) {
    // By JSON-RPC: not understood, not known, or wrong arguments.
    const refused = error.code <= -32600 && error.code > -32603;
    return toolError(
      "TOOL_SERVER_FAILED",
      `${what} answered with the error ${error.code}: ${shortened(error.message)}`,
      {
        ...(refused ? { final: true, nothingDone: true } : {}),
        ...(unreached ? DONE_NOTHING : {}),
      },
      more,
    );
  }
  const status = error instanceof sdk.SdkHttpError ? error.status : undefined;
  if (status !== undefined) {
    const forgotten = hasSession && status === 404;
    const refused = REFUSED.has(status);
    return toolError(
      "TOOL_SERVER_FAILED",
      `${what} answered with the status ${status}.`,
      {
        ...(refused && !forgotten ? { final: true } : {}),
        ...(refused || status === 429 || unreached ? DONE_NOTHING : {}),
      },
      { ...more, details: { ...more.details, status } },
    );
  }
  if (isUnauthorized(error))
    return toolError(
      "TOOL_SERVER_FAILED",
      `${what} wants to know who calls.`,
      { final: true, nothingDone: true },
      more,
    );
  return toolError(
    "TOOL_SERVER_FAILED",
    `${what} could not be asked: ${shortened(error instanceof Error ? error.message : String(error))}`,
    unreached ? DONE_NOTHING : {},
    more,
  );
}

const DONE_NOTHING = { nothingDone: true } as const;
const MESSAGE_MAX = 1_000;

export function shortened(text: string): string {
  return text.length > MESSAGE_MAX ? `${text.slice(0, MESSAGE_MAX)}...` : text;
}

/** There is no such program: the server's process was not started. */
const UNSTARTED: ReadonlySet<unknown> = new Set(["ENOENT"]);

/** The SDK's errors of authorization are told by their names: they have no brand of their own. */
function isUnauthorized(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === "UnauthorizedError" || error.name === "InsufficientScopeError")
  );
}

/** Elicitation, sampling and roots, which this client does not offer. */
function asks(sdk: Classes, error: unknown): boolean {
  if (error instanceof sdk.ProtocolError)
    return error.code === sdk.ProtocolErrorCode.MissingRequiredClientCapability;
  return error instanceof sdk.SdkError && error.code === sdk.SdkErrorCode.UnsupportedResultType;
}
