/** How a remote agent is reached over HTTP: who asks, in which trace, and how much is read at most. */
import { BatonError } from "../../model/errors.ts";
import { limitedResponse } from "../limited-body.ts";
import { statusFailed } from "./remote-errors.ts";

/** How the remote agent knows who asks. A function is asked before each request, so that tokens may be renewed. */
export type A2aAuth =
  | { readonly bearer: string | (() => string | Promise<string>) }
  | { readonly apiKey: string; readonly header: string }
  | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);

export interface FetchOptions {
  readonly auth: A2aAuth | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytesMax: number;
}

/** A fetch for the SDK. Its answers are those that the protocol is to read; all others are thrown as errors of ours. */
export function remoteFetch({ auth, headers, bytesMax }: FetchOptions): typeof fetch {
  return async (input, init) => {
    const all = new Headers(init?.headers);
    for (const [name, value] of Object.entries({ ...headers, ...(await authHeaders(auth)) }))
      all.set(name, value);
    const response = await fetch(input, { ...init, headers: all, redirect: "manual" });
    const url = input instanceof Request ? input.url : String(input);
    const failure = statusFailed(url, response);
    if (failure !== undefined) {
      await response.body?.cancel();
      throw failure;
    }
    // A stream may be as long as it takes; the SDK bounds each of its events. What one is, is not for the other side alone to say.
    const isStream = all.get("accept") === EVENT_STREAM && response.ok && isEventStream(response);
    const message = `The answer of ${url} has more than ${bytesMax} bytes, which is \`bytesMax\`.`;
    const tooLong = () => new BatonError("VALUE_TOO_LARGE", message);
    return isStream ? response : limitedResponse(response, { bytesMax, tooLong });
  };
}

const EVENT_STREAM = "text/event-stream";

function isEventStream({ headers }: Response): boolean {
  return headers.get("content-type")?.startsWith(EVENT_STREAM) === true;
}

async function authHeaders(auth: A2aAuth | undefined): Promise<Readonly<Record<string, string>>> {
  if (auth === undefined) return {};
  if (typeof auth === "function") return await auth();
  if ("apiKey" in auth) return { [auth.header]: auth.apiKey };
  const token = typeof auth.bearer === "function" ? await auth.bearer() : auth.bearer;
  return { authorization: `Bearer ${token}` };
}
