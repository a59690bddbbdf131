/** Time, injected, so that tests and the simulator can hold it still. */
export interface Clock {
  /** Wall clock in integer milliseconds since 1970. May jump. */
  now(): number;
  /** Never goes back; only differences mean something. Milliseconds. */
  monotonicMs(): number;
  /** Calls `wake` once after `delayMs`; the function that is returned cancels it. Doesn't keep the process alive if `background`. */
  after(delayMs: number, wake: () => void, background?: boolean): () => void;
  /** Calls `run` once all that this turn of the event loop resolved has had its say; `setImmediate` if left out. */
  readonly soon?: (run: () => void) => void;
}
