/** What a workflow is made of: its agents, its contracts and the workflows nested in it, however deep. */
import type { AgentDefinition } from "./agent-definition.ts";
import type { AnyContract } from "./contract.ts";
import type { TopicDefinition } from "./topic.ts";
import type {
  StepDefinition,
  SubscriptionStep,
  WorkflowDefinition,
} from "./workflow-definition.ts";

/** Each object once, in the order in which it is met; an id can occur more than once if there are several objects of it. */
export interface WorkflowParts {
  readonly agents: ReadonlySet<AgentDefinition>;
  readonly contracts: ReadonlySet<AnyContract>;
  /** The workflow itself first. */
  readonly workflows: ReadonlySet<WorkflowDefinition>;
}

/** All parts of a workflow and of those nested in it. */
export function partsOf(definition: WorkflowDefinition): WorkflowParts {
  const agents = new Set<AgentDefinition>();
  const contracts = new Set<AnyContract>();
  const workflows = new Set<WorkflowDefinition>([definition]);
  // A set that grows while it is walked gives what was added as well: each nested workflow is visited once.
  for (const each of workflows) {
    contracts.add(each.input);
    if (each.output !== undefined) contracts.add(each.output);
    for (const step of each.steps) {
      for (const one of agentsOf(step)) agents.add(one);
      for (const nested of workflowsOf(step)) workflows.add(nested);
      if (step.kind === "signal") contracts.add(step.contract);
      for (const { contract } of topicsOf(step)) contracts.add(contract);
    }
  }
  // So is a fallback's own fallback.
  for (const each of agents) {
    const fallback = fallbackOf(each);
    if (fallback !== undefined) agents.add(fallback);
  }
  for (const { input, output } of agents) contracts.add(input).add(output);
  return { agents, contracts, workflows };
}

/** The agents that a step may call. */
export function agentsOf(step: StepDefinition): readonly AgentDefinition[] {
  if (step.kind === "agent" || step.kind === "map" || step.kind === "repeat") return [step.agent];
  if (step.kind === "subscription") return step.target.kind === "agent" ? [step.target.agent] : [];
  if (step.kind !== "branch") return [];
  return [...step.cases.values()].flatMap((each) => (each.kind === "agent" ? [each.agent] : []));
}

/** The topics that a step publishes to, or takes events of. */
export function topicsOf(step: StepDefinition): readonly TopicDefinition[] {
  if (step.kind === "emit" || step.kind === "event") return [step.topic];
  if (step.kind !== "subscription") return [];
  return [...step.topics.values(), ...step.publishes.map(({ topic }) => topic)];
}

/** The agent that is called in place of another whose breaker is open. */
export function fallbackOf({ breaker }: AgentDefinition): AgentDefinition | undefined {
  return breaker?.whenOpen.kind === "fallback" ? breaker.whenOpen.agent : undefined;
}

/** The workflows that a step may start. */
export function workflowsOf(step: StepDefinition): readonly WorkflowDefinition[] {
  if (step.kind === "subflow") return [step.workflow];
  if (step.kind === "subscription")
    return step.target.kind === "workflow" ? [step.target.workflow] : [];
  if (step.kind !== "branch") return [];
  return [...step.cases.values()].flatMap((each) =>
    each.kind === "workflow" ? [each.workflow] : [],
  );
}

/** The same workflow with other steps of the same names, wherever it finds them by. */
export function withSteps(
  definition: WorkflowDefinition,
  steps: readonly StepDefinition[],
): WorkflowDefinition {
  const stepByName = new Map(steps.map((step) => [step.name, step]));
  const { choreography } = definition;
  if (choreography === undefined) return { ...definition, steps, stepByName };
  const subscribers = new Map<string, readonly SubscriptionStep[]>();
  for (const [topic, all] of choreography.subscribers) {
    const own = all.map(({ name }) => stepByName.get(name));
    subscribers.set(
      topic,
      own.filter((step) => step?.kind === "subscription"),
    );
  }
  return { ...definition, steps, stepByName, choreography: { ...choreography, subscribers } };
}
