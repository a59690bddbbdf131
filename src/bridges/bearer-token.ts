/** Whether it can be sent as a bearer token. One with a line break would be a header of its own, and `fetch` quotes what it refuses. */
export function isBearerToken(given: unknown): given is string {
  return typeof given === "string" && /^[\x21-\x7e]+$/.test(given);
}
