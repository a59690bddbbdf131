/** What is wrong with a workflow as a whole: its graph, and the parts it is made of. */
import type { AnyContract } from "./contract.ts";
import { isContract } from "./problems.ts";
import { sameJson } from "./json-pointer.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { StepDefinition, WorkflowDefinition } from "./workflow-definition.ts";
import { partsOf } from "./workflow-parts.ts";

/** Problems of names and needs. Of each step only its name, its kind, its needs and its policy are read. */
export function graphProblems(
  steps: readonly StepDefinition[],
  dependents: ReadonlyMap<string, readonly string[]>,
): string[] {
  const problems: string[] = [];
  const max = DEFAULT_LIMITS.stepsPerRunMax;
  if (steps.length > max)
    problems.push(`There are ${steps.length} steps; the limit \`stepsPerRunMax\` is ${max}.`);
  const stepByName = new Map(steps.map((step) => [step.name, step]));
  const before = new Set(["input"]);
  const twice = new Set<string>();
  for (const { name, needs } of steps) {
    if (before.has(name) && name !== "input") twice.add(name);
    for (const key of needs) {
      if (before.has(key)) continue;
      const why = stepByName.has(key)
        ? "which does not come before it"
        : "which is neither `input` nor a step";
      problems.push(`Step "${name}" needs "${key}", ${why}.`);
    }
    before.add(name);
  }
  for (const name of twice) problems.push(`There is more than one step "${name}".`);
  for (const step of steps) problems.push(...sendBackProblems(step, stepByName, dependents));
  return problems;
}

/**
 * A step may send a key back only if nobody else can have read the turn that it refuses. Which of two steps reads first is a
 * matter of timing, so the graph must rule it out: every other reader of the key waits for the step that may refuse it.
 */
function sendBackProblems(
  step: StepDefinition,
  stepByName: ReadonlyMap<string, StepDefinition>,
  dependents: ReadonlyMap<string, readonly string[]>,
): string[] {
  const policy = step.onRefused;
  if (policy.kind !== "sendBack") return [];
  const producer = stepByName.get(policy.to);
  const problems: string[] = [];
  if (policy.to === "input") {
    problems.push(`Step "${step.name}" sends back to "input", which no agent produced.`);
  } else if (producer !== undefined && producer.kind !== "agent") {
    problems.push(
      `Step "${step.name}" sends back to "${policy.to}", which is a ${producer.kind} and not an agent's step.`,
    );
  }
  if (producer?.pivot === true)
    problems.push(
      `Step "${step.name}" may send "${policy.to}" back, which is a pivot: once it is sealed the run only goes forward. Let a later step be the pivot.`,
    );
  const others = new Set(dependents.get(policy.to) ?? []);
  others.delete(step.name);
  for (const early of notAfter(step.name, others, dependents)) {
    problems.push(
      `Step "${step.name}" may send "${policy.to}" back, but step "${early}" reads "${policy.to}" too and may have read it by then: let "${early}" need "${step.name}".`,
    );
  }
  return problems;
}

/** Those of `names` that don't need `first`, directly or through others. */
function notAfter(
  first: string,
  names: Set<string>,
  dependents: ReadonlyMap<string, readonly string[]>,
): ReadonlySet<string> {
  const reached = new Set([first]);
  // A set that grows while it is walked gives what was added as well. Most workflows end this at once: nobody else reads the key.
  for (const each of reached) {
    if (names.size === 0) break;
    for (const next of dependents.get(each) ?? []) {
      reached.add(next);
      names.delete(next);
    }
  }
  return names;
}

/** Problems of the parts: two things under one id, and a workflow within itself. */
export function partProblems(definition: WorkflowDefinition): string[] {
  const { agents, contracts, workflows } = partsOf(definition);
  const problems: string[] = [];
  for (const id of twiceById(agents))
    problems.push(`There are two different agents "${id}": give one of them another version.`);
  const nested = [...workflows].slice(1);
  if (nested.some(({ id }) => id === definition.id)) {
    problems.push(`The workflow is nested in itself, as "${definition.id}": it would never end.`);
  }
  for (const id of twiceById(nested.filter((each) => each.id !== definition.id))) {
    problems.push(`There are two different workflows "${id}": give one of them another version.`);
  }
  const known = new Map<string, AnyContract>();
  const differing = new Set<string>();
  // A workflow whose own input or output is no contract has that problem already.
  for (const contract of [...contracts].filter(isContract)) {
    const other = known.get(contract.id);
    if (other === undefined) known.set(contract.id, contract);
    else if (!sameContract(other, contract)) differing.add(contract.id);
  }
  for (const id of differing)
    problems.push(`There are two different contracts "${id}": give one of them another version.`);
  return problems;
}

/** Whether two contracts of one id say the same. Where there is no JSON Schema to compare, only the same schema will do. */
function sameContract(one: AnyContract, other: AnyContract): boolean {
  if (one === other) return true;
  if (one.jsonSchema === undefined && one.schema !== other.schema) return false;
  return sameJson(one.describe(), other.describe());
}

/** Ids that more than one object has. */
function twiceById(objects: Iterable<{ readonly id: string }>): ReadonlySet<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { id } of objects) {
    if (seen.has(id)) twice.add(id);
    seen.add(id);
  }
  return twice;
}
