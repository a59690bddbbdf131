import { afterMs } from "../../ports/machine-timer.ts";

/** The machine's time, for what the log says of when it was written, and for the pauses of a sink that follows. */
export interface DeltaClock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Resolves after so many milliseconds, or when `signal` is aborted. */
  readonly pause: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

export const machineClock: DeltaClock = {
  now: () => Date.now(),
  pause: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve();
        return;
      }
      const wake = (): void => {
        cancel();
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const cancel = afterMs(ms, wake);
      signal?.addEventListener("abort", wake);
    }),
};
