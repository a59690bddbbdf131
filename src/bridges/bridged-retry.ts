/** Attempts of what is done elsewhere. */
import { RETRY_ATTEMPTS_DEFAULT, type RetryOptions } from "../model/agent.ts";

/** Retries as somebody wants them, and none where another attempt would meet the same again. */
export function retryUnless(
  isFinal: (error: unknown) => boolean,
  wanted: RetryOptions | undefined,
): RetryOptions {
  const { attempts = RETRY_ATTEMPTS_DEFAULT, final, ...rest } = wanted ?? {};
  // What is not a function is for the agent's own check to refuse.
  if (final !== undefined && typeof final !== "function") return { ...rest, attempts, final };
  return {
    ...rest,
    attempts,
    final: (error) => isFinal(error) || final?.(error) === true,
  };
}
