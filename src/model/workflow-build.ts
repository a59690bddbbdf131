/**
 * From steps as they were written to a workflow that can be started, or to one error with all of its problems.
 */
import { budgetsOf, runBudgetOf } from "./budget.ts";
import type { Duration } from "./duration.ts";
import { isAgentName, isVersion } from "./naming.ts";
import { definitionInvalid, durationOr, isAsync, isContract, unknownOptions } from "./problems.ts";
import type { WrittenStep } from "./workflow-chain.ts";
import { graphProblems, partProblems } from "./workflow-checks.ts";
import type { StepDefinition, View, WorkflowDefinition } from "./workflow-definition.ts";
import { budgetProblems, ownBudget } from "./workflow-budgets.ts";
import { readStep } from "./workflow-steps.ts";

/** How a workflow begins, before anything of it is checked. */
export interface WorkflowHeader {
  readonly name: string;
  readonly version: string;
  readonly options: object;
}

const OPTIONS: ReadonlySet<string> = new Set([
  "input",
  "output",
  "description",
  "compensation",
  "budgets",
  "runBudget",
  "deadline",
]);

/**
 * The finished workflow.
 * @throws BatonError `DEFINITION_INVALID` with all problems in `details.problems`.
 */
export function buildWorkflow(
  header: WorkflowHeader,
  written: readonly WrittenStep[],
  project: unknown,
): WorkflowDefinition {
  const { name, version } = header;
  const id = `${name}@${version}`;
  const problems: string[] = [];
  const parts = headerParts(header, problems);
  const { input, output, description, compensation, budgets, runBudget } = parts;
  const deadlineMs = deadlineOf(parts.deadline, problems);
  if (typeof project !== "function") problems.push("`output` was not given a function.");
  else if (isAsync(project)) problems.push("The function of `output` is asynchronous.");
  const read = written.map(readStep);
  for (const { problems: found } of read) problems.push(...found);
  const steps = read.map(({ step }) => step);
  const stepByName = new Map(steps.map((step) => [step.name, step]));
  const dependents = dependentsOf(steps);
  problems.push(...graphProblems(steps, dependents));
  // The parts are looked at where they are what they should be; where not, there is a problem already.
  const sound = read.filter(({ problems: found }) => found.length === 0).map(({ step }) => step);
  const limited = {
    ...(budgets === undefined ? {} : { budgets: budgetsOf(budgets, problems) }),
    ...(runBudget === undefined ? {} : { runBudget: runBudgetOf(runBudget, problems) }),
  };
  const definition: WorkflowDefinition = Object.freeze({
    name,
    version,
    id,
    ...(description === undefined ? {} : { description }),
    ...(compensation === undefined ? {} : { compensation }),
    ...limited,
    ...(limited.runBudget === undefined ? {} : { ownBudget: ownBudget(limited.runBudget, sound) }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(steps.some((step) => step.deadlineMs !== undefined) ? { hasStepDeadlines: true } : {}),
    // Where it is not a contract there is a problem, and the definition is never given out.
    input: input as WorkflowDefinition["input"],
    ...(output === undefined
      ? {}
      : { output: output as NonNullable<WorkflowDefinition["output"]> }),
    steps: Object.freeze(steps),
    stepByName,
    dependents,
    project: project as (view: View) => unknown,
  });
  problems.push(...partProblems({ ...definition, steps: sound }));
  problems.push(...budgetProblems({ ...definition, steps: sound }));
  if (problems.length > 0) throw definitionInvalid(`workflow "${id}"`, problems);
  return definition;
}

interface HeaderParts {
  readonly input?: unknown;
  readonly output?: unknown;
  readonly description?: string;
  readonly compensation?: "sequential" | "parallel";
  readonly budgets?: unknown;
  readonly runBudget?: unknown;
  readonly deadline?: Duration;
}

function headerParts({ name, version, options }: WorkflowHeader, problems: string[]): HeaderParts {
  if (!isAgentName(name)) {
    problems.push(`The name "${name}" is not lower-case letters, digits, dashes and dots.`);
  }
  if (!isVersion(version)) {
    problems.push(`The version "${version}" is not a semantic version such as "1.0.0".`);
  }
  if (typeof options !== "object" || options === null) {
    problems.push("The workflow was given no options, so it has no input contract.");
    return {};
  }
  // Its fields are looked at as unknown, one by one.
  const parts = options as HeaderParts;
  problems.push(...unknownOptions(options, OPTIONS, "the workflow"));
  if (!isContract(parts.input)) problems.push("The input is not a contract.");
  if (parts.output !== undefined && !isContract(parts.output))
    problems.push("The output is not a contract.");
  if (![undefined, "sequential", "parallel"].includes(parts.compensation))
    problems.push('The `compensation` is neither "sequential" nor "parallel".');
  return parts;
}

function deadlineOf(deadline: Duration | undefined, problems: string[]): number | undefined {
  const deadlineMs = durationOr(deadline, "deadline of the workflow", problems);
  if (deadlineMs === 0) problems.push("The deadline of the workflow is 0: no run could meet it.");
  return deadlineMs;
}

/** For each key, the steps that need it, in the order in which they were written. */
function dependentsOf(steps: readonly StepDefinition[]): ReadonlyMap<string, readonly string[]> {
  const dependents = new Map<string, string[]>();
  for (const { name, needs } of steps) {
    for (const key of new Set(needs)) {
      const known = dependents.get(key);
      if (known === undefined) dependents.set(key, [name]);
      else known.push(name);
    }
  }
  return dependents;
}
