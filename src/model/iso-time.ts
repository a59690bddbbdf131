import { BatonError } from "./errors.ts";

/** Milliseconds since 1970 as an ISO 8601 string in UTC. Pure: it formats its argument and reads no clock. */
export function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}

const MOMENT = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * An ISO 8601 moment (with offset or Z) as milliseconds since 1970.
 * @throws BatonError `ARGUMENT_INVALID` for anything else, also for a day that its month does not have.
 */
export function parseIsoTime(text: string): number {
  const day = MOMENT.exec(text)?.[1];
  const atMs = day !== undefined && isDay(day) ? Date.parse(text) : Number.NaN;
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

/** `Date.parse` takes 30 February for 2 March. */
function isDay(day: string): boolean {
  const atMs = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(atMs) && isoTime(atMs).startsWith(day);
}
