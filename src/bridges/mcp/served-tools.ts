/** The tools that a server offers: one for each workflow, and one that says how a run stands. */
import { definitionInvalid } from "../../model/problems.ts";
import type { JsonObject } from "../../model/json.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { compareVersions } from "../../model/naming.ts";
import { JOINS } from "./meta.ts";
import { shapeOf, type ToolShape } from "./served-schema.ts";

/** What a client may believe a tool to do; see the annotations of tools in MCP. Hints, which no client should trust blindly. */
export interface McpToolHints {
  readonly readOnlyHint?: boolean;
  readonly destructiveHint?: boolean;
  readonly idempotentHint?: boolean;
  readonly openWorldHint?: boolean;
}

/** A workflow as a tool, where it is not to be offered as it is. */
export interface ServedWorkflow {
  readonly workflow: WorkflowDefinition;
  /** The tool's name; the workflow's, with underscores for dots, if left out. */
  readonly tool?: string;
  /** For whoever decides whether to call it; the workflow's own if left out. */
  readonly description?: string;
  readonly hints?: McpToolHints;
}

export interface WorkflowTool {
  readonly name: string;
  readonly definition: WorkflowDefinition;
  readonly input: ToolShape;
  readonly output: ToolShape | undefined;
  /** As it is listed. */
  readonly listed: ListedTool;
}

/** A tool as MCP lists it. */
export interface ListedTool {
  readonly name: string;
  readonly description?: string;
  readonly inputSchema: JsonObject & { readonly type: "object" };
  readonly outputSchema?: JsonObject & { readonly type: "object" };
  readonly annotations?: McpToolHints;
  readonly _meta?: JsonObject;
}

export const STATUS_TOOL = "baton_run_status";

/** What the clients of models take for a name. */
const TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;

/** @throws BatonError DEFINITION_INVALID */
export function workflowTools(
  given: readonly (WorkflowDefinition | ServedWorkflow)[],
): ReadonlyMap<string, WorkflowTool> {
  const problems: string[] = [];
  const tools = new Map<string, WorkflowTool>();
  for (const each of given) {
    const tool = toolOf("workflow" in each ? each : { workflow: each }, problems);
    if (tool === undefined) continue;
    if (tools.has(tool.name) || tool.name === STATUS_TOOL)
      problems.push(`There are two tools ${tool.name}: name one of them with \`tool\`.`);
    tools.set(tool.name, tool);
  }
  if (given.length === 0) problems.push("There is no workflow to serve.");
  if (problems.length > 0) throw definitionInvalid("MCP server", problems);
  return tools;
}

/** Of each name the newest version, without choreographies, which begin with an event. */
export function newest(workflows: readonly WorkflowDefinition[]): readonly WorkflowDefinition[] {
  const found = new Map<string, WorkflowDefinition>();
  for (const each of workflows) {
    const other = found.get(each.name);
    if (each.choreography !== undefined) continue;
    if (other === undefined || compareVersions(each.version, other.version) > 0)
      found.set(each.name, each);
  }
  return [...found.values()];
}

function toolOf(
  { workflow, tool, description, hints }: ServedWorkflow,
  problems: string[],
): WorkflowTool | undefined {
  const name = tool ?? workflow.name.replaceAll(".", "_");
  if (!TOOL_NAME.test(name))
    problems.push(
      `The name of a tool, "${name}", is not 1 to 64 letters, digits, dashes and underscores.`,
    );
  if (workflow.choreography !== undefined) {
    problems.push(`${workflow.id} is a choreography, which begins with an event.`);
    return undefined;
  }
  const input = shapeOf(workflow.input, "accepts");
  if (input === undefined) {
    problems.push(
      `The input contract of ${workflow.id} has no JSON Schema: give it \`jsonSchema\`.`,
    );
    return undefined;
  }
  const output = workflow.output === undefined ? undefined : shapeOf(workflow.output, "jsonSchema");
  const said = description ?? workflow.description ?? workflow.input.description;
  return {
    name,
    definition: workflow,
    input,
    output,
    listed: {
      name,
      ...(said === undefined ? {} : { description: said }),
      inputSchema: { ...input.schema, type: "object" },
      ...(output === undefined ? {} : { outputSchema: { ...output.schema, type: "object" } }),
      ...(hints === undefined ? {} : { annotations: hints }),
      _meta: { [JOINS]: true },
    },
  };
}

export const STATUS_LISTED: ListedTool = {
  name: STATUS_TOOL,
  description:
    "Says how a run stands that another tool of this server has started: its status, its output once it has completed, and what it waits for.",
  inputSchema: {
    type: "object",
    properties: { run: { type: "string", description: "The run's id." } },
    required: ["run"],
    additionalProperties: false,
  },
  outputSchema: {
    type: "object",
    properties: {
      run: { type: "string" },
      workflow: { type: "string" },
      status: { type: "string" },
      output: {},
      error: { type: "object" },
      violations: { type: "array", items: { type: "object" } },
      waits: { type: "array", items: { type: "object" } },
    },
    required: ["run", "workflow", "status"],
  },
  annotations: { readOnlyHint: true },
};
