/** One call of a tool, and what is made of its answer. */
import type * as Sdk from "@modelcontextprotocol/client";
import type { AgentContext } from "../../model/agent-definition.ts";
import type { AnyContract } from "../../model/contract.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import { OPEN_STATUSES } from "../../model/run-status.ts";
import { type CallFacts, currentCall } from "./call-facts.ts";
import type { McpTool } from "./called-tool.ts";
import type { ToolServer } from "./connection.ts";
import { isObject } from "./fields.ts";
import type { McpAnswer, McpCallContext } from "./mcp-answer.ts";
import { IDEMPOTENCY_KEY, RUN, TRACEPARENT } from "./meta.ts";
import type { Standing } from "./standing.ts";
import { wantsText } from "./tool-contracts.ts";
import { causedBy, shortened, toolError } from "./tool-errors.ts";

/** There is always an attempt's own signal, which has the time limit. The SDK wants a number. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;
const PROGRESS_TEXT_MAX = 500;

/** @throws BatonError TOOL_FAILED, TOOL_CHANGED, TOOL_NOT_FOUND, TOOL_SERVER_FAILED, TOOL_ANSWER_UNUSABLE, VALUE_TOO_LARGE */
export async function callTool(
  server: ToolServer,
  tool: McpTool,
  given: JsonObject,
  context: McpCallContext,
): Promise<McpAnswer> {
  const gaveUp = new AbortController();
  let isAnswered = false;
  const facts: CallFacts = {
    abort: (reason) => gaveUp.abort(reason),
    // It ends after an answer, too, which has come through by the next turn.
    streamEnded: () =>
      setImmediate(() => {
        if (!isAnswered) gaveUp.abort(brokeOff(server, tool));
      }),
    ...(context.traceparent === undefined ? {} : { traceparent: context.traceparent }),
    ...(context.log === undefined ? {} : { log: context.log }),
  };
  const signal = AbortSignal.any([context.signal, gaveUp.signal]);
  signal.throwIfAborted();
  const result = await untilAborted(
    signal,
    server.use(tool, async (standing) => {
      const answer = await asked(server, standing, tool, given, { context, facts, signal });
      isAnswered = true;
      return answer;
    }),
  );
  return answerOf(tool, result);
}

interface Asking {
  readonly context: McpCallContext;
  readonly facts: CallFacts;
  readonly signal: AbortSignal;
}

async function asked(
  server: ToolServer,
  standing: Standing,
  tool: McpTool,
  given: JsonObject,
  { context, facts, signal }: Asking,
): Promise<Sdk.CallToolResult> {
  // A call that nobody waits for any more is not made.
  signal.throwIfAborted();
  const { sdk, what } = server;
  const { idempotencyKey, traceparent, heartbeat } = context;
  const meta = {
    ...(idempotencyKey === undefined ? {} : { [IDEMPOTENCY_KEY]: idempotencyKey }),
    ...(traceparent === undefined ? {} : { [TRACEPARENT]: traceparent }),
    ...(context.log === undefined ? {} : { [sdk.LOG_LEVEL_META_KEY]: "info" as const }),
  };
  standing.calls.add(facts);
  try {
    return await currentCall.run(facts, () =>
      standing.client.callTool(
        { name: tool.name, arguments: { ...given }, _meta: meta },
        {
          signal,
          timeout: NO_TIMEOUT_MS,
          ...(heartbeat === undefined
            ? {}
            : { onprogress: (progress) => beat(heartbeat, signal, progress) }),
        },
      ),
    );
  } catch (error) {
    // A server that answers, if only with an error, is there; so it is where the caller gave up.
    if (!(error instanceof sdk.ProtocolError) && !context.signal.aborted) server.forget(standing);
    signal.throwIfAborted();
    const { retryAfterMs } = facts;
    const said = standing.said();
    throw causedBy(sdk, error, {
      what: `The tool ${tool.name} of ${what.charAt(0).toLowerCase()}${what.slice(1)}`,
      phase: "calling",
      hasSession: standing.hasSession,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(said === "" ? {} : { said }),
    });
  } finally {
    standing.calls.delete(facts);
  }
}

