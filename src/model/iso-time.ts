import { BatonError } from "./errors.ts";

/** Milliseconds since 1970 as an ISO 8601 string in UTC. Pure: it formats its argument and reads no clock. */
export function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}

/**
 * An ISO 8601 moment (with offset or Z) as milliseconds since 1970.
 * @throws BatonError `ARGUMENT_INVALID` for anything else.
 */
export function parseIsoTime(text: string): number {
  const atMs = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(atMs)) {
    throw new BatonError(
      "ARGUMENT_INVALID",
      `"${text}" is not an ISO 8601 moment with its offset.`,
      {
        hint: 'Write it like "2026-11-23T09:00:00Z".',
        details: { text },
      },
    );
  }
  return atMs;
}
