/** The shape of a workflow: its layers, and Mermaid text. */
import type { StepDefinition, WorkflowDefinition } from "../model/workflow-definition.ts";
import { type GraphEdge, workflowGraph } from "../model/workflow-graph.ts";

/** Steps by the length of the longest way from the input to them, in the order in which they were written. */
export function layersOf(workflow: WorkflowDefinition): readonly (readonly StepDefinition[])[] {
  const depths = new Map<string, number>([["input", -1]]);
  const layers: StepDefinition[][] = [];
  for (const step of workflow.steps) {
    const depth = 1 + Math.max(-1, ...step.needs.map((key) => depths.get(key) ?? -1));
    depths.set(step.name, depth);
    layers[depth] ??= [];
    layers[depth].push(step);
  }
  return layers;
}

/** What a step does, in a few words, and what it means for the way back. */
export function stepLabel(step: StepDefinition): string {
  const marks = [
    ...(step.savepoint === undefined ? [] : ["savepoint"]),
    ...(step.pivot === undefined ? [] : ["pivot"]),
  ];
  return [workOf(step), ...marks].join(", ");
}

function workOf(step: StepDefinition): string {
  switch (step.kind) {
    case "agent":
      return step.agent.id;
    case "map":
      return `map ${step.agent.id}, ${step.concurrency} at a time`;
    case "repeat":
      return `repeat ${step.agent.id}, up to ${step.limit} rounds`;
    case "branch":
      return `branch ${[...step.cases.keys()].join(" | ")}`;
    case "subflow":
      return `subflow ${step.workflow.id}`;
    case "emit":
      return `publishes ${step.topic.name}`;
    case "event":
      return `awaits ${step.topic.name}`;
    case "subscription": {
      const taken = [...step.topics.values()].map(({ name }) => name).join(" and ");
      const target = step.target.kind === "agent" ? step.target.agent : step.target.workflow;
      return `on ${taken}: ${target.id}`;
    }
    case "sleep":
    case "approval":
    case "signal":
      return step.kind;
  }
}

const SHAPES: Readonly<Record<StepDefinition["kind"], readonly [string, string]>> = {
  agent: ["[", "]"],
  map: ["[[", "]]"],
  repeat: ["[[", "]]"],
  branch: ["{", "}"],
  subflow: ["[/", "/]"],
  sleep: ["([", "])"],
  approval: ["{{", "}}"],
  signal: ["([", "])"],
  emit: [">", "]"],
  event: ["([", "])"],
  subscription: ["[", "]"],
};

const CLASSES = `  classDef sealed fill:#d3f9d8,stroke:#2b8a3e
  classDef open fill:#fff3bf,stroke:#e67700
  classDef retrying fill:#fff3bf,stroke:#e67700
  classDef failed fill:#ffe3e3,stroke:#c92a2a
  classDef refused fill:#ffe3e3,stroke:#c92a2a
  classDef takenBack fill:#e5dbff,stroke:#5f3dc4
  classDef undone fill:#e5dbff,stroke:#5f3dc4
  classDef skipped fill:#f1f3f5,stroke:#868e96,stroke-dasharray:4`;

const ARROWS: Readonly<Record<GraphEdge["kind"], string>> = {
  needs: "-->",
  sendBack: "-. sent back .->",
  output: "-->",
};

/** Mermaid text of a workflow; `statuses` (by step) colours what a run has done of it. */
export function mermaidOf(
  workflow: WorkflowDefinition,
  statuses: ReadonlyMap<string, string> = new Map(),
): string {
  const { nodes, edges } = workflowGraph(workflow);
  // Step names may be words that Mermaid keeps for itself (`end`), so nodes have ids of their own.
  const ids = new Map(nodes.map((node, i) => [node.id, `n${i}`]));
  const lines = ["flowchart TD"];
  for (const node of nodes) {
    const step = workflow.stepByName.get(node.id);
    const [open, close] = step === undefined ? ["([", "])"] : SHAPES[step.kind];
    const detail = step === undefined ? "" : `<br/><small>${quoted(stepLabel(step))}</small>`;
    const status = statuses.get(node.id);
    const mark = status === undefined ? "" : `:::${status}`;
    lines.push(`  ${ids.get(node.id)}${open}"${quoted(node.label)}${detail}"${close}${mark}`);
  }
  for (const edge of edges)
    lines.push(`  ${ids.get(edge.from)} ${ARROWS[edge.kind]} ${ids.get(edge.to)}`);
  if (statuses.size > 0) lines.push(CLASSES);
  return lines.join("\n");
}

/** Text as a label of Mermaid. */
export function quoted(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll('"', "&quot;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}
