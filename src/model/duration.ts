import { BatonError } from "./errors.ts";

/** A length of time with its unit: `"250ms"`, `"5s"`, `"10m"`, `"24h"`, `"7d"`. */
export type Duration = `${number}${"ms" | "s" | "m" | "h" | "d"}`;

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Ten years: longer waits are mistakes, and timers beyond it would lose precision. */
const DURATION_MAX_MS = 3_653 * 86_400_000;

/**
 * A duration in whole milliseconds.
 * @throws BatonError `DURATION_INVALID` for another form, a negative length, or more than ten years.
 */
export function durationMs(duration: Duration): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration);
  const ms = Math.round(Number(match?.[1]) * (UNIT_MS[match?.[2] ?? ""] ?? Number.NaN));
  if (!Number.isFinite(ms) || ms > DURATION_MAX_MS) {
    throw new BatonError("DURATION_INVALID", `"${duration}" is not a duration.`, {
      details: { duration },
    });
  }
  return ms;
}
