/** Time, injected, so that tests and the simulator can hold it still. */
export interface Clock {
  /** Wall clock in integer milliseconds since 1970. May jump. */
  now(): number;
  /** Never goes back; only differences mean something. Milliseconds. */
  monotonicMs(): number;
  /** Calls `wake` once after `delayMs`; the function that is returned cancels it. Doesn't keep the process alive if `background`. */
  after(delayMs: number, wake: () => void, background?: boolean): () => void;
}
