/**
 * The connection to a server of tools. It is made when it is needed first, shared by all calls, and made anew after it was lost.
 *
 * N1. A tool is called only after it was seen, within `recheck`, to be what the agent was made of.
 * N2. A connection that broke is used by no further call; it is closed once no call is in it.
 */
import type * as Sdk from "@modelcontextprotocol/client";
import type { AgentLog } from "../../model/agent-definition.ts";
import { type CallFacts, currentCall } from "./call-facts.ts";
import { changedFields, type McpTool, toolOf } from "./called-tool.ts";
import { loadClientPackage } from "./packages.ts";
import { causedBy, toolError } from "./tool-errors.ts";
import {
  type MadeTransport,
  makeTransport,
  type McpTransport,
  placeOf,
} from "./transport-options.ts";

export type ClientSdk = Awaited<ReturnType<typeof loadClientPackage>>;

export interface ConnectionOptions {
  readonly transport: McpTransport;
  readonly client: { readonly name: string; readonly version: string };
  readonly connectMs: number;
  readonly recheckMs: number;
  readonly bytesMax: number;
}

/** One connection that stands. */
export interface Connection {
  readonly client: Sdk.Client;
  readonly hasSession: boolean;
  readonly said: MadeTransport["said"];
  /** The calls that are in it. */
  readonly calls: Set<CallFacts>;
}

export interface ToolServer {
  readonly sdk: ClientSdk;
  /** How it is called in messages. */
  readonly what: string;
  readonly tools: () => Promise<readonly McpTool[]>;
  /** Does something over a connection, after the tool was looked at again if it is time. */
  readonly use: <X>(pinned: McpTool, work: (connection: Connection) => Promise<X>) => Promise<X>;
  /** Has the next call make a connection of its own. */
  readonly forget: (connection: Connection) => void;
  readonly close: () => Promise<void>;
}

interface Kept extends Connection {
  users: number;
  lost: boolean;
  /** When the tools were listed last, in milliseconds of this process; undefined where the server says that they have changed. */
  listedAt: number | undefined;
  listed: ReadonlyMap<string, McpTool>;
  listing: Promise<void> | undefined;
}

export function toolServer(sdk: ClientSdk, options: ConnectionOptions): ToolServer {
  const what = `The MCP server ${placeOf(options.transport)}`;
  let current: Promise<Kept> | undefined;
  /** What the server was found to speak, so that it need not be asked with each connection. */
  let prior: Sdk.PriorDiscovery | undefined;
  let isClosed = false;

  const connect = async (): Promise<Kept> => {
    const client = new sdk.Client(options.client, CLIENT_OPTIONS);
    const { transport, said } = await makeTransport(sdk, options.transport, options.bytesMax);
    try {
      await client.connect(transport, {
        timeout: options.connectMs,
        ...(prior === undefined ? {} : { prior }),
      });
    } catch (error) {
      prior = undefined;
      await client.close();
      throw causedBy(sdk, error, { what, phase: "connecting", hasSession: false });
    }
    prior = priorOf(client);
    const kept: Kept = {
      client,
      said,
      hasSession: transport.sessionId !== undefined,
      calls: new Set(),
      users: 0,
      lost: false,
      listedAt: undefined,
      listed: new Map(),
      listing: undefined,
    };
    client.onclose = () => forget(kept);
    client.setNotificationHandler("notifications/tools/list_changed", () => {
      kept.listedAt = undefined;
    });
    client.setNotificationHandler("notifications/message", ({ params }) =>
      logged(params, kept.calls),
    );
    return kept;
  };
  const connected = (): Promise<Kept> => {
    if (isClosed)
      throw toolError("TOOL_SERVER_FAILED", `${what} was closed.`, {
        final: true,
        nothingDone: true,
      });
    // Outside of the call that happens to need it first: what comes of it is no call's own.
    current ??= currentCall.exit(connect);
    const mine = current;
    mine.catch(() => {
      if (current === mine) current = undefined;
    });
    return mine;
  };
  const forget = (connection: Connection): void => {
    // Every connection is made here.
    const kept = connection as Kept;
    kept.lost = true;
    const mine = current;
    void mine?.then((other) => {
      if (other === kept && current === mine) current = undefined;
    });
    closeUnused(kept);
  };
  const listed = async (kept: Kept): Promise<ReadonlyMap<string, McpTool>> => {
    const isFresh =
      kept.listedAt !== undefined && performance.now() - kept.listedAt < options.recheckMs;
    if (isFresh) return kept.listed;
    kept.listing ??= currentCall.exit(async () => {
      const at = performance.now();
      try {
        const { tools } = await kept.client.listTools(undefined, {
          timeout: options.connectMs,
          cacheMode: "refresh",
        });
        kept.listed = new Map(tools.map((tool) => [tool.name, toolOf(tool)]));
        kept.listedAt = at;
      } catch (error) {
        forget(kept);
        const { hasSession } = kept;
        throw causedBy(sdk, error, { what, phase: "connecting", hasSession });
      } finally {
        kept.listing = undefined;
      }
    });
    await kept.listing;
    return kept.listed;
  };
  const using = async <X>(work: (kept: Kept) => Promise<X>): Promise<X> => {
    const kept = await connected();
    kept.users += 1;
    try {
      return await work(kept);
    } finally {
      kept.users -= 1;
      closeUnused(kept);
    }
  };
  return {
    sdk,
    what,
    tools: () => using(async (kept) => [...(await listed(kept)).values()]),
    use: (pinned, work) =>
      using(async (kept) => {
        refuseChanged(what, pinned, (await listed(kept)).get(pinned.name));
        return work(kept);
      }),
    forget,
    close: async () => {
      isClosed = true;
      const kept = await current?.catch(() => undefined);
      current = undefined;
      await kept?.client.close();
    },
  };
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

function closeUnused(kept: Kept): void {
  // What goes wrong while something is thrown away is nobody's trouble.
  if (kept.lost && kept.users === 0) kept.client.close().catch(() => undefined);
}

function refuseChanged(what: string, pinned: McpTool, live: McpTool | undefined): void {
  const { name } = pinned;
  if (live === undefined)
    throw toolError("TOOL_NOT_FOUND", `${what} has no tool ${name}.`, NOT_BEGUN, {
      details: { tool: name },
    });
  const changed = changedFields(pinned, live);
  if (changed.length === 0) return;
  throw toolError(
    "TOOL_CHANGED",
    `The tool ${name} is not what it was: ${changed.join(", ")} changed.`,
    NOT_BEGUN,
    { details: { tool: name, changed, pinned, live } },
  );
}

const NOT_BEGUN = { final: true, nothingDone: true } as const;
const LOGGED_MAX = 2_000;

/** Over HTTP it comes in the stream of its call. Over stdio nothing tells whose it is, unless there is one call only. */
function logged(
  { level, data, logger }: Sdk.LoggingMessageNotificationParams,
  calls: ReadonlySet<CallFacts>,
): void {
  const [only] = calls.size === 1 ? calls : [];
  const log = (currentCall.getStore() ?? only)?.log;
  if (log === undefined) return;
  const text = (typeof data === "string" ? data : JSON.stringify(data)).slice(0, LOGGED_MAX);
  log[LEVELS[level]](text, logger === undefined ? {} : { logger });
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
