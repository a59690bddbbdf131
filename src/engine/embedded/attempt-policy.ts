/** What an agent's policy says of a failed attempt. A policy that throws says nothing: it is as if there were none. */
import type { AgentDefinition } from "../../model/agent-definition.ts";
import type { Failure } from "../../model/entry.ts";

/** Whether no further attempt is to be made after this error. */
export function isFinal({ retry }: AgentDefinition, error: unknown): boolean {
  try {
    return retry.final?.(error) === true;
  } catch {
    return false;
  }
}

/** As many as may wait for a place of the agent. No sign of a sick downstream: the breaker hears nothing of it. */
export function queueFull({ id, queue }: AgentDefinition): Failure {
  const message = `${queue ?? 0} attempts of ${id} wait for a place already, which is its \`queue\`.`;
  return { code: "QUEUE_FULL", message };
}
