/** What a run of a choreography waits for besides what it has begun: deliveries, events that are gathered, its end. */
import { isFirstInLine, settleDelivery, takeEvent, takeGathering } from "../decide/bus.ts";
import type { Fact } from "../model/entry.ts";
import { DEFAULT_LIMITS } from "../model/limits.ts";
import { newRun, type Run } from "../model/run.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import type { RunWait } from "./run-wait.ts";

/** What the events of a run lead to. Owned by its maker. */
export interface EventFold {
  /** Only its bus is kept up. */
  readonly run: Run;
  /** By seq of an event's entry. */
  readonly at: Map<number, number>;
}

/** A fold that has seen nothing yet. */
export function eventFold(run: string, definition: WorkflowDefinition): EventFold {
  return { run: newRun(run, definition, DEFAULT_LIMITS), at: new Map() };
}

/** Takes in one entry; most of them change nothing. */
export function foldEvent({ run, at }: EventFold, fact: Fact): void {
  if (fact.kind === "event.published" || fact.kind === "event.received") {
    at.set(fact.seq, fact.at);
    takeEvent(run, fact);
  }
  if (fact.kind === "step.opened" && fact.payload.step === "gathering") {
    const { path = "", payload } = fact;
    const step = run.definition.stepByName.get(path.slice(0, path.lastIndexOf("#")));
    if (step?.kind === "subscription") takeGathering(run, step, payload.events);
  }
  const isSettled = fact.kind === "step.sealed" || fact.kind === "step.skipped";
  if (isSettled && fact.path !== undefined) settleDelivery(run, fact.path);
}

/** Deliveries that could be made now, and events that are gathered. What stands behind another in its line is not named: that one is. */
export function deliveryWaits(
  { run, at }: EventFold,
  isKnown: (path: string) => boolean,
): readonly RunWait[] {
  const waits: RunWait[] = [];
  for (const [path, delivery] of run.bus?.deliveries ?? []) {
    if (isKnown(path) || !isFirstInLine(run, delivery, path)) continue;
    const since = Math.max(...Object.values(delivery.events).map((seq) => at.get(seq) ?? 0));
    waits.push({ what: "execution", path, since });
  }
  for (const [name, { events, settled }] of run.bus?.gatherings ?? []) {
    const step = run.definition.stepByName.get(name);
    if (settled || step?.kind !== "subscription") continue;
    const missing = [...step.topics].filter(([key]) => events[key] === undefined);
    const since = Math.min(...Object.values(events).map((seq) => at.get(seq) ?? 0));
    waits.push({
      what: "event",
      path: name,
      since,
      topics: missing.map(([, topic]) => topic.name),
      ...(step.withinMs === undefined ? {} : { dueAt: since + step.withinMs }),
    });
  }
  return waits;
}

/** Nothing is left to deliver: all that is waited for is the event with which the run ends. */
export function endWait(
  { run }: EventFold,
  { since, deadlineAt }: { readonly since: number; readonly deadlineAt: number | undefined },
): readonly RunWait[] {
  const ends = run.definition.choreography?.ends;
  if (ends === undefined || run.bus?.end !== undefined) return [];
  const due = deadlineAt === undefined ? {} : { dueAt: deadlineAt };
  return [{ what: "event", path: "", since, topics: [ends.name], ...due }];
}
