/**
 * Places to execute, by agent: at most `concurrency` attempts of an agent at a time, first come first served.
 *
 * A1. Nobody overtakes: who comes while others wait joins the line, also where a place is free.
 * A2. A place that is given back goes to the first in line before anything else is done; however many give theirs back at
 *     once while they begin, the stack does not grow.
 */
import type { AgentDefinition } from "../../model/agent-definition.ts";
import { type Line, line } from "./line.ts";

export interface AgentPlaces {
  /**
   * Calls `begin` as soon as there is a place, at once if there is one now. Gives a function that leaves the line. Where as
   * many wait as the agent's `queue` says, calls `full` instead; without it whoever comes may wait.
   */
  take(agent: AgentDefinition, begin: () => void, full?: () => void): () => void;
  /** Gives a place back; the first in line begins. */
  leave(agent: AgentDefinition): void;
  /** How many execute and wait, where the agent has a limit. */
  of(agent: AgentDefinition): { readonly taken: number; readonly waiting: number } | undefined;
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
  readonly waiting: Line<() => void>;
  serving: boolean;
}

export function agentPlaces(): AgentPlaces {
  const queues = new Map<string, Queue>();
  const outstaying = new Set<Outstaying>();
  return {
    take: (agent, begin, full) => {
      const { concurrency } = agent;
      if (concurrency === undefined) {
        begin();
        return nothingToLeave;
      }
      let queue = queues.get(agent.id);
      if (queue === undefined) {
        queue = { taken: 0, waiting: line(), serving: false };
        queues.set(agent.id, queue);
      }
      const { waiting } = queue;
      if (queue.taken < concurrency && waiting.size() === 0) {
        queue.taken += 1;
        begin();
        return nothingToLeave;
      }
      if (full !== undefined && agent.queue !== undefined && waiting.size() >= agent.queue) {
        full();
        return nothingToLeave;
      }
      const place = waiting.join(begin);
      return () => void waiting.leave(place);
    },
    leave: ({ id, concurrency }) => {
      const queue = concurrency === undefined ? undefined : queues.get(id);
      if (queue === undefined || concurrency === undefined) return;
      queue.taken -= 1;
      serve(queue, concurrency);
    },
    outstay: (attempt) => {
      outstaying.add(attempt);
      return () => void outstaying.delete(attempt);
    },
    outstaying: () => outstaying,
    of: ({ id, concurrency }) => {
      if (concurrency === undefined) return undefined;
      const { taken = 0, waiting } = queues.get(id) ?? {};
      return { taken, waiting: waiting?.size() ?? 0 };
    },
  };
}

/** Lets those in line begin while there are places (A2). */
function serve(queue: Queue, concurrency: number): void {
  if (queue.serving) return;
  queue.serving = true;
  try {
    while (queue.taken < concurrency) {
      const begin = queue.waiting.next();
      if (begin === undefined) return;
      queue.taken += 1;
      begin();
    }
  } finally {
    queue.serving = false;
  }
}

function nothingToLeave(): void {}
