/** The same workflows with other agents: what a simulation puts in the place of the real ones. */
import type { AgentDefinition } from "../../model/agent-definition.ts";
import type {
  BranchCase,
  StepDefinition,
  WorkflowDefinition,
} from "../../model/workflow-definition.ts";
import { withSteps } from "../../model/workflow-parts.ts";

type Choose = (agent: AgentDefinition) => AgentDefinition;
type Done = Map<WorkflowDefinition, WorkflowDefinition>;

/** Exchanges each agent of a workflow, and of those nested in it; `done` has those that were exchanged before. */
export function exchange(
  definition: WorkflowDefinition,
  choose: Choose,
  done: Done,
): WorkflowDefinition {
  const known = done.get(definition);
  if (known !== undefined) return known;
  const steps = definition.steps.map((step) => exchangeIn(step, choose, done));
  const made = withSteps(definition, steps);
  done.set(definition, made);
  return made;
}

function exchangeIn(step: StepDefinition, choose: Choose, done: Done): StepDefinition {
  switch (step.kind) {
    case "agent":
    case "map":
    case "repeat":
      return { ...step, agent: choose(step.agent) };
    case "subflow":
      return { ...step, workflow: exchange(step.workflow, choose, done) };
    case "subscription": {
      const { target } = step;
      return {
        ...step,
        target:
          target.kind === "agent"
            ? { kind: "agent", agent: choose(target.agent) }
            : { kind: "workflow", workflow: exchange(target.workflow, choose, done) },
      };
    }
    case "branch": {
      const cases = [...step.cases].map(([name, taken]): readonly [string, BranchCase] => [
        name,
        taken.kind === "agent"
          ? { ...taken, agent: choose(taken.agent) }
          : { ...taken, workflow: exchange(taken.workflow, choose, done) },
      ]);
      return { ...step, cases: new Map(cases) };
    }
    default:
      return step;
  }
}
