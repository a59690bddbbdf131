/** How long a server asks to be left alone. */

/**
 * From the headers of an answer: `retry-after-ms`, as some providers say it, or Retry-After, in seconds or as a date. A date is held
 * against the server's own, so that no two clocks are compared.
 */
export function retryAfterMs(headers: unknown): number | undefined {
  if (typeof headers !== "object" || headers === null) return undefined;
  const said = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const ms = positive(said.get("retry-after-ms"));
  if (ms !== undefined) return ms;
  const after = said.get("retry-after");
  const seconds = positive(after);
  if (seconds !== undefined) return seconds * 1_000;
  const wait = Date.parse(String(after)) - Date.parse(String(said.get("date")));
  return wait > 0 ? wait : undefined;
}

function positive(text: unknown): number | undefined {
  if (typeof text !== "string" || !/^\d+(\.\d+)?$/.test(text.trim())) return undefined;
  return Number(text);
}
