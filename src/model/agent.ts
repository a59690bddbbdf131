/** Placeholder replaced by the builder branch. */
import type { AgentDefinition } from "./agent-definition.ts";
export interface Agent<in I, out O> extends AgentDefinition {
  readonly phantom?: (input: I) => O;
}
