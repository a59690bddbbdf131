/** The graph of a workflow as data for drawing: it says nothing of how it is drawn. */
import type { StepKind, WorkflowDefinition } from "./workflow-definition.ts";
import { agentsOf, workflowsOf } from "./workflow-parts.ts";

/** The nodes that every graph has besides its steps. No step can have these ids: step names have no colon. */
const INPUT_NODE = "run:input";
const OUTPUT_NODE = "run:output";

/** A step, or the run's input or output. */
export interface GraphNode {
  /** Unique in the graph. */
  readonly id: string;
  readonly label: string;
  readonly kind: "input" | "output" | StepKind;
  /** `name@version` of each agent that the step may call. */
  readonly agents: readonly string[];
  /** `name@version` of each workflow that the step may start. */
  readonly workflows: readonly string[];
  /** Of a branch, the cases; else empty. */
  readonly cases: readonly string[];
  /** Whether the step may be skipped. */
  readonly optional: boolean;
  /** Sentences that must hold before the step begins. */
  readonly requires: readonly string[];
  /** Set where the run can go back to what the step sealed. */
  readonly savepoint?: true;
  /** Set where the run only goes forward once the step is sealed. */
  readonly pivot?: true;
}

/**
 * `needs`: the node `to` reads what `from` gave. `sendBack`: `from` may open another turn of `to`. `output`: nothing else
 * reads `from`, so it can matter to the run's output only (which may read every key).
 */
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: "needs" | "sendBack" | "output";
}

export interface WorkflowGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

/** The graph: the input first, the steps in the order in which they were written, the output last. */
export function workflowGraph(definition: WorkflowDefinition): WorkflowGraph {
  const idOf = (key: string) => (key === "input" ? INPUT_NODE : key);
  const nodes: GraphNode[] = [plainNode(INPUT_NODE, "input")];
  const edges: GraphEdge[] = [];
  for (const step of definition.steps) {
    const { name, kind, onRefused } = step;
    const skippedInTime = step.kind === "signal" && step.onTimeout.kind === "skip";
    nodes.push({
      id: name,
      label: name,
      kind,
      agents: agentsOf(step).map(({ id }) => id),
      workflows: workflowsOf(step).map(({ id }) => id),
      cases: step.kind === "branch" ? [...step.cases.keys()] : [],
      optional: step.when !== undefined || onRefused.kind === "skip" || skippedInTime,
      requires: step.requires.map((each) => each.name),
      ...(step.savepoint === undefined ? {} : { savepoint: true }),
      ...(step.pivot === undefined ? {} : { pivot: true }),
    });
    for (const key of step.needs) edges.push({ from: idOf(key), to: name, kind: "needs" });
    if (onRefused.kind === "sendBack")
      edges.push({ from: name, to: onRefused.to, kind: "sendBack" });
  }
  for (const { name } of definition.steps) {
    if (!definition.dependents.has(name))
      edges.push({ from: name, to: OUTPUT_NODE, kind: "output" });
  }
  nodes.push(plainNode(OUTPUT_NODE, "output"));
  return { nodes, edges };
}

function plainNode(id: string, kind: "input" | "output"): GraphNode {
  return {
    id,
    label: kind,
    kind,
    agents: [],
    workflows: [],
    cases: [],
    optional: false,
    requires: [],
  };
}
