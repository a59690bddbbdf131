/** Workflow definitions for tests, put together by hand: no types to infer, no checks. */
import { z } from "zod";
import type { AgentDefinition } from "../../src/model/agent-definition.ts";
import { type Contract, contract } from "../../src/model/contract.ts";
import type { Json } from "../../src/model/json.ts";
import type {
  StepDefinition,
  View,
  WorkflowDefinition,
} from "../../src/model/workflow-definition.ts";

export const anything: Contract<unknown> = contract("anything", "1.0.0", z.unknown());

/** An agent of one attempt without pause, unless told otherwise. */
export function agentOf(
  name: string,
  execute: AgentDefinition["execute"],
  more: Partial<AgentDefinition> = {},
): AgentDefinition {
  const version = more.version ?? "1.0.0";
  const retry = { attempts: 2, backoff: { baseMs: 10, factor: 2, maxMs: 100, jitter: 0 } };
  return {
    name,
    version,
    id: `${name}@${version}`,
    input: anything,
    output: anything,
    retry,
    sideEffects: false,
    execute,
    ...more,
  };
}

type StepOf<K> = Extract<StepDefinition, { readonly kind: K }>;
type Common = "requires" | "onRefused" | "needs";
type Loose<S> = S extends StepDefinition ? Omit<S, Common> & Partial<Pick<S, Common>> : never;

/** A step that needs the input only, requires nothing, and fails where it is refused, unless told otherwise. */
export function stepOf<K extends StepDefinition["kind"]>(
  step: Loose<StepOf<K>> & { readonly kind: K },
): StepDefinition {
  // The defaults complete the step of the very kind that was given.
  return { needs: ["input"], requires: [], onRefused: { kind: "fail" }, ...step } as StepDefinition;
}

export function definitionOf(
  name: string,
  steps: readonly StepDefinition[],
  project: (view: View) => unknown = (view) => view,
  more: Partial<WorkflowDefinition> = {},
): WorkflowDefinition {
  const version = more.version ?? "1.0.0";
  const dependents = new Map<string, string[]>();
  for (const step of steps)
    for (const need of step.needs)
      dependents.set(need, [...(dependents.get(need) ?? []), step.name]);
  const stepByName = new Map(steps.map((step) => [step.name, step]));
  return {
    name,
    version,
    id: `${name}@${version}`,
    input: anything,
    steps,
    stepByName,
    dependents,
    project,
    ...more,
  };
}

/** A field of a key of a view, for mappings that are too small to be typed. */
export function field(view: View, key: string, name: string): Json {
  const value = view[key];
  // The tests' values are objects; a missing field shows as null.
  return (value as { readonly [name: string]: Json } | undefined)?.[name] ?? null;
}
