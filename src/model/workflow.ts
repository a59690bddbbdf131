/** Placeholder replaced by the builder branch. */
import type { WorkflowDefinition } from "./workflow-definition.ts";
export interface Workflow<in In, out Out> extends WorkflowDefinition {
  readonly phantom?: (input: In) => Out;
}
