/** Whether what was asked elsewhere never got there: nothing was done then, and nothing used. */

const NOT_REACHED: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** Of what was thrown, or of what is behind it. Not known of a connection that broke. */
export function wasNotReached(error: unknown): boolean {
  const seen = new Set<unknown>();
  let at: unknown = error;
  while (typeof at === "object" && at !== null && !seen.has(at)) {
    seen.add(at);
    if ("code" in at && NOT_REACHED.has(at.code)) return true;
    at = "cause" in at ? at.cause : undefined;
  }
  return false;
}
