/** Publishing: an event is said in the same turn as what it follows from, so that both are committed or neither. */
import type { Failure, Position } from "../model/entry.ts";
import type { Json } from "../model/json.ts";
import { positionOf, type Reads, type Run } from "../model/run.ts";
import type { TopicDefinition } from "../model/topic.ts";
import type { View } from "../model/workflow-definition.ts";
import { type Tried, tryCall, tryChecked } from "./handoff.ts";
import { type Deliberation, ENGINE, say } from "./turn.ts";

/** An event that is to be published: its data is checked against the topic's contract. */
export interface Publishing {
  readonly topic: TopicDefinition;
  readonly data: Json;
  readonly key: string | undefined;
}

/** Computes the data of an event and checks it; undefined where nothing is to be published. */
export function tryEvent(
  topic: TopicDefinition,
  what: string,
  data: () => unknown,
): Tried<Publishing | undefined> {
  const given = tryCall(what, data);
  if (!given.ok) return given;
  if (given.value === undefined) return { ok: true, value: undefined };
  const checked = tryChecked(topic.contract, given.value, what);
  if (!checked.ok) return checked;
  const keyed = tryCall(`key of ${topic.name}`, () => topic.key?.(checked.value));
  if (!keyed.ok) return keyed;
  return { ok: true, value: { topic, data: checked.value, key: keyed.value } };
}

/** Says the event, at the path of what publishes it. Gives its id, or undefined where a limit refused it, which fails the run. */
export function publish(
  turn: Deliberation,
  path: string,
  { topic, data, key }: Publishing,
  after: { readonly hops: number; readonly reads?: Reads; readonly causation?: Position },
): string | undefined {
  const { run } = turn;
  const { hops, reads, causation } = after;
  const refused = overLimit(run, topic.name, hops);
  const common = {
    path,
    by: ENGINE,
    ...(reads === undefined ? {} : { reads }),
    ...(causation === undefined ? {} : { causation }),
  };
  if (refused !== undefined) {
    say(turn, { kind: "event.refused", ...common, payload: { topic: topic.name, error: refused } });
    return undefined;
  }
  const id = `${run.id}@${run.seq + 1}`;
  say(turn, {
    kind: "event.published",
    ...common,
    payload: {
      topic: topic.name,
      contract: topic.contract.id,
      id,
      hops,
      ...(key === undefined ? {} : { key }),
      ...(run.correlation === run.id ? {} : { correlation: run.correlation }),
    },
    value: data,
  });
  return id;
}

/** Why an event would be over a limit of its run; undefined where it may be published. */
export function overLimit(run: Run, topic: string, hops: number): Failure | undefined {
  const { choreography } = run.definition;
  if (choreography === undefined) return undefined;
  const { hopsMax, eventsMax } = choreography;
  if (hops > hopsMax) {
    const message = `An event of ${topic} would be ${hops} events away from the first; at most ${hopsMax} are allowed. Subscriptions that lead to themselves go round and round.`;
    return { code: "HOPS_EXCEEDED", message };
  }
  if ((run.bus?.events.size ?? 0) >= eventsMax) {
    const message = `The run has ${eventsMax} events, which is its limit: an event of ${topic} would be one more.`;
    return { code: "EVENTS_EXCEEDED", message };
  }
  return undefined;
}

/** Where an entry of the run stands, as a cause. */
export function causeAt({ run }: Deliberation, seq: number): Position {
  return positionOf(run, seq);
}

/** What a step that publishes sees, computed into its event. */
export function dataOf(data: (view: View) => unknown, view: View): () => unknown {
  return () => data(view);
}
