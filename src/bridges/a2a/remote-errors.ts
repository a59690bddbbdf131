/** What goes wrong with a remote agent, and whether another attempt may do better. */
import { BatonError, isBatonError } from "../../model/errors.ts";
import { retryAfterMs } from "../retry-after.ts";
import type { ClientSdk } from "./sdk.ts";

/** Errors of the protocol that say that what was asked is wrong, and will be. */
const NEVER: ReadonlySet<string> = new Set([
  "RequestMalformedError",
  "ContentTypeNotSupportedError",
  "UnsupportedOperationError",
  "VersionNotSupportedError",
  "ExtensionSupportRequiredError",
  "PushNotificationNotSupportedError",
  "ExtendedAgentCardNotConfiguredError",
]);

/** An error of the SDK, of the network, or of our own reading, as one of ours: REMOTE_UNAVAILABLE, REMOTE_REFUSED, or that of our reading. */
export function callFailed({ errors }: Pick<ClientSdk, "errors">, error: unknown): BatonError {
  const inner = error instanceof Error && isBatonError(error.cause) ? error.cause : error;
  if (isBatonError(inner)) return inner;
  const said = errors.extractErrorMessage(error);
  const message = `The remote agent did not take the call: ${said}`;
  if (!(error instanceof errors.A2AError))
    return new BatonError("REMOTE_UNAVAILABLE", message, { cause: error });
  const isRefused = [...NEVER].some((name) => error.name.endsWith(name));
  return new BatonError(isRefused ? "REMOTE_REFUSED" : "REMOTE_UNAVAILABLE", message, {
    details: { reason: error.reason },
    cause: error,
  });
}

/** What a status of HTTP says, where it is not for the protocol to say it: undefined for all others. */
export function statusFailed(url: string, { status, headers }: Response): BatonError | undefined {
  const isRedirect = status >= 300 && status < 400;
  const isDenied = status === 401 || status === 403;
  if (!isRedirect && !isDenied && status !== 429 && status < 500) return undefined;
  const { origin, pathname } = new URL(url);
  const why = isRedirect
    ? ": redirects are not followed, since they would take credentials along"
    : "";
  const details = { status, url: `${origin}${pathname}` };
  const message = `${details.url} has answered ${status}${why}.`;
  if (status === 401) return new BatonError("CREDENTIALS_REFUSED", message, { details });
  if (isRedirect || isDenied) return new BatonError("REMOTE_REFUSED", message, { details });
  const waits = retryAfterMs(headers);
  return new BatonError("REMOTE_UNAVAILABLE", message, {
    details: waits === undefined ? details : { ...details, retryAfterMs: waits },
  });
}
