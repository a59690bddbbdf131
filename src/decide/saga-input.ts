/** The input of a call, computed again from what it read: the same function over the same sealed values. */
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { Json } from "../model/json.ts";
import type { SagaAct, SagaHistory } from "../model/run.ts";
import type { View, WorkflowDefinition } from "../model/workflow-definition.ts";
import { parsePath } from "./evolve.ts";
import { type Tried, tryInput } from "./handoff.ts";
import { caseOf, compensationKey } from "./saga-history.ts";

/** What the agent at a path was given; refused where today's functions or contracts refuse it. */
export function inputAgain(
  definition: WorkflowDefinition,
  history: SagaHistory,
  act: SagaAct,
  agent: AgentDefinition,
): Tried<Json> {
  const { path, reads } = act;
  const { step: name, index } = parsePath(path);
  const step = definition.stepByName.get(name);
  const opening = history.openings.get(compensationKey({ path: name, turn: act.turn }));
  return tryInput(agent.input, `input of ${path}`, () => {
    const values: Record<string, Json | undefined> = {};
    for (const key of step?.needs ?? []) {
      const seq = reads[key];
      values[key] = seq === undefined ? undefined : history.values.get(seq);
    }
    if (step?.kind === "subscription") {
      for (const [key, topic] of step.topics) {
        const seq = reads[topic.name];
        values[key] = seq === undefined ? undefined : history.values.get(seq);
      }
    }
    const view: View = Object.freeze(values);
    switch (step?.kind) {
      case "agent":
      case "subscription":
        return step.input(view);
      case "map":
        return step.input(opening?.list[index] ?? null, index, view);
      case "repeat":
        return step.input(view, roundBefore(history, act), index);
      case "branch":
        return caseOf(step, opening?.opening)?.input(view);
      default:
        throw new Error(`The workflow has no step ${name} that calls an agent.`);
    }
  });
}

function roundBefore(history: SagaHistory, { path, turn }: SagaAct): Json | undefined {
  const { step, index } = parsePath(path);
  return history.acts.get(compensationKey({ path: `${step}#${index - 1}`, turn }))?.output;
}
