/** Budgets of a workflow against its parts: no agent without the maxima that are needed, and no nested workflow beside them. */
import {
  amountText,
  type Amounts,
  atLeast,
  measureName,
  MEASURES,
  minus,
  NOTHING,
  plus,
} from "./amounts.ts";
import { maximumProblems } from "./budget.ts";
import type { AgentDefinition } from "./agent-definition.ts";
import type { StepDefinition, WorkflowDefinition } from "./workflow-definition.ts";
import { agentsOf, fallbackOf, workflowsOf } from "./workflow-parts.ts";

/** What is left of a run's budget for its own calls. Of a branch with several workflows the most that one of them may use is set aside. */
export function ownBudget(runBudget: Amounts, steps: readonly StepDefinition[]): Amounts {
  let aside = NOTHING;
  for (const step of steps) aside = plus(aside, setAside(runBudget, step));
  return minus(runBudget, aside);
}

function setAside(runBudget: Amounts, step: StepDefinition): Amounts {
  let most = NOTHING;
  for (const { runBudget: nested = NOTHING } of workflowsOf(step)) most = atLeast(most, nested);
  const aside: Record<string, unknown> = {};
  for (const measure of MEASURES)
    if (runBudget[measure] !== undefined && most[measure] !== undefined)
      aside[measure] = most[measure];
  // Some measures of amounts are amounts.
  return aside as Amounts;
}

/** Problems of budgets: each names the agent or the nested workflow that could use something unseen. */
export function budgetProblems(definition: WorkflowDefinition): string[] {
  const { budgets = [], runBudget, steps } = definition;
  if (budgets.length === 0 && runBudget === undefined) return [];
  const problems: string[] = [];
  const own = definition.ownBudget;
  const agents = calledBy(steps);
  for (const agent of agents) {
    for (const each of budgets)
      problems.push(...maximumProblems(agent, each.limit, `the budget ${each.name}`));
    if (own !== undefined) problems.push(...maximumProblems(agent, own, "the runBudget"));
  }
  for (const nested of new Set(steps.flatMap(workflowsOf))) {
    for (const { name } of budgets)
      if (nested.budgets?.some((each) => each.name === name) !== true)
        problems.push(
          `The nested workflow ${nested.id} is not under the budget ${name}: let it name it too.`,
        );
    for (const measure of runBudget === undefined ? [] : MEASURES) {
      if (runBudget?.[measure] === undefined || nested.runBudget?.[measure] !== undefined) continue;
      const what = measureName(measure);
      problems.push(
        `The nested workflow ${nested.id} has no \`runBudget.${what}\`, yet the run that it is part of is limited to ${amountText(runBudget, measure)}.`,
      );
    }
    const { currency } = nested.runBudget ?? {};
    if (runBudget?.money !== undefined && currency !== undefined && currency !== runBudget.currency)
      problems.push(`The runBudget of the nested workflow ${nested.id} is in another currency.`);
  }
  if (runBudget !== undefined && own !== undefined)
    problems.push(...asideProblems(runBudget, steps));
  return problems;
}

function asideProblems(runBudget: Amounts, steps: readonly StepDefinition[]): string[] {
  let aside = NOTHING;
  for (const step of steps) aside = plus(aside, setAside(runBudget, step));
  const left = minus(aside, runBudget);
  return MEASURES.filter((measure) => left[measure] !== undefined && Number(left[measure]) > 0).map(
    (measure) =>
      `The nested workflows may use ${amountText({ ...aside, ...currencyOf(runBudget) }, measure)}, and the runBudget is ${amountText(runBudget, measure)}.`,
  );
}

function currencyOf({ currency }: Amounts): Pick<Amounts, "currency"> {
  return currency === undefined ? {} : { currency };
}

/** The agents that the steps may call, fallbacks included. */
function calledBy(steps: readonly StepDefinition[]): ReadonlySet<AgentDefinition> {
  const agents = new Set(steps.flatMap(agentsOf));
  for (const each of agents) {
    const fallback = fallbackOf(each);
    if (fallback !== undefined) agents.add(fallback);
  }
  return agents;
}
