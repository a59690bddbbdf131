/**
 * Subscriptions: deliveries of events to agents, or to workflows that become runs of their own.
 *
 * L1. A delivery's outcome, and the events that follow from it, are said in one turn.
 * L2. A delivery that can't be handled holds up those behind it in its line, and nothing else.
 */
import type { Failure, Position } from "../../model/entry.ts";
import type { Delivery, Performing, Run } from "../../model/run.ts";
import type { SubscriptionStep, View } from "../../model/workflow-definition.ts";
import type { Violation } from "../../model/violation.ts";
import { deadlineOf } from "../deadline.ts";
import { deliveryView, hopsTo, isFirstInLine } from "../bus.ts";
import {
  type AttemptOutcome,
  execute,
  isWaitedFor,
  mayCall,
  recordFailure,
  sealing,
} from "../call.ts";
import { gateOn, refusalFailure, tryCall, tryChecked, tryInput } from "../handoff.ts";
import { failStep } from "../refusal.ts";
import { parkCall, readsAt } from "../parking.ts";
import { causeAt, publish, type Publishing, tryEvent } from "../publish.ts";
import { type Deliberation, ENGINE, laterTurn, say } from "../turn.ts";
import { childOf, childRunId } from "./child.ts";
import type { StepOf, StepRules } from "./rules.ts";

/** What the rules of a delivery work with. */
interface Place {
  readonly step: SubscriptionStep;
  readonly path: string;
  readonly delivery: Delivery;
}

export const subscriptionRules: StepRules<StepOf<"subscription">> = {
  // Nothing is to be done before an event comes.
  begin: () => {},
  sealed: (turn, step, performing, outcome) => {
    const delivery = turn.run.bus?.deliveries.get(outcome.path);
    if (delivery === undefined) return;
    const place = { step, path: outcome.path, delivery };
    const { view } = deliveryView(turn.run, step, delivery);
    const events = eventsOf(step, outcome.output, view);
    if (!events.ok) return outcomeRefused(turn, place, performing, outcome, events);
    const { seq } = say(turn, { kind: "step.sealed", ...sealing(performing, outcome) });
    publishAll(turn, place, events.value, seq);
  },
  givenUp: (turn, step, path, error) => unhandled(turn, step, path, error, step.onFailure.kind),
  discarded: (turn, step, path) => skip(turn, step, path, "discarded"),
};

/** Looks at a delivery: begins what can begin. */
export function proceedDelivery(turn: Deliberation, path: string, delivery: Delivery): void {
  const { run } = turn;
  const step = run.definition.stepByName.get(delivery.step);
  if (step?.kind !== "subscription") return;
  const state = run.steps.get(path);
  const place = { step, path, delivery };
  if (state?.kind === "open") return isWaitedFor(run, path) ? undefined : startChild(turn, place);
  if (state !== undefined || !isFirstInLine(run, delivery, path)) return;
  if (!mayCall(run, path, turn.nowMs)) return;
  begin(turn, place);
}

function begin(turn: Deliberation, place: Place): void {
  const { step, path, delivery } = place;
  const { view, reads } = deliveryView(turn.run, step, delivery);
  const outdated = outdatedIn(turn.run, step, place.path, delivery);
  if (outdated.length > 0) return refuse(turn, place, outdated, reads);
  const passed = gateOn(step, view, reads);
  if (passed.kind === "skip") return skip(turn, step, path, "when");
  if (passed.kind === "refused") return refuse(turn, place, passed.violations, reads);
  if (step.target.kind === "workflow") {
    say(turn, {
      kind: "step.opened",
      path,
      turn: turnOf(turn.run, path),
      by: ENGINE,
      reads,
      payload: { step: "subflow", run: childRunId(turn.run, path) },
    });
    return;
  }
  const { agent } = step.target;
  const input = tryInput(agent.input, `input of ${path}`, () => step.input(view));
  if (!input.ok) return refuse(turn, place, input.violations, reads);
  execute(turn, { step: step.name, path, agent, input: input.value, reads });
}

/** What of events that were published under another version of their topic's contract does not fit the one that code has here. */
export function outdatedIn(
  run: Run,
  step: SubscriptionStep,
  path: string,
  delivery: Delivery,
): readonly Violation[] {
  const violations: Violation[] = [];
  for (const [name, { contract }] of step.topics) {
    const seq = delivery.events[name];
    const event = seq === undefined ? undefined : run.bus?.events.get(seq);
    if (event === undefined || event.contract === contract.id) continue;
    const checked = tryChecked(contract, event.data, `event of ${path}`);
    if (!checked.ok) violations.push(...checked.violations);
  }
  return violations;
}

