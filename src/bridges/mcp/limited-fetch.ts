/** The fetch of a client: with headers of its own, and a limit on what is read of an answer. */
import { BatonError } from "../../model/errors.ts";
import { limitedResponse } from "../limited-body.ts";
import { retryAfterMs } from "../retry-after.ts";
import { currentCall } from "./call-facts.ts";
import { TRACEPARENT } from "./meta.ts";
import type { McpAddress } from "./transport-options.ts";

export function limitedFetch(given: McpAddress["headers"], bytesMax: number) {
  return async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    // What a server tells of its own accord would come in a stream without an end, which nobody here listens to.
    if (init.method === "GET") return new Response(null, { status: 405 });
    const call = currentCall.getStore();
    const headers = new Headers(init.headers);
    const own = typeof given === "function" ? await given() : (given ?? {});
    for (const [name, value] of Object.entries(own)) headers.set(name, value);
    if (call?.traceparent !== undefined) headers.set(TRACEPARENT, call.traceparent);
    const response = await fetch(url, { ...init, headers });
    if (call !== undefined) {
      const waitMs = retryAfterMs(response.headers);
      if (waitMs !== undefined) call.retryAfterMs = waitMs;
    }
    const tooLong = () => {
      const error = tooLarge(bytesMax);
      call?.abort(error);
      return error;
    };
    return limitedResponse(response, { bytesMax, tooLong });
  };
}

export function tooLarge(bytesMax: number): BatonError {
  return new BatonError("VALUE_TOO_LARGE", `The answer of the tool is above ${bytesMax} bytes.`, {
    hint: "Ask the tool for less, or raise `resultBytesMax` of mcpTools.",
    details: { bytesMax, final: true },
  });
}
