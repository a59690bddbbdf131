/**
 * What replay compares of events: that today's code publishes the same ones, in the same order, with the same data, and that
 * today's workflow takes those that come from elsewhere.
 */
import { deliveryView, eventsOn, hopsTo, nextHops } from "../decide/bus.ts";
import { gate, tryCall, viewOf } from "../decide/handoff.ts";
import { overLimit, type Publishing, tryEvent } from "../decide/publish.ts";
import { overLimitOnArrival } from "../decide/receive.ts";
import { eventsOf } from "../decide/steps/subscription.ts";
import type { Fact, FactOf } from "../model/entry.ts";
import { type Json, sealJson } from "../model/json.ts";
import { sameJson } from "../model/json-pointer.ts";
import type { TopicDefinition } from "../model/topic.ts";
import type {
  AwaitEventStep,
  EmitStep,
  SubscriptionStep,
  WorkflowDefinition,
} from "../model/workflow-definition.ts";
import { compareContract, differ, type Replaying, saysRefused } from "./replay-difference.ts";

/** What today's code publishes after a delivery that was sealed, as far as the journal has not had it yet. */
export interface Announced {
  readonly path: string;
  readonly sealed: FactOf<"step.sealed">;
  readonly events: Publishing[];
}

/** What a delivery that was sealed publishes today: the entries that follow are held against it. */
export function announce(
  replaying: Replaying,
  fact: FactOf<"step.sealed">,
  step: SubscriptionStep,
): void {
  const { path = step.name, value = null } = fact;
  const delivery = replaying.run.bus?.deliveries.get(path);
  if (delivery === undefined) return;
  const { view } = deliveryView(replaying.run, step, delivery);
  const events = eventsOf(step, value, view);
  // A run that is ending takes what its child did, and publishes nothing that is broken.
  const isEnding = replaying.run.phase.kind !== "going";
  if (!events.ok && isEnding && step.target.kind === "workflow") return;
  // What a person gave by hand is judged in the same way.
  if (!events.ok) return saysRefused(replaying, fact, events);
  replaying.announced = { path, sealed: fact, events: [...events.value] };
}

/** Called before each entry: what today's code would have published by now, and the journal does not have. */
export function compareSilence(replaying: Replaying, next: Fact | undefined): void {
  const { announced } = replaying;
  if (announced === undefined) return;
  const isNext = next?.kind === "event.published" || next?.kind === "event.refused";
  if (isNext && next.path === announced.path) return;
  replaying.announced = undefined;
  for (const { topic } of announced.events) {
    const message = `Today an event of ${topic.name} would be published there.`;
    differ(replaying, announced.sealed, { what: "event", message, today: topic.name });
  }
}

/** An event that was published, or refused for a limit. */
export function comparePublished(
  replaying: Replaying,
  fact: FactOf<"event.published" | "event.refused">,
): void {
  const { definition, announced } = replaying;
  const { path = "" } = fact;
  if (announced?.path === path) {
    const event = announced.events.shift();
    if (fact.kind === "event.refused") replaying.announced = undefined;
    return compareEvent(replaying, fact, event);
  }
  const { choreography } = definition;
  if (fact.kind === "event.refused" && fact.payload.id !== undefined)
    return compareRefusedOnArrival(replaying, fact, fact.payload.id);
  if (path === "input" && choreography !== undefined)
    return compareFirst(replaying, fact, choreography.starts);
  const step = definition.stepByName.get(path);
  if (step?.kind === "emit") return compareEmitted(replaying, fact, step);
  differ(replaying, fact, {
    what: "event",
    message: `Today no event of ${fact.payload.topic} would be published there.`,
    recorded: fact.payload.topic,
  });
}

/** An event from elsewhere that was over a limit: whether today's limits refuse it too. */
function compareRefusedOnArrival(
  replaying: Replaying,
  fact: FactOf<"event.refused">,
  id: string,
): void {
  const { topic, hops = 0, error } = fact.payload;
  const today = overLimitOnArrival(replaying.run, { id, topic, hops })?.code;
  compareCodes(replaying, fact, { recorded: error.code, today });
}

/** What a choreography was started with is its first event. */
function compareFirst(
  replaying: Replaying,
  fact: FactOf<"event.published" | "event.refused">,
  topic: TopicDefinition,
): void {
  const data = replaying.run.values.get("input")?.value ?? null;
  const keyed = tryCall("key", () => topic.key?.(data));
  compareEvent(replaying, fact, { topic, data, key: keyed.ok ? keyed.value : undefined });
}

function compareEmitted(
  replaying: Replaying,
  fact: FactOf<"event.published" | "event.refused">,
  step: EmitStep,
): void {
  const passed = gate(replaying.run, step);
  // What its gate says is compared where the step's first entry is.
  if (passed.kind !== "pass") return;
  const event = tryEvent(step.topic, `data of ${step.name}`, () => step.data(passed.view));
  if (!event.ok) return saysRefused(replaying, fact, event);
  compareEvent(replaying, fact, event.value);
}

