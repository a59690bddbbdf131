/** Who takes events that other streams have: workflows that await them, and choreographies that subscribe to their topics. */
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";

/** Topics of which runs take events that other streams have, with the names of their workflows. */
export function routedTopics(
  workflows: Iterable<WorkflowDefinition>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const topics = new Map<string, Set<string>>();
  for (const definition of workflows) {
    for (const topic of takenBy(definition)) {
      const takers = topics.get(topic) ?? new Set<string>();
      topics.set(topic, takers.add(definition.name));
    }
  }
  return topics;
}

/** Asked whenever a run begins. */
const known = new WeakMap<WorkflowDefinition, readonly string[]>();

/** What a run of a workflow takes from elsewhere. What a choreography starts with begins runs instead. */
export function takenBy(definition: WorkflowDefinition): readonly string[] {
  const topics = known.get(definition) ?? foundTopics(definition);
  known.set(definition, topics);
  return topics;
}

function foundTopics({ steps, choreography }: WorkflowDefinition): readonly string[] {
  const awaited = steps.flatMap((step) => (step.kind === "event" ? [step.topic.name] : []));
  if (choreography === undefined) return awaited;
  const { starts, ends, failsOn, subscribers } = choreography;
  const names = [...subscribers.keys(), ends?.name, failsOn?.name];
  return names.flatMap((name) => (name === undefined || name === starts.name ? [] : [name]));
}

/** The name of a workflow, of what the store's index says a run is of: `name@version`. */
export function workflowName(type: string): string {
  return type.slice(0, type.lastIndexOf("@"));
}
