/** Places to execute, by agent: at most `concurrency` attempts of an agent at a time, first come first served. */
import type { AgentDefinition } from "../../model/agent-definition.ts";

export interface AgentPlaces {
  /** Calls `begin` as soon as there is a place, at once if there is one now. Gives a function that leaves the queue. */
  take(agent: AgentDefinition, begin: () => void): () => void;
  /** Gives a place back; the first in the queue begins. */
  leave(agent: AgentDefinition): void;
}

interface Queue {
  taken: number;
  readonly waiting: Set<() => void>;
}

export function agentPlaces(): AgentPlaces {
  const queues = new Map<string, Queue>();
  return {
    take: (agent, begin) => {
      const { concurrency } = agent;
      if (concurrency === undefined) {
        begin();
        return nothingToLeave;
      }
      const queue = queues.get(agent.id) ?? { taken: 0, waiting: new Set() };
      queues.set(agent.id, queue);
      if (queue.taken < concurrency) {
        queue.taken += 1;
        begin();
        return nothingToLeave;
      }
      queue.waiting.add(begin);
      return () => queue.waiting.delete(begin);
    },
    leave: (agent) => {
      const queue = agent.concurrency === undefined ? undefined : queues.get(agent.id);
      if (queue === undefined) return;
      const next = queue.waiting.values().next();
      if (next.done === true) {
        queue.taken -= 1;
      } else {
        queue.waiting.delete(next.value);
        next.value();
      }
    },
  };
}

function nothingToLeave(): void {}
