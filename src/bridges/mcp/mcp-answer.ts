/** What a call of a tool is made with, and what comes of it. */
import type { AgentContext } from "../../model/agent-definition.ts";
import type { Json, JsonObject } from "../../model/json.ts";

/** What a call takes of the context that it is made in; an agent's context is one. */
export interface McpCallContext
  extends Pick<AgentContext, "signal">,
    Partial<Pick<AgentContext, "idempotencyKey" | "traceparent" | "heartbeat" | "log">> {}

/** What a tool answered, where it did not fail. */
export interface McpAnswer {
  /** The pieces of content, as MCP has them: text, images, links and so on. */
  readonly content: readonly JsonObject[];
  readonly structured?: Json;
  /** All text of `content`. */
  readonly text: string;
  readonly meta: JsonObject;
}
