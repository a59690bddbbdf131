/**
 * Which code a run is executed with. A run is pinned to a manifest; these functions find the definition that fits it.
 */
import type { AgentDefinition } from "../model/agent-definition.ts";
import { BatonError } from "../model/errors.ts";
import type { Limits } from "../model/limits.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { TopicDefinition } from "../model/topic.ts";
import type {
  BranchCase,
  StepDefinition,
  WorkflowDefinition,
} from "../model/workflow-definition.ts";
import { agentsOf, fallbackOf, withSteps, workflowsOf } from "../model/workflow-parts.ts";
import { type DeclaredBreaker, declaredBreakers } from "./breakers.ts";
import { type DeclaredRate, declaredRates } from "./rates.ts";
import { type DeclaredBudget, declaredBudgets } from "./budgets.ts";
import { type DeclaredTopic, declaredTopics } from "./topics.ts";

/** What `open()` was given, indexed. */
export interface Catalogue {
  /** By `name@version`, nested workflows included. */
  readonly workflows: ReadonlyMap<string, WorkflowDefinition>;
  /** By `name@version`. */
  readonly agents: ReadonlyMap<string, AgentDefinition>;
  /** By name, the breakers that agents declare. */
  readonly breakers: ReadonlyMap<string, DeclaredBreaker>;
  /** By name, the rates that agents declare. */
  readonly rates: ReadonlyMap<string, DeclaredRate>;
  /** By name, the budgets that agents and workflows name. */
  readonly budgets: ReadonlyMap<string, DeclaredBudget>;
  /** By name, the topics that workflows name, and those that were given besides. */
  readonly topics: ReadonlyMap<string, DeclaredTopic>;
}

/**
 * Indexes workflows (with those nested in them) and agents.
 * @throws BatonError DEFINITION_INVALID where one `name@version` is two different things, or a workflow has too many steps.
 */
export function catalogue(
  workflows: readonly WorkflowDefinition[],
  agents: readonly AgentDefinition[],
  { stepsPerRunMax }: Pick<Limits, "stepsPerRunMax">,
  given: readonly TopicDefinition[] = [],
): Catalogue {
  const workflowById = new Map<string, WorkflowDefinition>();
  const agentById = new Map<string, AgentDefinition>();
  const problems: string[] = [];
  const addAgent = (agent: AgentDefinition) => {
    const fallback = fallbackOf(agent);
    if (fallback !== undefined) addAgent(fallback);
    const known = agentById.get(agent.id);
    if (known !== undefined && known.execute !== agent.execute)
      problems.push(`Two different agents are called ${agent.id}.`);
    else agentById.set(agent.id, agent);
  };
  const addWorkflow = (workflow: WorkflowDefinition) => {
    const known = workflowById.get(workflow.id);
    if (known === workflow) return;
    if (known !== undefined) {
      problems.push(`Two different workflows are called ${workflow.id}.`);
      return;
    }
    workflowById.set(workflow.id, workflow);
    if (workflow.steps.length > stepsPerRunMax) {
      problems.push(
        `${workflow.id} has ${workflow.steps.length} steps; limits.stepsPerRunMax is ${stepsPerRunMax}.`,
      );
    }
    for (const step of workflow.steps) {
      for (const agent of agentsOf(step)) addAgent(agent);
      for (const nested of workflowsOf(step)) addWorkflow(nested);
    }
  };
  for (const agent of agents) addAgent(agent);
  for (const workflow of workflows) addWorkflow(workflow);
  const breakers = declaredBreakers(agentById.values(), problems);
  const budgets = declaredBudgets(agentById.values(), workflowById.values(), problems);
  const rates = declaredRates(agentById.values(), problems);
  const topics = declaredTopics(workflowById.values(), given, problems);
  if (problems.length > 0) {
    throw new BatonError("DEFINITION_INVALID", problems.join(" "), { details: { problems } });
  }
  return { workflows: workflowById, agents: agentById, breakers, budgets, rates, topics };
}

