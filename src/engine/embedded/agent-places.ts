/** Places to execute, by agent: at most `concurrency` attempts of an agent at a time, first come first served. */
import type { AgentDefinition } from "../../model/agent-definition.ts";
import { type Line, line } from "./line.ts";

export interface AgentPlaces {
  /** Calls `begin` as soon as there is a place, at once if there is one now. Gives a function that leaves the queue. */
  take(agent: AgentDefinition, begin: () => void): () => void;
  /** Gives a place back; the first in the queue begins. */
  leave(agent: AgentDefinition): void;
  /** An attempt has ended and still has its place, because its agent has not returned. Gives a function that says it has. */
  outstay(attempt: Outstaying): () => void;
  outstaying(): Iterable<Outstaying>;
}

/** An attempt that was ended from outside, and has not returned. */
export interface Outstaying {
  readonly run: string;
  readonly path: string;
  readonly attempt: number;
  readonly agent: AgentDefinition;
}

interface Queue {
  taken: number;
  readonly waiting: Line<Waiting>;
}

/** Somebody in line; without `begin` once it has left. */
interface Waiting {
  begin: (() => void) | undefined;
}

export function agentPlaces(): AgentPlaces {
  const queues = new Map<string, Queue>();
  const outstaying = new Set<Outstaying>();
  return {
    take: (agent, begin) => {
      const { concurrency } = agent;
      if (concurrency === undefined) {
        begin();
        return nothingToLeave;
      }
      const queue = queues.get(agent.id) ?? { taken: 0, waiting: line() };
      queues.set(agent.id, queue);
      if (queue.taken < concurrency) {
        queue.taken += 1;
        begin();
        return nothingToLeave;
      }
      const waiting: Waiting = { begin };
      queue.waiting.push(waiting);
      return () => {
        waiting.begin = undefined;
      };
    },
    outstay: (attempt) => {
      outstaying.add(attempt);
      return () => void outstaying.delete(attempt);
    },
    outstaying: () => outstaying,
    leave: (agent) => {
      const queue = agent.concurrency === undefined ? undefined : queues.get(agent.id);
      if (queue === undefined) return;
      let next = queue.waiting.shift();
      while (next !== undefined && next.begin === undefined) next = queue.waiting.shift();
      if (next === undefined) queue.taken -= 1;
      else next.begin?.();
    },
  };
}

function nothingToLeave(): void {}
