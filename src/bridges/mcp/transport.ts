/** The SDK's transports, made for one connection. */
import type * as Sdk from "@modelcontextprotocol/client";
import { BatonError } from "../../model/errors.ts";
import { currentCall } from "./call-facts.ts";
import { limitedFetch } from "./limited-fetch.ts";
import { loadClientStdio } from "./packages.ts";
import { type McpTransport, placeOf } from "./transport-options.ts";

/** What was made for one connection. */
export interface MadeTransport {
  readonly transport: Sdk.Transport;
  /** The end of what the process has said on stderr; empty for an address. */
  readonly said: () => string;
}

const SAID_MAX = 2_000;

export async function makeTransport(
  sdk: Pick<typeof Sdk, "StreamableHTTPClientTransport">,
  transport: McpTransport,
  bytesMax: number,
): Promise<MadeTransport> {
  if ("url" in transport) {
    if (!URL.canParse(transport.url))
      throw new BatonError("ARGUMENT_INVALID", `${placeOf(transport)} is no URL.`);
    const made = new sdk.StreamableHTTPClientTransport(new URL(transport.url), {
      fetch: limitedFetch(transport.headers, bytesMax),
      requestInit: { redirect: "error" },
      // A stream that broke is a call that broke: the engine decides on another attempt.
      reconnectionOptions: {
        maxRetries: 0,
        initialReconnectionDelay: 1_000,
        maxReconnectionDelay: 1_000,
        reconnectionDelayGrowFactor: 1,
      },
    });
    const send = made.send.bind(made);
    made.send = (message, given) => {
      const streamEnded = currentCall.getStore()?.streamEnded;
      // The SDK passes this on for subscriptions only (2.4.0), and waits for ever for an answer whose stream has ended.
      return send(message, {
        ...given,
        ...(streamEnded === undefined ? {} : { onRequestStreamEnd: streamEnded }),
      });
    };
    return { transport: made, said: () => "" };
  }
  const { StdioClientTransport } = await loadClientStdio();
  const { command, args, env, cwd } = transport;
  const made = new StdioClientTransport({
    command,
    ...(args === undefined ? {} : { args: [...args] }),
    ...(env === undefined ? {} : { env: { ...env } }),
    ...(cwd === undefined ? {} : { cwd }),
    stderr: "pipe",
    maxBufferSize: bytesMax,
  });
  let said = "";
  made.stderr?.on("data", (chunk: unknown) => {
    said = (said + String(chunk)).slice(-SAID_MAX);
  });
  return { transport: made, said: () => said };
}
