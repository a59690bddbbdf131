/**
 * Verifying labels: every event is found under its topic's label, in the order of arrival, and nothing else is.
 *
 * Labels are a projection of the entries' own text. Whoever reads a topic reads them alone, so that a row that is gone, or one
 * too many, would be noticed by nobody.
 */
import { topicLabel } from "../model/event-facts.ts";
import type { ArrivedEntry, JournalStore } from "../ports/journal-store.ts";
import type { Findings } from "./verify-problem.ts";

/** An event that is to be found by its topic. */
export interface LabelledPlace {
  readonly namespace: string;
  readonly label: string;
  readonly position: number;
  readonly stream: string;
  readonly seq: number;
}

export interface LabelCheck {
  /** Holds events, in the order of arrival, against what their labels lead to. */
  take(places: readonly LabelledPlace[]): Promise<void>;
  /** Looks for what labels lead to besides, up to the last position that was walked. */
  finish(lastPosition: number): Promise<void>;
}

const AT_ONCE = 500;

/** The label that an entry must be found by; undefined for most. */
export function labelOf(kind: unknown, payload: unknown): string | undefined {
  if (kind !== "event.published" || typeof payload !== "object" || payload === null)
    return undefined;
  const topic = "topic" in payload ? payload.topic : undefined;
  return typeof topic === "string" ? topicLabel(topic) : undefined;
}

/** A check that has seen nothing yet. `whole`: it is given every event of the namespaces that it is given any of. */
export function labelCheck(store: JournalStore, whole: boolean, found: Findings): LabelCheck {
  /** By namespace and label, the last position that was looked at. */
  const cursors = new Map<string, Map<string, number>>();
  const cursorsOf = (namespace: string): Map<string, number> => {
    const known = cursors.get(namespace) ?? new Map<string, number>();
    cursors.set(namespace, known);
    return known;
  };

  async function compare(places: readonly LabelledPlace[]): Promise<void> {
    const [first, last] = [places[0], places.at(-1)];
    if (first === undefined || last === undefined) return;
    const { namespace, label } = first;
    const known = cursorsOf(namespace);
    const positions = new Set(places.map(({ position }) => position));
    let after: number | undefined = whole ? known.get(label) : first.position - 1;
    const led = new Set<number>();
    while (after === undefined || after < last.position) {
      const page: readonly ArrivedEntry[] = await store.labelled(namespace, label, after, AT_ONCE);
      for (const entry of page) {
        if (entry.position > last.position) break;
        led.add(entry.position);
        if (whole && !positions.has(entry.position)) reportExtra(entry, label, found);
      }
      after = page.at(-1)?.position ?? last.position;
      if (page.length < AT_ONCE) break;
    }
    for (const { stream, seq, position } of places) {
      if (led.has(position)) continue;
      const message = `The event at entry ${seq} of ${stream} is not found by its label ${label}.`;
      found.add({ stream, seq, kind: "index", message });
    }
    known.set(label, last.position);
  }

  return {
    async take(places) {
      if (!whole) {
        for (const place of places) await compare([place]);
        return;
      }
      const byLabel = new Map<string, LabelledPlace[]>();
      for (const place of places) {
        const key = `${place.namespace}\n${place.label}`;
        const listed = byLabel.get(key);
        if (listed === undefined) byLabel.set(key, [place]);
        else listed.push(place);
      }
      for (const listed of byLabel.values()) await compare(listed);
    },
    async finish(lastPosition) {
      if (!whole) return;
      for (const [namespace, known] of cursors)
        for (const { label } of await store.labels(namespace))
          await reportRest(
            store,
            { namespace, label, after: known.get(label), lastPosition },
            found,
          );
    },
  };
}

interface Rest {
  readonly namespace: string;
  readonly label: string;
  readonly after: number | undefined;
  readonly lastPosition: number;
}

async function reportRest(store: JournalStore, rest: Rest, found: Findings): Promise<void> {
  const { namespace, label, lastPosition } = rest;
  let { after } = rest;
  while (!found.full()) {
    const page = await store.labelled(namespace, label, after, AT_ONCE);
    for (const entry of page) if (entry.position <= lastPosition) reportExtra(entry, label, found);
    after = page.at(-1)?.position;
    if (after === undefined || after > lastPosition || page.length < AT_ONCE) return;
  }
}

function reportExtra({ stream, seq }: ArrivedEntry, label: string, found: Findings): void {
  const message = `The label ${label} leads to entry ${seq} of ${stream}, which is no event of that topic.`;
  found.add({ ...(stream === "" ? {} : { stream }), seq, kind: "index", message });
}
