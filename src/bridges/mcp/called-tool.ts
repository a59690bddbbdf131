/** A tool as a server lists it, and what of it must not change behind the back of who uses it. */
import { canonicalJson } from "../../journal/canonical.ts";
import { sha256Hex } from "../../journal/hash.ts";
import { type Json, type JsonObject, sealJson } from "../../model/json.ts";
import { JOINS } from "./meta.ts";
import type { McpToolHints } from "./served-tools.ts";

/** A tool of an MCP server, as plain data: keep it in version control, and give it to `mcpTools` as `pinned`. */
export interface McpTool {
  readonly name: string;
  readonly description?: string;
  readonly inputSchema: JsonObject;
  readonly outputSchema?: JsonObject;
  readonly hints?: McpToolHints;
  /** Whether calls with the same idempotency key act once, as the tools of `mcpServer` do. */
  readonly joinsByKey?: true;
}

/** A tool as the SDK gives it, as far as it matters here. */
interface Listing {
  readonly name: string;
  readonly description?: string | undefined;
  readonly inputSchema: object;
  readonly outputSchema?: object | undefined;
  readonly annotations?: object | undefined;
  readonly _meta?: Readonly<Record<string, unknown>> | undefined;
}

export function toolOf(listed: Listing): McpTool {
  const { name, description, inputSchema, outputSchema, annotations, _meta } = listed;
  const tool = {
    name,
    ...(description === undefined ? {} : { description }),
    inputSchema,
    ...(outputSchema === undefined ? {} : { outputSchema }),
    ...(annotations === undefined ? {} : { hints: hintsOf(annotations) }),
    ...(_meta?.[JOINS] === true ? { joinsByKey: true } : {}),
  };
  // It came as JSON; sealed, it can't be changed after it has been looked at.
  return sealJson(tool, `tool ${name}`) as unknown as McpTool;
}

function hintsOf(annotations: object): JsonObject {
  const known = ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"];
  const told = Object.entries(annotations).filter(
    ([hint, value]) => known.includes(hint) && typeof value === "boolean",
  );
  return Object.fromEntries(told) as JsonObject;
}

/**
 * The fields in which two listings of a tool differ, of those that an agent was made of. Its description is none of them: no
 * agent reads it.
 */
export function changedFields(pinned: McpTool, live: McpTool): readonly string[] {
  const fields = ["inputSchema", "outputSchema", "hints", "joinsByKey"] as const;
  return fields.filter((field) => textOf(pinned[field]) !== textOf(live[field]));
}

/** A short name for a tool as it was looked at: another one, if any of what an agent is made of changes. */
export function fingerprintOf({
  name,
  inputSchema,
  outputSchema,
  hints,
  joinsByKey,
}: McpTool): string {
  return `sha256:${sha256Hex(textOf([name, inputSchema, outputSchema, hints, joinsByKey]))}`;
}

function textOf(value: unknown): string {
  // Nothing but JSON is in a tool; what is absent is told from what is there.
  return canonicalJson(JSON.parse(JSON.stringify(value ?? null)) as Json);
}

/**
 * Whether a call may be made again without acting twice, as far as the server says: by MCP, a tool that says nothing of itself
 * changes what it likes, and does so again with each call.
 */
export function isRepeatable({ hints, joinsByKey }: McpTool): boolean {
  return joinsByKey === true || hints?.readOnlyHint === true || hints?.idempotentHint === true;
}