function brokeOff({ what }: ToolServer, { name }: McpTool): Error {
  return toolError("TOOL_SERVER_FAILED", `${what} broke off in the middle of the call of ${name}.`);
}

/** Whoever waits is let go at once; what comes later is nobody's. */
async function untilAborted<X>(signal: AbortSignal, work: Promise<X>): Promise<X> {
  let leave: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    // Reasons are errors, but where a caller makes its own.
    leave = () =>
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    signal.addEventListener("abort", leave);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

function beat(
  heartbeat: AgentContext["heartbeat"],
  signal: AbortSignal,
  { progress, total, message }: Sdk.Progress,
): void {
  if (signal.aborted) return;
  heartbeat({
    progress,
    ...(total === undefined ? {} : { total }),
    ...(message === undefined ? {} : { message: message.slice(0, PROGRESS_TEXT_MAX) }),
  });
}

function answerOf(
  tool: McpTool,
  { content, structuredContent, isError, _meta }: Sdk.CallToolResult,
) {
  // All of it came as JSON.
  const pieces = content as unknown as readonly JsonObject[];
  const structured = structuredContent as Json | undefined;
  const meta = (_meta ?? {}) as JsonObject;
  const text = pieces
    .flatMap(({ type, text: said }) => (type === "text" && typeof said === "string" ? [said] : []))
    .join("\n");
  const answer: McpAnswer = {
    content: pieces,
    ...(structured === undefined ? {} : { structured }),
    text,
    meta,
  };
  if (isError !== true) return answer;
  const said = shortened(text === "" ? "it does not say why" : text);
  throw toolError("TOOL_FAILED", `The tool ${tool.name} failed: ${said}`, weightOf(tool, answer), {
    details: { tool: tool.name, answer, ...retryAfterOf(tool, answer) },
  });
}

/** Of a run that has ended, another call with its key would be told the same. */
function weightOf(tool: McpTool, { meta, structured }: McpAnswer): { readonly final?: true } {
  if (tool.joinsByKey !== true) return {};
  const run = meta[RUN];
  const status = isObject(run) ? run["status"] : undefined;
  const hasEnded = typeof status === "string" && !OPEN.has(status);
  const isOther = isObject(structured) && structured["code"] === "RUN_CONFLICT";
  return hasEnded || isOther ? { final: true } : {};
}

const OPEN: ReadonlySet<string> = OPEN_STATUSES;

function retryAfterOf(
  tool: McpTool,
  { structured }: McpAnswer,
): { readonly retryAfterMs?: number } {
  const ms = isObject(structured) ? structured["retryAfterMs"] : undefined;
  return tool.joinsByKey === true && typeof ms === "number" ? { retryAfterMs: ms } : {};
}

/** The output that an answer stands for, by what the contract wants. @throws BatonError TOOL_ANSWER_UNUSABLE */
export function outputOf(
  tool: McpTool,
  { content, structured, text }: McpAnswer,
  output: AnyContract,
): Json {
  if (wantsText(output)) {
    if (text !== "" || content.length === 0) return text;
    throw unusable(tool, "it has no text");
  }
  if (structured !== undefined) return structured;
  if (tool.outputSchema !== undefined) throw unusable(tool, "it has no structured content");
  try {
    const parsed: Json = JSON.parse(text) as Json;
    return parsed;
  } catch (cause) {
    throw unusable(tool, "its text is no JSON", cause);
  }
}

function unusable(tool: McpTool, why: string, cause?: unknown): Error {
  return toolError(
    "TOOL_ANSWER_UNUSABLE",
    `The answer of the tool ${tool.name} is no output: ${why}.`,
    { final: true },
    { details: { tool: tool.name }, ...(cause === undefined ? {} : { cause }) },
  );
}