/** Records that a handoff was refused, and follows the subscription's policy. */
function refuse(
  turn: Deliberation,
  { step, path }: Place,
  violations: readonly Violation[],
  reads: Performing["reads"],
): void {
  const { kind } = step.onRefusal;
  say(turn, {
    kind: "handoff.refused",
    path,
    turn: turnOf(turn.run, path),
    by: ENGINE,
    reads,
    payload: { violations, then: { kind } },
  });
  unhandled(turn, step, path, refusalFailure(path, violations), kind, "refused");
}

function unhandled(
  turn: Deliberation,
  step: SubscriptionStep,
  path: string,
  error: Failure,
  kind: SubscriptionStep["onFailure"]["kind"],
  because: "failed" | "refused" = "failed",
  causation?: Position,
): void {
  if (kind === "fail") return failStep(turn, path, error, undefined, path, causation);
  if (kind === "skip") return skip(turn, step, path, because, causation);
  const attempt = turn.run.calls.get(path)?.failedAttempts ?? 0;
  const place = { path, turn: turnOf(turn.run, path), attempt, inputHash: undefined };
  const reads = readsAt(turn.run, step, path);
  parkCall(turn, step, { ...place, reads, causation }, { because, error });
}

function skip(
  turn: Deliberation,
  step: SubscriptionStep,
  path: string,
  reason: "when" | "refused" | "failed" | "discarded",
  causation?: Position,
): void {
  const reads = readsAt(turn.run, step, path);
  say(turn, {
    kind: "step.skipped",
    path,
    ...laterTurn(turn.run, path),
    by: ENGINE,
    reads,
    ...(causation === undefined ? {} : { causation }),
    payload: { reason },
  });
}

/** Of a delivery that a run of its own handles, and that a person had begun again. */
function turnOf(run: Run, path: string): number {
  return run.turns.get(path) ?? 0;
}

/** What a delivery would publish. */
export type DeliveryEvents =
  | { readonly ok: true; readonly value: readonly Publishing[] }
  | { readonly ok: false; readonly topic: string; readonly violations: readonly Violation[] };

/** The events that follow from an output, all of them checked before any is published. */
export function eventsOf(step: SubscriptionStep, output: unknown, view: View): DeliveryEvents {
  const value: Publishing[] = [];
  for (const { topic, data } of step.publishes) {
    // What an agent or a workflow gives is JSON, by the time it comes here.
    const event = tryEvent(topic, `event of ${topic.name}`, () => data(output as never, view));
    if (!event.ok) return { ...event, topic: topic.name };
    if (event.value !== undefined) value.push(event.value);
  }
  return { ok: true, value };
}

type RefusedEvents = Extract<DeliveryEvents, { readonly ok: false }>;

function publishingRefused(path: string, { topic, violations }: RefusedEvents): Failure {
  const [first] = violations;
  const place = first === undefined || first.path === "" ? "" : ` at ${first.path}`;
  const message = `What ${path} would publish to ${topic} was refused${place}: ${first?.message ?? ""}`;
  return { code: "CONTRACT_VIOLATED", message, violations };
}

/** The agent's output is good, and what it would publish is not: the attempt has failed, and may be made again. */
function outcomeRefused(
  turn: Deliberation,
  { step, path }: Place,
  performing: Performing,
  outcome: Extract<AttemptOutcome, { readonly kind: "sealed" }>,
  events: RefusedEvents,
): void {
  const error = publishingRefused(path, events);
  // What a person has done by hand is not done again by the agent: the person is told.
  if (step.target.kind !== "agent" || outcome.by !== undefined)
    return unhandled(turn, step, path, error, "deadLetter");
  const { output: _, kind: __, by: ___, ...told } = outcome;
  const actor = outcome.behind?.fallback?.agent ?? step.target.agent;
  // It has acted: one that may do so only once is not asked for another output.
  const final = actor.delivery === "at-most-once";
  const failed = { ...told, kind: "attemptFailed", error, final, random: 0 } as const;
  const { givenUp } = recordFailure(turn, performing, step.target.agent, failed);
  if (givenUp && turn.run.phase.kind === "going")
    unhandled(turn, step, path, error, step.onFailure.kind);
}

function publishAll(
  turn: Deliberation,
  { path, delivery }: Place,
  events: readonly Publishing[],
  sealedSeq: number,
): void {
  const hops = hopsTo(turn.run, delivery) + 1;
  for (const event of events) {
    const after = { hops, causation: causeAt(turn, sealedSeq) };
    if (publish(turn, path, event, after) === undefined) return;
  }
}

