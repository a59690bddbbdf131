/** The events of a run, and who published them. */
import { parsePath } from "../decide/path.ts";
import type { FactOf } from "../model/entry.ts";
import type { SubscriptionStep, WorkflowDefinition } from "../model/workflow-definition.ts";
import { factOf, type RecordedEntry } from "./read.ts";

/** An event of a run, and what published it. */
export type EventFact = FactOf<"event.published" | "event.received">;

/** The events of a run, in the order in which they came. */
export function eventsIn(entries: readonly RecordedEntry[]): readonly EventFact[] {
  return entries.flatMap((recorded): readonly EventFact[] => {
    const fact = factOf(recorded);
    return fact.kind === "event.published" || fact.kind === "event.received" ? [fact] : [];
  });
}

/** Who published an event: a subscription, `start` for what the run was started with, `outside` for another stream. */
export function publisherOf(event: EventFact): string {
  if (event.kind === "event.received") return "outside";
  const { path = "input" } = event;
  return path === "input" ? "start" : parsePath(path).step;
}

/** The subscriptions of a choreography. */
export function subscriptionSteps({ steps }: WorkflowDefinition): readonly SubscriptionStep[] {
  return steps.flatMap((step) => (step.kind === "subscription" ? [step] : []));
}
