/**
 * The connection to a server of tools. It is made when it is needed first, shared by all calls, and made anew after it was lost.
 *
 * N1. A tool is called only after it was seen, within `recheck`, to be what the agent was made of.
 * N2. A connection that broke is used by no further call; it is closed once no call is in it.
 */
import { machineClock } from "../machine-clock.ts";
import { currentCall } from "./call-facts.ts";
import { changedFields, type McpTool, toolOf } from "./called-tool.ts";
import type { ClientSdk } from "./packages.ts";
import {
  connect,
  type ConnectionOptions,
  type Known,
  type Listed,
  type Standing,
} from "./standing.ts";
import { causedBy, toolError } from "./tool-errors.ts";

export interface ToolServer {
  readonly sdk: ClientSdk;
  /** How it is called in messages. */
  readonly what: string;
  readonly tools: () => Promise<readonly McpTool[]>;
  /** Does something over a connection, after the tool was looked at again if it is time. */
  readonly use: <X>(pinned: McpTool, work: (standing: Standing) => Promise<X>) => Promise<X>;
  /** Has the next call make a connection of its own. */
  readonly forget: (standing: Standing) => void;
  readonly close: () => Promise<void>;
}

export function toolServer(sdk: ClientSdk, options: ConnectionOptions): ToolServer {
  const what = `The MCP server ${options.name}`;
  const known: Known = {};
  let current: Promise<Standing> | undefined;
  let isClosed = false;

  const forget = (standing: Standing): void => {
    standing.isLost = true;
    closeUnused(standing);
  };
  const connected = async (): Promise<Standing> => {
    const before = await current?.catch(() => undefined);
    if (isClosed) throw toolError("TOOL_SERVER_FAILED", `${what} was closed.`, NOT_BEGUN);
    if (before !== undefined && !before.isLost) return before;
    // Whoever comes first after it was lost makes the next one, and outside of the call: what comes of it is no call's own.
    current = currentCall.exit(() => connect(sdk, what, options, known));
    const made = await current;
    made.client.onclose = () => forget(made);
    return made;
  };
  const { next } = oneAfterAnother(connected);
  const using = async <X>(work: (standing: Standing) => Promise<X>): Promise<X> => {
    const standing = await next();
    standing.users += 1;
    try {
      return await work(standing);
    } finally {
      standing.users -= 1;
      closeUnused(standing);
    }
  };
  const listed = async (standing: Standing): Promise<Listed["tools"]> => {
    try {
      return (await freshList(standing, options)).tools;
    } catch (error) {
      forget(standing);
      const { hasSession } = standing;
      throw causedBy(sdk, error, { what, phase: "connecting", hasSession });
    }
  };
  return {
    sdk,
    what,
    tools: () => using(async (standing) => [...(await listed(standing)).values()]),
    use: (pinned, work) =>
      using(async (standing) => {
        refuseChanged(what, pinned, (await listed(standing)).get(pinned.name));
        return work(standing);
      }),
    forget,
    close: async () => {
      isClosed = true;
      const standing = await current?.catch(() => undefined);
      await standing?.client.close();
    },
  };
}

/** All that ask while one is at it, get what that one gets. */
function oneAfterAnother<X>(work: () => Promise<X>): { readonly next: () => Promise<X> } {
  let underWay: Promise<X> | undefined;
  return {
    next: () => {
      underWay ??= work().finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
  };
}

/** The tools as they were listed within `recheck`, and after the server said last that they have changed. */
async function freshList(
  standing: Standing,
  { connectMs, recheckMs }: ConnectionOptions,
): Promise<Listed> {
  const { listed, client } = standing;
  const changes = standing.changes();
  const nowMs = machineClock.monotonicMs();
  if (listed !== undefined && listed.changes === changes && nowMs - listed.atMs < recheckMs)
    return listed;
  standing.listing ??= currentCall.exit(async () => {
    try {
      const { tools } = await client.listTools(undefined, {
        timeout: connectMs,
        cacheMode: "refresh",
      });
      const byName = new Map(tools.map((tool) => [tool.name, toolOf(tool)]));
      standing.listed = { tools: byName, atMs: nowMs, changes };
      return standing.listed;
    } finally {
      standing.listing = undefined;
    }
  });
  return standing.listing;
}

function closeUnused({ isLost, users, client }: Standing): void {
  // What goes wrong while something is thrown away is nobody's trouble.
  if (isLost && users === 0) client.close().catch(() => undefined);
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