/**
 * Ends what has been gathered for as long as it may. What comes at that very millisecond, or later, is too late, though the timer
 * may not have been heard yet: so each gathering can be judged by the times of its events alone.
 */
export function endGatherings(turn: Deliberation): void {
  const { run } = turn;
  if (run.bus === undefined || run.phase.kind !== "going") return;
  const nowMs = Math.max(run.at, turn.nowMs);
  for (const [name, { settled, dueAt }] of run.bus.gatherings) {
    const step = run.definition.stepByName.get(name);
    if (settled || dueAt === undefined || dueAt > nowMs || step?.kind !== "subscription") continue;
    endGathering(turn, step);
    if (run.phase.kind !== "going") return;
  }
}

/** The time for the events that are still missing is over. */
export function endGathering(turn: Deliberation, step: SubscriptionStep): void {
  const { run } = turn;
  const gathered = run.bus?.gatherings.get(step.name);
  if (gathered === undefined || gathered.settled) return;
  const missing = [...step.topics].filter(([name]) => gathered.events[name] === undefined);
  const names = missing.map(([, { name }]) => name).join(", ");
  if (step.onMissing !== "goOn") {
    const message = `${step.name} waited for ${names}, which did not come in time.`;
    return failStep(turn, step.name, { code: "EVENT_MISSING", message });
  }
  const seq = Math.max(...Object.values(gathered.events));
  say(turn, {
    kind: "step.opened",
    path: `${step.name}#${seq}`,
    turn: 0,
    by: ENGINE,
    payload: { step: "gathering", events: gathered.events },
  });
}

function startChild(turn: Deliberation, { step, path, delivery }: Place): void {
  const { run } = turn;
  const state = run.steps.get(path);
  if (state?.kind !== "open" || step.target.kind !== "workflow" || run.performing.has(path)) return;
  const { view, reads } = deliveryView(run, step, delivery);
  const input = tryCall("input", () => step.input(view));
  if (!input.ok) return refuse(turn, { step, path, delivery }, input.violations, reads);
  const turnNo = turnOf(run, path);
  run.performing.set(path, { step: step.name, turn: turnNo, attempt: 0, reads, agent: undefined });
  turn.commands.push({
    kind: "startChild",
    path,
    run: childOf(state),
    workflow: step.target.workflow,
    input: input.value,
    hops: hopsTo(run, delivery),
    deadlineAt: deadlineOf(run, step.name)?.at,
  });
}

/** The run that a delivery started has come to its end. */
export function deliveryChildEnded(
  turn: Deliberation,
  step: SubscriptionStep,
  path: string,
  outcome: Parameters<NonNullable<StepRules<SubscriptionStep>["childEnded"]>>[4],
): void {
  const { run } = turn;
  const delivery = run.bus?.deliveries.get(path);
  const state = run.steps.get(path);
  if (delivery === undefined || state?.kind !== "open") return;
  const child = childOf(state);
  if (outcome.kind !== "completed") {
    if (run.phase.kind !== "going") return;
    const error =
      outcome.kind === "refused" ? refusalFailure(path, outcome.violations) : outcome.error;
    const told = { ...error, message: `Run ${child}: ${error.message}` };
    return unhandled(turn, step, path, told, step.onFailure.kind);
  }
  const { view, reads } = deliveryView(run, step, delivery);
  const events = eventsOf(step, outcome.output, view);
  const causation = { stream: `run/${child}`, seq: outcome.seq };
  // A run that is ending publishes nothing that is broken; what its child did may have to be undone all the same.
  const isGoing = run.phase.kind === "going";
  if (!events.ok && isGoing) {
    // By its cause it is known that the child has done its work, though nothing was made of it.
    const error = publishingRefused(path, events);
    return unhandled(turn, step, path, error, step.onFailure.kind, "failed", causation);
  }
  const { seq } = say(turn, {
    kind: "step.sealed",
    path,
    turn: turnOf(run, path),
    by: ENGINE,
    reads,
    causation,
    payload: {},
    value: outcome.output,
  });
  if (events.ok) publishAll(turn, { step, path, delivery }, events.value, seq);
}

/** Whether a choreography has come to its end: nothing is left to deliver, and its end, if it has one, was published. */
export function hasConcluded(run: Run): boolean {
  const { choreography } = run.definition;
  if (choreography === undefined) return true;
  if (choreography.ends !== undefined) return run.bus?.end !== undefined;
  for (const [name, { settled }] of run.bus?.gatherings ?? []) {
    const step = run.definition.stepByName.get(name);
    // The time for what is missing is not over.
    if (!settled && step?.kind === "subscription" && step.withinMs !== undefined) return false;
  }
  return true;
}
