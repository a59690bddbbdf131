/** One connection to a server of tools that stands: how it is made, and what comes in it that belongs to no answer. */
import type * as Sdk from "@modelcontextprotocol/client";
import type { AgentLog } from "../../model/agent-definition.ts";
import { type CallFacts, currentCall } from "./call-facts.ts";
import type { McpTool } from "./called-tool.ts";
import type { ClientSdk } from "./packages.ts";
import { causedBy } from "./tool-errors.ts";
import { type MadeTransport, makeTransport } from "./transport.ts";
import type { McpTransport } from "./transport-options.ts";

export interface ConnectionOptions {
  readonly transport: McpTransport;
  /** How the server is called in messages. */
  readonly name: string;
  readonly client: { readonly name: string; readonly version: string };
  readonly connectMs: number;
  readonly recheckMs: number;
  readonly bytesMax: number;
}

export interface Standing {
  readonly client: Sdk.Client;
  readonly said: MadeTransport["said"];
  /** Whether the server keeps something of it, which it may forget. */
  readonly hasSession: boolean;
  /** The calls that are in it. */
  readonly calls: Set<CallFacts>;
  /** How many are at work with it, and whether it broke: see N2 of connection.ts. */
  users: number;
  isLost: boolean;
  /** How often the server has said that its tools have changed. */
  readonly changes: () => number;
  listed: Listed | undefined;
  listing: Promise<Listed> | undefined;
}

/** The tools as they were at a time. */
export interface Listed {
  readonly tools: ReadonlyMap<string, McpTool>;
  readonly atMs: number;
  readonly changes: number;
}

/** What the server was found to speak, so that it need not be asked with each connection. */
export interface Known {
  prior?: Sdk.PriorDiscovery;
}

/** @throws BatonError TOOL_SERVER_FAILED, ARGUMENT_INVALID */
export async function connect(
  sdk: ClientSdk,
  what: string,
  options: ConnectionOptions,
  known: Known,
): Promise<Standing> {
  let changes = 0;
  const changed = { autoRefresh: false, debounceMs: 0, onChanged: () => (changes += 1) };
  const client = new sdk.Client(options.client, {
    ...CLIENT_OPTIONS,
    // Over HTTP that would be one more request, which never ends; there the tools are looked at again in time.
    ...("url" in options.transport ? {} : { listChanged: { tools: changed } }),
  });
  const { transport, said } = await makeTransport(sdk, options.transport, options.bytesMax);
  const { prior } = known;
  try {
    await client.connect(transport, {
      timeout: options.connectMs,
      ...(prior === undefined ? {} : { prior }),
    });
  } catch (error) {
    delete known.prior;
    await client.close();
    throw causedBy(sdk, error, { what, phase: "connecting", hasSession: false, said: said() });
  }
  const found = priorOf(client);
  if (found !== undefined) known.prior = found;
  const standing: Standing = {
    client,
    said,
    hasSession: transport.sessionId !== undefined,
    calls: new Set(),
    users: 0,
    isLost: false,
    changes: () => changes,
    listed: undefined,
    listing: undefined,
  };
  client.setNotificationHandler("notifications/message", ({ params }) =>
    logged(params, standing.calls),
  );
  return standing;
}

/** What a server asks of a client in the middle of a call, nobody here answers; what it gives, the contracts check. */
const CLIENT_OPTIONS: Sdk.ClientOptions = {
  versionNegotiation: { mode: "auto" },
  inputRequired: { autoFulfill: false },
  jsonSchemaValidator: {
    getValidator: () => (value) => ({
      valid: true,
      // Nothing is checked here, so that what breaks a contract is refused with evidence.
      data: value as never,
      errorMessage: undefined,
    }),
  },
};

function priorOf(client: Sdk.Client): Sdk.PriorDiscovery | undefined {
  if (client.getProtocolEra() === "legacy") return { kind: "legacy" };
  const discover = client.getDiscoverResult();
  return discover === undefined ? undefined : { kind: "modern", discover };
}

const LOGGED_MAX = 2_000;

/** Over HTTP it comes in the stream of its call. Over stdio nothing tells whose it is, unless there is one call only. */
function logged(
  { level, data, logger }: Sdk.LoggingMessageNotificationParams,
  calls: ReadonlySet<CallFacts>,
): void {
  const [only] = calls.size === 1 ? calls : [];
  const log = (currentCall.getStore() ?? only)?.log;
  if (log === undefined) return;
  const text = typeof data === "string" ? data : JSON.stringify(data ?? null);
  log[LEVELS[level]](text.slice(0, LOGGED_MAX), logger === undefined ? {} : { logger });
}

const LEVELS: Readonly<Record<Sdk.LoggingLevel, keyof AgentLog>> = {
  debug: "debug",
  info: "info",
  notice: "info",
  warning: "warn",
  error: "error",
  critical: "error",
  alert: "error",
  emergency: "error",
};
