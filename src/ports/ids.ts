/** Fresh ids and chance, injected for the same reason as the clock. */
export interface Ids {
  /** A UUIDv7 (RFC 9562). */
  runId(): string;
  /** At least 0, below 1. Used for jitter only. */
  random(): number;
}
