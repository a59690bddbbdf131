/** Whether what was asked can have heard of it. */

/** Whoever says one of these has made no connection. */
const UNCONNECTED: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** So have these, where it was connecting; a connection that is there may be told them too, with the request on its way. */
const UNROUTED: ReadonlySet<unknown> = new Set(["EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT"]);

/** So many causes of causes are looked at: one may be its own. */
const DEPTH_MAX = 8;

const NO_MORE: ReadonlySet<unknown> = new Set();

/**
 * No connection was made, so that nothing can have arrived: said by the error, by its cause, or by all that it sums up.
 * @param more codes that say so besides
 */
export function isUnreached(
  error: unknown,
  more: ReadonlySet<unknown> = NO_MORE,
  depth = 0,
): boolean {
  if (typeof error !== "object" || error === null || depth === DEPTH_MAX) return false;
  // Whatever was thrown: only what is compared is read of it.
  const { code, syscall, cause, errors } = error as Readonly<Record<string, unknown>>;
  if (UNCONNECTED.has(code) || more.has(code)) return true;
  if (UNROUTED.has(code) && syscall === "connect") return true;
  // Node tries all addresses of a host, and then throws what each of them gave.
  if (Array.isArray(errors) && errors.length > 0)
    return errors.every((each) => isUnreached(each, more, depth + 1));
  return isUnreached(cause, more, depth + 1);
}
