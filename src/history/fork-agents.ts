/** The agents of a step, and a definition with other agents in it. */
import type { AgentDefinition } from "../model/agent-definition.ts";
import { agentsOf, fallbackOf, partsOf, workflowsOf } from "../model/workflow-parts.ts";
import type { StepDefinition, WorkflowDefinition } from "../model/workflow-definition.ts";

function withFallbacks(agent: AgentDefinition): readonly AgentDefinition[] {
  const fallback = fallbackOf(agent);
  return fallback === undefined ? [agent] : [agent, ...withFallbacks(fallback)];
}

/** Every agent that a step may call, those of the workflows that it may start included. */
export function agentsWithin(step: StepDefinition): readonly AgentDefinition[] {
  const nested = workflowsOf(step).flatMap((workflow) => [...partsOf(workflow).agents]);
  return [...agentsOf(step).flatMap(withFallbacks), ...nested];
}

/**
 * The definition with other agents, by step name. An agent fits where it keeps to the contracts of the one it replaces (by
 * name; versions may differ), because the mappings around it were written for them.
 * @param refuse is told why an agent can't be used, and throws.
 */
export function replaceAgents(
  definition: WorkflowDefinition,
  agents: Readonly<Record<string, AgentDefinition>>,
  refuse: (why: string) => never,
): WorkflowDefinition {
  const names = Object.keys(agents);
  if (names.length === 0) return definition;
  for (const name of names) {
    if (!definition.stepByName.has(name))
      refuse(`${definition.id} has no step "${name}" whose agent could be replaced`);
  }
  const steps = definition.steps.map((step) => {
    const agent = Object.hasOwn(agents, step.name) ? agents[step.name] : undefined;
    return agent === undefined ? step : withAgent(step, agent, refuse);
  });
  return { ...definition, steps, stepByName: new Map(steps.map((step) => [step.name, step])) };
}

function withAgent(
  step: StepDefinition,
  agent: AgentDefinition,
  refuse: (why: string) => never,
): StepDefinition {
  switch (step.kind) {
    case "agent":
    case "map":
    case "repeat":
      break;
    default:
      refuse(
        `step "${step.name}" is a ${step.kind}: it has no single agent that could be replaced`,
      );
  }
  for (const side of ["input", "output"] as const) {
    const [has, wants] = [agent[side].name, step.agent[side].name];
    if (has !== wants)
      refuse(`${agent.id} has the ${side} contract ${has} where step "${step.name}" has ${wants}`);
  }
  return { ...step, agent };
}
