/** The events of a run and what must follow from them: found a second time, from the entries and the definition alone. */
import type { RecordedEntry } from "../../history/read.ts";
import type { Entry } from "../../model/entry.ts";
import type { EventFacts } from "../../model/event-facts.ts";
import type { Json } from "../../model/json.ts";
import type { SubscriptionStep, WorkflowDefinition } from "../../model/workflow-definition.ts";

/** An event that a run has. */
export interface EventSeen extends EventFacts {
  readonly seq: number;
  readonly at: number;
  readonly data: Json;
}

/** A delivery that follows from events. */
export interface DeliverySeen {
  readonly step: SubscriptionStep;
  /** By the name under which the subscription sees them. */
  readonly events: Readonly<Record<string, number>>;
  /** Of its subscription and its key; absent where no order is kept. */
  readonly line?: string;
}

/** What a run has of events, as far as its journal was read. */
export interface EventReading {
  readonly definition: WorkflowDefinition;
  readonly events: Map<number, EventSeen>;
  /** Ids that came more than once. */
  readonly doubles: string[];
  /** By path, in the order in which they came about. */
  readonly deliveries: Map<string, DeliverySeen>;
  /** By subscription to several topics. */
  readonly gatherings: Map<string, Gathering>;
  /** How far what led to the run is from the first of its chain; undefined where no event did. */
  farthest: number | undefined;
}

interface Gathering {
  readonly events: Record<string, number>;
  settled: boolean;
}

export function newReading(definition: WorkflowDefinition): EventReading {
  return {
    definition,
    events: new Map(),
    doubles: [],
    deliveries: new Map(),
    gatherings: new Map(),
    farthest: undefined,
  };
}

/** All that a journal has. */
export function readEvents(
  entries: readonly RecordedEntry[],
  definition: WorkflowDefinition,
): EventReading {
  const reading = newReading(definition);
  for (const recorded of entries) readEntry(reading, recorded);
  return reading;
}

export function readEntry(reading: EventReading, { entry, value }: RecordedEntry): void {
  const { hops } = entry.payload;
  if ((entry.kind === "run.started" || entry.kind === "event.received") && hops !== undefined)
    reading.farthest = Math.max(reading.farthest ?? 0, Number(hops));
  if (entry.kind === "event.published" || entry.kind === "event.received")
    readEvent(reading, entry, value ?? null);
  if (entry.kind === "step.opened" && entry.payload["step"] === "gathering")
    endGathering(reading, entry);
}

function readEvent(reading: EventReading, entry: Entry, data: Json): void {
  // The engine wrote it, in this very form.
  const facts = entry.payload as unknown as EventFacts;
  const event = { ...facts, seq: entry.seq, at: entry.at, data };
  if ([...reading.events.values()].some(({ id }) => id === event.id)) {
    reading.doubles.push(event.id);
    return;
  }
  reading.events.set(event.seq, event);
  for (const step of reading.definition.steps) {
    if (step.kind !== "subscription") continue;
    const [name] = [...step.topics].find(([, topic]) => topic.name === event.topic) ?? [];
    if (name === undefined) continue;
    if (step.topics.size === 1) addDelivery(reading, step, { [name]: event.seq });
    else gather(reading, step, name, event.seq);
  }
}

function gather(reading: EventReading, step: SubscriptionStep, name: string, seq: number): void {
  const gathering = reading.gatherings.get(step.name) ?? { events: {}, settled: false };
  reading.gatherings.set(step.name, gathering);
  if (gathering.settled || gathering.events[name] !== undefined) return;
  gathering.events[name] = seq;
  if (Object.keys(gathering.events).length < step.topics.size) return;
  gathering.settled = true;
  addDelivery(reading, step, { ...gathering.events });
}

/** The time for what is missing was over. */
function endGathering(reading: EventReading, { path = "" }: Entry): void {
  const step = reading.definition.stepByName.get(path.slice(0, path.lastIndexOf("#")));
  if (step?.kind !== "subscription") return;
  const gathering = reading.gatherings.get(step.name);
  if (gathering === undefined || gathering.settled) return;
  gathering.settled = true;
  addDelivery(reading, step, { ...gathering.events });
}

function addDelivery(
  { events: all, deliveries }: EventReading,
  step: SubscriptionStep,
  events: DeliverySeen["events"],
): void {
  const seq = Math.max(...Object.values(events));
  const key = step.topics.size === 1 ? all.get(seq)?.key : undefined;
  const line = key === undefined ? {} : { line: `${step.name} ${key}` };
  deliveries.set(`${step.name}#${seq}`, { step, events, ...line });
}

/** What the functions of a subscription see of a delivery. */
export function viewOfDelivery(
  { events: all }: EventReading,
  { step, events }: DeliverySeen,
): Readonly<Record<string, Json | undefined>> {
  const view: Record<string, Json | undefined> = {};
  for (const name of step.topics.keys()) view[name] = all.get(events[name] ?? -1)?.data;
  return Object.freeze(view);
}
