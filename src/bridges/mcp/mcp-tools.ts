/** The tools of an MCP server as agents. */
import {
  type Agent,
  agent,
  type AgentDelivery,
  type AgentOptions,
  type AgentUndoing,
  type AgentWork,
} from "../../model/agent.ts";
import type { Contract } from "../../model/contract.ts";
import { type Duration, durationMs } from "../../model/duration.ts";
import { BatonError } from "../../model/errors.ts";
import type { Frozen, Json, JsonObject } from "../../model/json.ts";
import { definitionInvalid } from "../../model/problems.ts";
import { TIMER_MAX_MS } from "../../ports/machine-timer.ts";
import { retryUnless } from "../bridged-retry.ts";
import { fingerprintOf, isRepeatable, type McpTool } from "./called-tool.ts";
import { type ToolServer, toolServer } from "./connection.ts";
import { isObject } from "./fields.ts";
import { loadClientPackage } from "./packages.ts";
import type { McpAnswer, McpCallContext } from "./mcp-answer.ts";
import { callTool, outputOf } from "./tool-call.ts";
import { toolContracts } from "./tool-contracts.ts";
import { isFinalError, isNothingDone } from "./tool-errors.ts";
import { type McpTransport, placeOf } from "./transport-options.ts";

export interface McpToolsOptions {
  /** The address of a server, or the command that starts one. */
  readonly transport: McpTransport;
  /** How the server is called in messages; its address without what may be secret, or its command, if left out. */
  readonly name?: string;
  /**
   * The tools as somebody has looked at them: what `tools.list` gave then. With it nothing is asked when the agents are made,
   * and a tool that is another by now is refused when it is called. If left out, the server is asked at once.
   */
  readonly pinned?: readonly McpTool[];
  /** After how long the tools are looked at again before a call; `"1m"` if left out, `"0s"` for each time. */
  readonly recheck?: Duration;
  /** How long the server may take to be connected to, and to list its tools; `"15s"` if left out. */
  readonly connectTimeout?: Duration;
  /** The largest answer; 4 MiB if left out. */
  readonly resultBytesMax?: number;
  /** Who this client says it is; `{ name: "baton", version: "1.0.0" }` if left out. */
  readonly client?: { readonly name: string; readonly version: string };
}

/** What {@link McpTools.agent} takes: what an agent takes, without what the tool says itself. */
export type McpAgentOptions<I, O> = Omit<
  AgentWork<I, O, Frozen<O>>,
  "execute" | "input" | "output"
> &
  AgentUndoing<I, O> &
  AgentDelivery<I, O> & {
    /** Made of the tool's schema if left out. All that it lets through, the tool must take. */
    readonly input?: Contract<I>;
    /** Made of the tool's schema if left out; a text, where the tool has none. It may want more than the tool promises. */
    readonly output?: Contract<O>;
    /** The tool's arguments; the input as it is, if left out. */
    readonly arguments?: (input: NoInfer<Frozen<I>>) => JsonObject;
    /** What comes out; if left out the structured content, or the text, parsed unless the contract wants a text. */
    readonly result?: (answer: McpAnswer) => NoInfer<Frozen<O>>;
  };

/** The tools of one MCP server. */
export interface McpTools {
  /** As they are pinned, or as the server listed them. Plain data, to be kept and looked at. */
  readonly list: readonly McpTool[];
  /** By the name of a tool: another text, if any of what an agent is made of changes. */
  readonly fingerprint: (tool: string) => string;
  /**
   * A tool as an agent.
   *
   * If left out: a timeout of a minute; `delivery` is at-most-once unless the tool says that it only reads, that it is
   * idempotent, or that it goes by the idempotency key; `sideEffects` is true unless it only reads.
   * @throws BatonError TOOL_NOT_FOUND, DEFINITION_INVALID
   */
  readonly agent: <I = Json, O = Json>(tool: string, options: McpAgentOptions<I, O>) => Agent<I, O>;
  /** Calls a tool from an agent of one's own, or from its `compensate`. @throws BatonError as the agents of tools do */
  readonly call: (tool: string, given: JsonObject, context: McpCallContext) => Promise<McpAnswer>;
  /** Ends the connection, and the server's process where there is one. */
  readonly close: () => Promise<void>;
}

const RECHECK = "1m";
const CONNECT_TIMEOUT = "15s";
const CALL_TIMEOUT = "60s";
const BYTES_MAX = 4 * 1024 * 1024;

/**
 * The tools of an MCP server, as agents. Needs `@modelcontextprotocol/client`.
 *
 * @throws BatonError TOOL_SERVER_FAILED, DURATION_INVALID, DEPENDENCY_MISSING
 * @example
 * const tools = await mcpTools({ transport: { url: "https://tools.example/mcp" } });
 * const lookup = tools.agent("lookup", { name: "lookup", version: "1.0.0" });
 */
