/** Events that come into a run: from elsewhere, or as what it is started with. */
import type { Author, Position } from "../model/entry.ts";
import type { EventFacts } from "../model/event-facts.ts";
import type { Json } from "../model/json.ts";
import type { Run } from "../model/run.ts";
import type { TopicDefinition } from "../model/topic.ts";
import { tryCall } from "./handoff.ts";
import { causeAt, publish } from "./publish.ts";
import { pivotPassed, savepointLeft } from "./savepoint.ts";
import { type Deliberation, say } from "./turn.ts";

/** An event that was published elsewhere, and concerns the run. */
interface FromElsewhere {
  readonly by: Author;
  readonly event: EventFacts;
  readonly from: Position;
  readonly data: Json;
}

/** Whether the run goes on, or may when it has been given its code, or has gone back to a savepoint. */
function mayGoOn(run: Run): boolean {
  switch (run.phase.kind) {
    case "going":
    case "blocked":
      return true;
    case "failing":
      return savepointLeft(run) !== undefined || pivotPassed(run) !== undefined;
    case "cancelling":
      return run.phase.to !== undefined;
    case "compensating":
    case "parked":
      return run.rollback?.to !== undefined;
    default:
      return false;
  }
}

/** One that is known, or comes when nothing can follow from it any more, changes nothing. */
export function takeFromElsewhere(
  turn: Deliberation,
  { by, event, from, data }: FromElsewhere,
): void {
  const { run } = turn;
  if (!mayGoOn(run) || run.bus?.ids.has(event.id) === true) return;
  const { choreography } = run.definition;
  if (choreography === undefined || (run.bus?.events.size ?? 0) < choreography.eventsMax)
    return receive(turn, by, { facts: event, from, data });
  if (run.phase.kind !== "going") return;
  const message = `The run has ${choreography.eventsMax} events, which is its limit: ${event.id} of ${event.topic} would be one more.`;
  const error = { code: "EVENTS_EXCEEDED", message };
  const payload = { topic: event.topic, error };
  say(turn, { kind: "event.refused", path: "input", by, causation: from, payload });
}

/** Records an event that was published elsewhere. */
export function receive(
  turn: Deliberation,
  by: Author,
  event: { readonly facts: EventFacts; readonly from: Position; readonly data: Json },
): void {
  const { facts, from, data } = event;
  say(turn, {
    kind: "event.received",
    by,
    causation: from,
    payload: { ...facts, from },
    value: data,
  });
}

/** What a choreography is started with is its first event. */
export function publishFirst(turn: Deliberation, topic: TopicDefinition, data: Json): void {
  const keyed = tryCall(`key of ${topic.name}`, () => topic.key?.(data));
  // A key that can't be computed leaves the event without an order of its own.
  const key = keyed.ok ? keyed.value : undefined;
  publish(turn, "input", { topic, data, key }, { hops: 0, causation: causeAt(turn, 0) });
}