/** The same workflow with each agent exchanged for the one that `choose` gives. */
export function withAgents(
  definition: WorkflowDefinition,
  choose: (step: string, agent: AgentDefinition, branchCase?: string) => AgentDefinition,
): WorkflowDefinition {
  let changed = false;
  const exchange = (step: string, agent: AgentDefinition, branchCase?: string) => {
    const chosen = choose(step, agent, branchCase);
    if (chosen !== agent) changed = true;
    return chosen;
  };
  const steps = definition.steps.map((step): StepDefinition => {
    if (step.kind === "agent" || step.kind === "map" || step.kind === "repeat") {
      const chosen = exchange(step.name, step.agent);
      return chosen === step.agent ? step : { ...step, agent: chosen };
    }
    if (step.kind === "subscription" && step.target.kind === "agent") {
      const { agent } = step.target;
      const chosen = exchange(step.name, agent);
      return chosen === agent ? step : { ...step, target: { kind: "agent", agent: chosen } };
    }
    if (step.kind !== "branch") return step;
    const cases = new Map<string, BranchCase>();
    for (const [name, taken] of step.cases) {
      cases.set(
        name,
        taken.kind === "agent"
          ? { ...taken, agent: exchange(step.name, taken.agent, name) }
          : taken,
      );
    }
    return { ...step, cases };
  });
  if (!changed) return definition;
  return withSteps(definition, steps);
}

/** The same workflow with each nested workflow exchanged for the one that `choose` gives. */
function withNested(
  definition: WorkflowDefinition,
  choose: (nested: WorkflowDefinition) => WorkflowDefinition,
): WorkflowDefinition {
  let changed = false;
  const exchange = (nested: WorkflowDefinition) => {
    const chosen = choose(nested);
    if (chosen !== nested) changed = true;
    return chosen;
  };
  const steps = definition.steps.map((step): StepDefinition => {
    if (step.kind === "subflow") return { ...step, workflow: exchange(step.workflow) };
    if (step.kind === "subscription" && step.target.kind === "workflow")
      return { ...step, target: { kind: "workflow", workflow: exchange(step.target.workflow) } };
    if (step.kind !== "branch") return step;
    const cases = [...step.cases].map(([name, taken]): [string, BranchCase] => [
      name,
      taken.kind === "workflow" ? { ...taken, workflow: exchange(taken.workflow) } : taken,
    ]);
    return { ...step, cases: new Map(cases) };
  });
  if (!changed) return definition;
  return withSteps(definition, steps);
}

export type Found =
  | { readonly kind: "found"; readonly definition: WorkflowDefinition }
  | { readonly kind: "missing"; readonly missing: readonly string[] };

/** The definition that a run's manifest names, out of what was given to `open()`; or what of it is missing. */
export function definitionFor(known: Catalogue, workflow: string, manifest: JsonObject): Found {
  const definition = known.workflows.get(workflow);
  if (definition === undefined) return { kind: "missing", missing: [`workflow ${workflow}`] };
  const missing = new Set<string>();
  const fit = (each: WorkflowDefinition): WorkflowDefinition => {
    const pinned = pinnedAgents(manifest, each.id);
    const own = withAgents(each, (step, agent, branchCase) => {
      const id = pinned.get(branchCase === undefined ? step : `${step}/${branchCase}`);
      if (id === undefined || id === agent.id) return agent;
      const exact = known.agents.get(id);
      if (exact === undefined) missing.add(`agent ${id} for step ${step}`);
      return exact ?? agent;
    });
    // The manifest pins what is nested as well: a child run that has not begun yet belongs to its parent's time.
    return withNested(own, fit);
  };
  const fitted = fit(definition);
  return missing.size > 0
    ? { kind: "missing", missing: [...missing] }
    : { kind: "found", definition: fitted };
}

/** By step (or `step/case`), the agent's `name@version` that a manifest pins; see manifestOf for its form. */
function pinnedAgents(manifest: JsonObject, workflow: string): ReadonlyMap<string, string> {
  const pinned = new Map<string, string>();
  const { steps } = fields(fields(manifest["workflows"])[workflow]);
  for (const step of Array.isArray(steps) ? steps : []) {
    const { name, agent, cases } = fields(step);
    if (typeof name !== "string") continue;
    if (typeof agent === "string") pinned.set(name, agent);
    for (const [key, taken] of Object.entries(fields(cases))) {
      const inner = fields(taken)["agent"];
      if (typeof inner === "string") pinned.set(`${name}/${key}`, inner);
    }
  }
  return pinned;
}

function fields(value: Json | undefined): { readonly [key: string]: Json | undefined } {
  // Neither null nor a list nor a scalar: what is left of Json is JsonObject.
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : {};
}