function compareEvent(
  replaying: Replaying,
  fact: FactOf<"event.published" | "event.refused">,
  today: Publishing | undefined,
): void {
  const { topic } = fact.payload;
  if (today?.topic.name !== topic) {
    const message =
      today === undefined
        ? `Today no event of ${topic} would be published there.`
        : `Today an event of ${today.topic.name} would be published there.`;
    return differ(replaying, fact, {
      what: "event",
      message,
      recorded: topic,
      ...(today === undefined ? {} : { today: today.topic.name }),
    });
  }
  compareLimit(replaying, fact);
  if (fact.kind === "event.refused") return;
  const { value = null, payload } = fact;
  if (payload.contract !== today.topic.contract.id) {
    const message = "Today the event would be under another contract.";
    const recorded = payload.contract;
    differ(replaying, fact, {
      what: "contract",
      message,
      recorded,
      today: today.topic.contract.id,
    });
  }
  if (!sameJson(value, today.data)) {
    const message = `Today the event of ${topic} would have other data.`;
    differ(replaying, fact, { what: "event", message, recorded: value, today: today.data });
  }
  if (payload.key !== today.key) {
    const message = `Today the event of ${topic} would have another key.`;
    const [recorded, now] = [payload.key ?? null, today.key ?? null];
    differ(replaying, fact, { what: "event", message, recorded, today: now });
  }
}

/** Whether today's limits let the event pass, or refuse it, as they did. */
function compareLimit(
  replaying: Replaying,
  fact: FactOf<"event.published" | "event.refused">,
): void {
  const { run } = replaying;
  const { topic } = fact.payload;
  const delivery = run.bus?.deliveries.get(fact.path ?? "");
  const hops = delivery === undefined ? nextHops(run) : hopsTo(run, delivery) + 1;
  const today = overLimit(run, topic, hops)?.code;
  const recorded = fact.kind === "event.refused" ? fact.payload.error.code : undefined;
  compareCodes(replaying, fact, { recorded, today });
}

/** Which limit refused an event, and which does today; undefined where it passed. */
function compareCodes(
  replaying: Replaying,
  fact: FactOf<"event.published" | "event.received" | "event.refused">,
  {
    recorded,
    today,
  }: { readonly recorded: string | undefined; readonly today: string | undefined },
): void {
  if (today === recorded) return;
  const { topic } = fact.payload;
  const message =
    today === undefined
      ? `Today the event of ${topic} would be let through.`
      : `Today the event of ${topic} would be refused: ${today}.`;
  differ(replaying, fact, {
    what: "event",
    message,
    recorded: recorded ?? null,
    today: today ?? null,
  });
}

/** An event from elsewhere: today the workflow must take events of its topic, and their data must keep to its contract. */
export function compareReceived(replaying: Replaying, fact: FactOf<"event.received">): void {
  const { topic } = fact.payload;
  const today = takenTopic(replaying.definition, topic);
  if (today === undefined) {
    const message = `Today no event of ${topic} would be taken.`;
    return differ(replaying, fact, { what: "event", message, recorded: topic });
  }
  const refused = overLimitOnArrival(replaying.run, fact.payload)?.code;
  compareCodes(replaying, fact, { recorded: undefined, today: refused });
  compareContract(replaying, fact, today.contract, `The event of ${topic}`);
}

function takenTopic(
  { choreography, steps }: WorkflowDefinition,
  name: string,
): TopicDefinition | undefined {
  for (const step of steps)
    if (step.kind === "event" && step.topic.name === name) return step.topic;
  if (choreography === undefined) return undefined;
  const { starts, ends, failsOn, subscribers, topics } = choreography;
  const isTaken =
    subscribers.has(name) || [starts, ends, failsOn].some((each) => each?.name === name);
  return isTaken ? topics.get(name) : undefined;
}

/** The event that a step awaited: today the same one must be the first that matches. */
export function compareAwaited(
  replaying: Replaying,
  fact: FactOf<"step.sealed">,
  step: AwaitEventStep,
): void {
  const { value = null, payload, causation } = fact;
  if (payload.timedOut === true) {
    const { onTimeout } = step;
    if (onTimeout.kind === "value" && sameJson(value, onTimeout.value)) return;
    const message = "Today the timeout would end otherwise.";
    return differ(replaying, fact, {
      what: "timer",
      message,
      recorded: value,
      today: onTimeout.kind,
    });
  }
  const { view } = viewOf(replaying.run, step.needs);
  for (const event of eventsOn(replaying.run, step.topic.name)) {
    const matches = tryCall("matches", () => step.matches?.(event.data, view) ?? true);
    if (!matches.ok) return saysRefused(replaying, fact, matches);
    if (!matches.value) continue;
    if (event.seq === causation?.seq) return;
    break;
  }
  const message = "Today the step would take another event, or none.";
  const recorded: Json = causation === undefined ? null : sealJson(causation, "causation");
  differ(replaying, fact, { what: "event", message, recorded });
}
