/** What is wrong, in the protocol's words. Callers are told of their own mistakes; of ours only that there was one. */
import { isBatonError } from "../../model/errors.ts";
import { Refused } from "./tasks.ts";
import type { ServerSdk } from "./sdk.ts";

/** An error of the SDK, which knows its code of JSON-RPC and its status of HTTP. */
export type ProtocolError = InstanceType<ServerSdk["errors"]["A2AError"]>;

/** Codes that are the caller's mistake: what it sent does not fit what is there. */
const MALFORMED = new Set([
  "RUN_CONFLICT",
  "SIGNAL_REFUSED",
  "SIGNAL_UNKNOWN",
  "VALUE_TOO_LARGE",
  "VALUE_NOT_JSON",
  "ARGUMENT_INVALID",
]);

/** `report` is told of what is not the caller's mistake. */
export function protocolError(
  { errors }: ServerSdk,
  error: unknown,
  report: (error: unknown) => void,
): ProtocolError {
  if (error instanceof errors.A2AError) return error;
  if (error instanceof Refused) {
    const { message } = error;
    switch (error.why) {
      case "malformed":
        return new errors.RequestMalformedError(message);
      case "not found":
        return new errors.TaskNotFoundError(message);
      case "content type":
        return new errors.ContentTypeNotSupportedError(message);
      case "unsupported":
        return new errors.UnsupportedOperationError(message);
      case "not cancelable":
        return new errors.TaskNotCancelableError(message);
    }
  }
  if (isBatonError(error) && MALFORMED.has(error.code)) {
    const told = { code: error.code, hint: error.hint };
    return new errors.RequestMalformedError({ message: error.message, metadata: told });
  }
  report(error);
  return new errors.A2AError("Internal error.");
}

const RESTART_MS = 1_000;

/** How long a caller is asked to wait, where the server takes no more for now. */
export function busyForMs(error: unknown): number | undefined {
  // The next process has what this one leaves.
  if (isBatonError(error, "STORE_CLOSED")) return RESTART_MS;
  if (!isBatonError(error, "OVERLOADED")) return undefined;
  const { retryAfterMs } = error.details;
  return typeof retryAfterMs === "number" ? retryAfterMs : RESTART_MS;
}
