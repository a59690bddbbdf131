/**
 * Events that are to begin runs, and have not begun them yet: a life in which nothing is open is not over as long as there
 * are any.
 */
import type { Entry } from "../../model/entry.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { textIn } from "./timeless.ts";

export interface Beginnings {
  /** What was kept in a stream. */
  readonly see: (entry: Entry) => void;
  readonly areDone: () => boolean;
}

/** One choreography, and the events of the topic that it starts with. */
interface Awaited {
  readonly name: string;
  readonly topic: string;
  readonly events: Set<string>;
  pending: Set<string>;
  generation: number;
}

export function beginnings(workflows: readonly WorkflowDefinition[]): Beginnings {
  const all = workflows.flatMap(({ name, choreography }): readonly Awaited[] =>
    choreography === undefined
      ? []
      : [
          {
            name,
            topic: choreography.starts.name,
            events: new Set(),
            pending: new Set(),
            generation: 0,
          },
        ],
  );
  /** By stream, the name of the run's workflow. */
  const names = new Map<string, string>();
  return {
    see: ({ stream, kind, payload }) => {
      if (kind === "run.started") names.set(stream, nameIn(textIn(payload, "workflow")));
      for (const each of all) {
        if (kind === "subscription.rewound" && stream === `subscription/${each.name}`) {
          each.generation = Number(payload["generation"]);
          each.pending = new Set(each.events);
        }
        if (payload["topic"] !== each.topic) continue;
        const id = textIn(payload, "id");
        const isOwn = names.get(stream) === each.name;
        if (kind === "event.published" && !isOwn) {
          each.events.add(id);
          each.pending.add(id);
        }
        const isNewest = generationOf(stream, each.name) === each.generation;
        const isHeard = kind === "event.received" || kind === "event.refused";
        if (isHeard && isOwn && isNewest) each.pending.delete(id);
      }
    },
    areDone: () => all.every(({ pending }) => pending.size === 0),
  };
}

function nameIn(id: string): string {
  return id.slice(0, id.lastIndexOf("@"));
}

/** How often the subscription had been gone over when it began a run: its id says so. */
export function generationOf(run: string, name: string): number {
  const own = run.slice(run.lastIndexOf(`/${name}`) + name.length + 1);
  return Number(/^~(\d+)/.exec(own)?.[1] ?? 0);
}
