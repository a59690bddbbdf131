/**
 * What a run knows of events: those it published or received, the deliveries that follow from them, and which of these wait
 * for others. A fold of its journal; no function of a user is called here.
 *
 * V1. An event makes one delivery for each subscription to its topic, at `name#seq`, whatever happens in between.
 * V2. Deliveries of one subscription and one key are handled in the order of their events.
 * V3. An event that was received twice counts once.
 */
import type { Fact, FactOf } from "../model/entry.ts";
import type { Json } from "../model/json.ts";
import type { Delivery, Run, RunBus, RunEvent } from "../model/run.ts";
import type { SubscriptionStep, View } from "../model/workflow-definition.ts";

type Gathering = RunBus["gatherings"] extends Map<string, infer G> ? G : never;
type EventFact = FactOf<"event.published" | "event.received">;

/** The run's bus, made when its first event comes. */
export function busOf(run: Run): RunBus {
  run.bus ??= {
    events: new Map(),
    ids: new Set(),
    deliveries: new Map(),
    gatherings: new Map(),
    lines: new Map(),
    farthest: undefined,
    end: undefined,
  };
  return run.bus;
}

/** Takes in an event, and makes the deliveries that follow from it. */
export function takeEvent(run: Run, fact: EventFact): void {
  const bus = busOf(run);
  const { topic, contract, id, hops, key } = fact.payload;
  if (bus.ids.has(id)) return;
  bus.ids.add(id);
  if (fact.kind === "event.received") bus.farthest = Math.max(bus.farthest ?? 0, hops);
  const data: Json = fact.value ?? null;
  const event = { topic, contract, id, hops, data };
  bus.events.set(fact.seq, key === undefined ? event : { ...event, key });
  const { choreography } = run.definition;
  if (choreography === undefined) {
    for (const step of run.definition.steps)
      if (step.kind === "event" && step.topic.name === topic) run.agenda.add(step.name);
    return;
  }
  if (choreography.ends?.name === topic) bus.end ??= { seq: fact.seq, data };
  if (choreography.failsOn?.name === topic && run.phase.kind === "going") {
    const message = `${topic} was published (${id}), which fails the run.`;
    const error = { code: "FAILURE_EVENT", message };
    run.phase = { kind: "failing", step: undefined, error, since: fact.seq };
  }
  for (const step of choreography.subscribers.get(topic) ?? []) subscribed(run, step, fact);
}

function subscribed(run: Run, step: SubscriptionStep, fact: EventFact): void {
  const { topic } = fact.payload;
  if (step.topics.size === 1) {
    const [name = "event"] = step.topics.keys();
    return addDelivery(run, step, { [name]: fact.seq });
  }
  const gatherings = busOf(run).gatherings;
  const gathered: Gathering = gatherings.get(step.name) ?? { events: {}, settled: false };
  if (gathered.settled) return;
  const [name] = [...step.topics].find(([, each]) => each.name === topic) ?? [];
  if (name === undefined || gathered.events[name] !== undefined) return;
  const isFirst = Object.keys(gathered.events).length === 0;
  const events = { ...gathered.events, [name]: fact.seq };
  const settled = Object.keys(events).length === step.topics.size;
  const firstDue = step.withinMs === undefined ? undefined : fact.at + step.withinMs;
  const dueAt = isFirst ? firstDue : gathered.dueAt;
  gatherings.set(step.name, { events, settled, ...(dueAt === undefined ? {} : { dueAt }) });
  if (settled) return addDelivery(run, step, events);
  if (isFirst && dueAt !== undefined) run.timers.push({ dueAt, kind: "wake", step: step.name });
}

/** The delivery of what has come, once the time for the rest is over. */
export function takeGathering(run: Run, step: SubscriptionStep, events: Delivery["events"]): void {
  busOf(run).gatherings.set(step.name, { events, settled: true });
  addDelivery(run, step, events);
}

function addDelivery(run: Run, step: SubscriptionStep, events: Delivery["events"]): void {
  const bus = busOf(run);
  const seqs = Object.values(events);
  const path = `${step.name}#${Math.max(...seqs)}`;
  const key = lineOf(run, step, events);
  bus.deliveries.set(path, {
    step: step.name,
    events,
    ...(key === undefined ? {} : { line: key }),
  });
  run.unsettledSteps += 1;
  run.agenda.add(path);
  if (key === undefined) return;
  const line = bus.lines.get(key);
  if (line === undefined) bus.lines.set(key, [path]);
  else line.push(path);
}

/** In which line a delivery stands: of its subscription, and of what its event is about. */
function lineOf(run: Run, step: SubscriptionStep, events: Delivery["events"]): string | undefined {
  if (step.topics.size > 1) return undefined;
  const [seq] = Object.values(events);
  const key = seq === undefined ? undefined : run.bus?.events.get(seq)?.key;
  return key === undefined ? undefined : `${step.name}\n${key}`;
}

/** A delivery has come to its end: the next of its line is looked at. */
export function settleDelivery(run: Run, path: string): void {
  const line = run.bus?.deliveries.get(path)?.line;
  const waiting = line === undefined ? undefined : run.bus?.lines.get(line);
  if (line === undefined || waiting?.[0] !== path) return;
  waiting.shift();
  const [next] = waiting;
  if (next === undefined) run.bus?.lines.delete(line);
  else run.agenda.add(next);
}

/** Whether nothing stands before a delivery in its line (V2). */
export function isFirstInLine(run: Run, { line }: Delivery, path: string): boolean {
  return line === undefined || run.bus?.lines.get(line)?.[0] === path;
}

/** What the functions of a subscription see, and which entries that is. */
export function deliveryView(
  run: Run,
  step: SubscriptionStep,
  { events }: Delivery,
): { readonly view: View; readonly reads: Readonly<Record<string, number>> } {
  const view: Record<string, Json | undefined> = {};
  const reads: Record<string, number> = {};
  for (const [name, topic] of step.topics) {
    const seq = events[name];
    view[name] = seq === undefined ? undefined : run.bus?.events.get(seq)?.data;
    if (seq !== undefined) reads[topic.name] = seq;
  }
  return { view: Object.freeze(view), reads };
}

/** The longest chain of events that led to a delivery. */
export function hopsTo(run: Run, { events }: Delivery): number {
  let hops = 0;
  for (const seq of Object.values(events))
    hops = Math.max(hops, run.bus?.events.get(seq)?.hops ?? 0);
  return hops;
}

/** How far from the first of its chain what led to the run is; undefined where no event did. */
export function hopsOf({ hops, bus }: Run): number | undefined {
  const farthest = bus?.farthest;
  return farthest === undefined || hops === undefined
    ? (farthest ?? hops)
    : Math.max(farthest, hops);
}

/** How far from the first of its chain an event is that follows from what led to the run. */
export function nextHops(run: Run): number {
  const hops = hopsOf(run);
  return hops === undefined ? 0 : hops + 1;
}

/** Events of a topic that a run has, in the order in which they came. */
export function eventsOn(
  run: Run,
  topic: string,
): readonly (RunEvent & { readonly seq: number })[] {
  const found: (RunEvent & { readonly seq: number })[] = [];
  for (const [seq, event] of run.bus?.events ?? [])
    if (event.topic === topic) found.push({ ...event, seq });
  return found;
}

/** Whether a fact is an event of the run's. */
export function isEvent(fact: Fact): fact is EventFact {
  return fact.kind === "event.published" || fact.kind === "event.received";
}
