/** Starting runs from a file: where too many wait already, there is no hurry. */
import { BatonError, isBatonError } from "../model/errors.ts";

/** Where a refusal does not say when to come again. */
const PAUSE_MS = 1_000;

/**
 * Starts, again and again, until it is not refused for overload.
 * @throws BatonError whatever else `start` throws; STORE_CLOSED at an interrupt, when no run is started any more
 */
export async function patientStart<X>(
  start: () => Promise<X>,
  interrupted: AbortSignal,
): Promise<X> {
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (!isBatonError(error, "OVERLOADED")) throw error;
      const { retryAfterMs } = error.details;
      await pause(typeof retryAfterMs === "number" ? retryAfterMs : PAUSE_MS, interrupted);
    }
    if (interrupted.aborted)
      throw new BatonError("STORE_CLOSED", "Interrupted before the run was started.");
  }
}

function pause(ms: number, interrupted: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      interrupted.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    interrupted.addEventListener("abort", end);
    if (interrupted.aborted) end();
  });
}
