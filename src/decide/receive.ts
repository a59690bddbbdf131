/** Events that come into a run: from elsewhere, or as what it is started with. */
import type { Author, Failure, Position } from "../model/entry.ts";
import type { EventFacts } from "../model/event-facts.ts";
import type { Json } from "../model/json.ts";
import type { Run } from "../model/run.ts";
import type { TopicDefinition } from "../model/topic.ts";
import { nextHops } from "./bus.ts";
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
  const error = overLimitOnArrival(run, event);
  if (error === undefined) return receive(turn, by, { facts: event, from, data });
  if (run.phase.kind === "going") refuseEvent(turn, by, { facts: event, from, error });
}

/** The event that begins a run. One that is over a limit fails it, by name. */
export function receiveFirst(
  turn: Deliberation,
  by: Author,
  event: { readonly facts: EventFacts; readonly from: Position; readonly data: Json },
): void {
  const { facts, from } = event;
  const error = overLimitOnArrival(turn.run, facts);
  if (error === undefined) receive(turn, by, event);
  else refuseEvent(turn, by, { facts, from, error });
}

/** Why an event from elsewhere would be over a limit of the run; undefined where it may be received. */
export function overLimitOnArrival(
  run: Run,
  { id, topic, hops }: Pick<EventFacts, "id" | "topic" | "hops">,
): Failure | undefined {
  const { choreography } = run.definition;
  if (choreography === undefined) return undefined;
  const { hopsMax, eventsMax } = choreography;
  if (hops > hopsMax) {
    const message = `Event ${id} of ${topic} is ${hops} events away from the first; at most ${hopsMax} are allowed. What its handling publishes comes back to it, round and round.`;
    return { code: "HOPS_EXCEEDED", message };
  }
  if ((run.bus?.events.size ?? 0) >= eventsMax) {
    const message = `The run has ${eventsMax} events, which is its limit: ${id} of ${topic} would be one more.`;
    return { code: "EVENTS_EXCEEDED", message };
  }
  return undefined;
}

function refuseEvent(
  turn: Deliberation,
  by: Author,
  event: { readonly facts: EventFacts; readonly from: Position; readonly error: Failure },
): void {
  const { facts, from, error } = event;
  const { topic, id, hops } = facts;
  const payload = { topic, error, id, hops };
  say(turn, { kind: "event.refused", path: "input", by, causation: from, payload });
}

/** Records an event that was published elsewhere. */
function receive(
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
  const after = { hops: nextHops(turn.run), causation: causeAt(turn, 0) };
  publish(turn, "input", { topic, data, key }, after);
}
