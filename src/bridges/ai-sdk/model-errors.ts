/**
 * What went wrong when a model was asked, as a typed error: whether another attempt may do better, when, and whether tokens may have been
 * used that nobody counted.
 */
import { type ErrorCode, BatonError, isBatonError } from "../../model/errors.ts";
import { retryAfterMs } from "../retry-after.ts";
import { isUnreached } from "../unreached.ts";

/** Errors of the AI SDK that are the caller's mistake: asked again, the same would come of it. */
const MISTAKES: ReadonlySet<string> = new Set([
  "AI_InvalidArgumentError",
  "AI_InvalidPromptError",
  "AI_InvalidMessageRoleError",
  "AI_InvalidDataContentError",
  "AI_MessageConversionError",
  "AI_LoadAPIKeyError",
  "AI_LoadSettingError",
  "AI_NoSuchModelError",
  "AI_NoSuchProviderError",
  "AI_UnsupportedFunctionalityError",
  "AI_UnsupportedModelVersionError",
]);

/** With these a gateway stops waiting for a model, which may go on. */
const GAVE_UP: ReadonlySet<number> = new Set([408, 504]);

/** The parts of an APICallError that tell; a provider's own errors may have some of them. */
interface CallError {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly statusCode?: unknown;
  readonly isRetryable?: unknown;
  readonly responseHeaders?: unknown;
  readonly cause?: unknown;
}

/** `usageUnknown`: a call may have used tokens that nobody counted. Errors of ours are given on as they are. */
export function modelError(error: unknown, model: string, usageUnknown: boolean): BatonError {
  if (isBatonError(error)) return error;
  const said: CallError = typeof error === "object" && error !== null ? error : {};
  const name = typeof said.name === "string" ? said.name : "";
  const text = typeof said.message === "string" ? said.message : String(error);
  const status = typeof said.statusCode === "number" ? said.statusCode : undefined;
  const isMistake = MISTAKES.has(name);
  const wait = retryAfterMs(headersOf(said.responseHeaders));
  const message =
    status === undefined
      ? `${model} could not be asked: ${text}`
      : `${model} answered ${status}: ${text}`;
  return new BatonError("MODEL_FAILED", message, {
    details: {
      model,
      ...(status === undefined ? {} : { status }),
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
      ...(isMistake || isRefusal(said, status) ? { final: true } : {}),
      ...(usageUnknown ? { usageUnknown } : {}),
    },
    cause: error,
  });
}

/** The provider has answered, and says that it would answer the same again. */
function isRefusal({ isRetryable }: CallError, status: number | undefined): boolean {
  return status !== undefined && status >= 400 && isRetryable === false;
}

/** Whether a call that failed has surely used nothing: no provider asks a price for what it refused, or never got. */
export function hasUsedNothing(error: unknown): boolean {
  const said: CallError = typeof error === "object" && error !== null ? error : {};
  if (typeof said.statusCode === "number")
    return said.statusCode >= 400 && !GAVE_UP.has(said.statusCode);
  if (typeof said.name === "string" && MISTAKES.has(said.name)) return true;
  return isUnreached(error);
}

/** Ours that another attempt would only meet again. */
const FINAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "MODEL_CUT_SHORT",
  "MODEL_BLOCKED",
  "MODEL_USAGE_MISSING",
  "DEPENDENCY_MISSING",
  "CONTRACT_ASYNC",
  "CONTRACT_UNSTABLE",
  "VALUE_NOT_JSON",
  "VALUE_TOO_LARGE",
  "ARGUMENT_INVALID",
]);

export function isFinalError(error: unknown): boolean {
  return isBatonError(error) && (FINAL.has(error.code) || error.details["final"] === true);
}

/** Whether an error speaks of what was asked, and not of a model that is down: a breaker need not hear of it. */
export function isOfTheRequest(error: unknown): boolean {
  if (!isBatonError(error)) return false;
  const { code, details } = error;
  if (code === "MODEL_FAILED") return [400, 413, 422].includes(Number(details["status"]));
  return FINAL.has(code);
}

/** What the SDK gives is a record of texts, or nothing. */
function headersOf(given: unknown): Pick<Headers, "get"> {
  const all = typeof given === "object" && given !== null ? Object.entries(given) : [];
  return new Headers(all.filter((each): each is [string, string] => typeof each[1] === "string"));
}
