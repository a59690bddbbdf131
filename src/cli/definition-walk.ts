/** Ways through workflow definitions. */
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { StepDefinition, WorkflowDefinition } from "../model/workflow-definition.ts";

/** Every agent that the workflows use, those of branches and subflows too; one that is used twice comes twice. */
export function agentsOf(workflows: readonly WorkflowDefinition[]): readonly AgentDefinition[] {
  return workflows.flatMap((workflow) => workflow.steps.flatMap(agentsOfStep));
}

/** The agents that a step may call. */
export function agentsOfStep(step: StepDefinition): readonly AgentDefinition[] {
  switch (step.kind) {
    case "agent":
    case "map":
    case "repeat":
      return [step.agent];
    case "branch":
      return [...step.cases.values()].flatMap((branch) =>
        branch.kind === "agent" ? [branch.agent] : agentsOf([branch.workflow]),
      );
    case "subflow":
      return agentsOf([step.workflow]);
    case "sleep":
    case "approval":
    case "signal":
      return [];
  }
}
