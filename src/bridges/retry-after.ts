/** How long a server asks to be left alone. */

/**
 * Milliseconds, of the headers of an answer: `Retry-After-Ms`, as some providers of models say it, or `Retry-After`, in seconds or as
 * a date (RFC 9110). A date is held against the answer's own, so that no two clocks have to agree. Undefined where nothing is asked.
 */
export function retryAfterMs(headers: Pick<Headers, "get">): number | undefined {
  const ms = numberIn(headers.get("retry-after-ms"));
  if (ms !== undefined) return ms;
  const after = headers.get("retry-after");
  const seconds = numberIn(after);
  if (seconds !== undefined) return Math.round(seconds * 1_000);
  const waitMs = dateIn(after) - dateIn(headers.get("date"));
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}

/** A date of HTTP begins with a day of the week; much else is a date for JavaScript, too. */
function dateIn(text: string | null): number {
  return text !== null && /^\s*[A-Za-z]+,? /.test(text) ? Date.parse(text) : Number.NaN;
}

function numberIn(text: string | null): number | undefined {
  return text !== null && /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : undefined;
}