export async function mcpTools(options: McpToolsOptions): Promise<McpTools> {
  if (options.pinned !== undefined) checkPinned(options.pinned);
  const server = toolServer(await loadClientPackage(), {
    transport: options.transport,
    name: options.name ?? placeOf(options.transport),
    client: options.client ?? { name: "baton", version: "1.0.0" },
    connectMs: Math.min(durationMs(options.connectTimeout ?? CONNECT_TIMEOUT), TIMER_MAX_MS),
    recheckMs: durationMs(options.recheck ?? RECHECK),
    bytesMax: options.resultBytesMax ?? BYTES_MAX,
  });
  const list = Object.freeze(options.pinned ?? (await listedOf(server)));
  const toolNamed = (name: string): McpTool => {
    const tool = list.find((each) => each.name === name);
    if (tool !== undefined) return tool;
    const names = list.map((each) => each.name);
    throw new BatonError("TOOL_NOT_FOUND", `${server.what} has no tool ${name}.`, {
      hint: names.length === 0 ? "It has none at all." : `It has: ${names.join(", ")}.`,
      details: { tool: name, known: names },
    });
  };
  return {
    list,
    fingerprint: (name) => fingerprintOf(toolNamed(name)),
    agent: (name, agentOptions) => toolAgent(server, toolNamed(name), agentOptions),
    call: async (name, given, context) => callTool(server, toolNamed(name), given, context),
    close: () => server.close(),
  };
}

/** It comes of a file, most likely. @throws BatonError DEFINITION_INVALID */
function checkPinned(pinned: unknown): asserts pinned is readonly McpTool[] {
  const tools: readonly unknown[] = Array.isArray(pinned) ? pinned : [undefined];
  const isTool = (tool: unknown): boolean =>
    isObject(tool) && typeof tool["name"] === "string" && isObject(tool["inputSchema"]);
  if (!tools.every(isTool))
    throw definitionInvalid("list of pinned tools", [
      "It is not what `tools.list` gave: a list of tools with `name` and `inputSchema`.",
    ]);
}

async function listedOf(server: ToolServer): Promise<readonly McpTool[]> {
  try {
    return await server.tools();
  } catch (error) {
    await server.close();
    throw error;
  }
}

function toolAgent<I, O>(
  server: ToolServer,
  tool: McpTool,
  options: McpAgentOptions<I, O>,
): Agent<I, O> {
  const { arguments: argumentsOf, result, input, output, ...work } = options;
  const { name, version } = options;
  const problems: string[] = [];
  const contracts = toolContracts<I, O>(
    tool,
    {
      name,
      version,
      ...(input === undefined ? {} : { input }),
      ...(output === undefined ? {} : { output }),
      mapsArguments: argumentsOf !== undefined,
      mapsResult: result !== undefined,
    },
    problems,
  );
  if (problems.length > 0)
    throw definitionInvalid(`agent "${name}@${version}" of the tool ${tool.name}`, problems);
  const { description = tool.description, timeout = CALL_TIMEOUT } = options;
  const made = {
    ...work,
    ...contracts,
    ...(description === undefined ? {} : { description }),
    timeout,
    ...deliveryOf(tool, options),
    retry: retryUnless(isFinalError, options.retry),
    execute: async (given: Frozen<I>, context: McpCallContext) => {
      const passed = argumentsOf === undefined ? given : argumentsOf(given);
      const answer = await callTool(server, tool, argumentsIn(tool, passed), context);
      return result === undefined ? outputOf(tool, answer, contracts.output) : result(answer);
    },
  };
  // The delivery is one of the kinds that an agent has; the output is checked by the engine.
  return agent(made as unknown as AgentOptions<I, O, Frozen<O>>);
}

/** A call that may act twice is made once, unless whoever makes the agent knows better. */
function deliveryOf<I, O>(tool: McpTool, options: McpAgentOptions<I, O>): object {
  const { delivery = isRepeatable(tool) ? "at-least-once" : "at-most-once", nothingDone } = options;
  const acts = delivery === "at-most-once" || tool.hints?.readOnlyHint !== true;
  const { sideEffects = acts } = options;
  if (delivery === "at-least-once") return { delivery, sideEffects };
  return {
    delivery,
    sideEffects,
    nothingDone: (error: unknown) => isNothingDone(error) || nothingDone?.(error) === true,
  };
}

function argumentsIn(tool: McpTool, given: unknown): JsonObject {
  if (isObject(given))
    // The input has passed its contract, which takes nothing but JSON.
    return given as JsonObject;
  throw new BatonError(
    "ARGUMENT_INVALID",
    `The arguments of the tool ${tool.name} are no object.`,
    {
      hint: "Say with `arguments` what the tool is to be given.",
      details: { final: true, nothingDone: true },
    },
  );
}
