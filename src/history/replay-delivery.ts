/** What replay compares of deliveries: that today's subscription makes them, of the same events, through the same gate and policy. */
import { deliveryView, isFirstInLine } from "../decide/bus.ts";
import { gateOn } from "../decide/handoff.ts";
import { hasConcluded } from "../decide/steps/subscription.ts";
import type { Fact, FactOf } from "../model/entry.ts";
import { sealJson } from "../model/json.ts";
import { sameJson } from "../model/json-pointer.ts";
import type { SubscriptionStep } from "../model/workflow-definition.ts";
import { differ, type Replaying } from "./replay-difference.ts";

/** Whether today's code makes the delivery at a path; says so, once, where it doesn't. */
export function isDelivered(replaying: Replaying, fact: Fact, step: SubscriptionStep): boolean {
  const { path = step.name } = fact;
  if (path === step.name || replaying.run.bus?.deliveries.has(path) === true) return true;
  // The first entry of a delivery without the others is what makes it.
  if (fact.kind === "step.opened" && fact.payload.step === "gathering") return true;
  if (replaying.seen.has(path)) return false;
  replaying.seen.add(path);
  const topics = [...step.topics.values()].map(({ name }) => name).join(" and ");
  const message = `Today ${step.name} would not be given that event: it takes ${topics}.`;
  differ(replaying, fact, { what: "step", message, recorded: path });
  return false;
}

/** The first entry of a delivery shows that its gate was decided. */
export function compareDelivered(replaying: Replaying, fact: Fact, step: SubscriptionStep): void {
  const { run, seen } = replaying;
  const { path = step.name } = fact;
  const delivery = run.bus?.deliveries.get(path);
  if (delivery === undefined || seen.has(`${path}:gate`)) return;
  seen.add(`${path}:gate`);
  if (!isFirstInLine(run, delivery, path)) {
    const message = `Today ${path} waits for an event of its key that came before it.`;
    differ(replaying, fact, { what: "order", message });
  }
  const { view, reads } = deliveryView(run, step, delivery);
  if (fact.reads !== undefined && !sameJson({ ...fact.reads }, reads)) {
    const message = "Today the delivery would be made of other events.";
    const recorded = sealJson(fact.reads, "reads");
    differ(replaying, fact, { what: "event", message, recorded, today: sealJson(reads, "reads") });
  }
  compareTime(replaying, fact, step, delivery.events);
  const wasSkipped = fact.kind === "step.skipped" && fact.payload.reason === "when";
  // A run that ends fails what it was about to deliver, and nobody asks the gate.
  if (fact.kind === "step.failed") return;
  const passed = gateOn(step, view, reads);
  if (passed.kind === "refused") {
    const today = sealJson(passed.violations, "violations");
    const message = `Today the handoff to ${path} would be refused.`;
    return differ(replaying, fact, { what: "requirement", message, today });
  }
  const isSkipped = passed.kind === "skip";
  if (isSkipped === wasSkipped) return;
  const message = `Today ${path} would ${isSkipped ? "" : "not "}be skipped.`;
  differ(replaying, fact, { what: "skipped", message, recorded: wasSkipped, today: isSkipped });
}

/** Events that were gathered must have come in the time that today's subscription gives them. */
function compareTime(
  replaying: Replaying,
  fact: Fact,
  { withinMs, topics }: SubscriptionStep,
  events: Readonly<Record<string, number>>,
): void {
  const times = Object.values(events).map((seq) => replaying.facts[seq]?.at ?? 0);
  if (withinMs === undefined || times.length < topics.size || topics.size < 2) return;
  const [first, last] = [Math.min(...times), Math.max(...times)];
  if (last <= first + withinMs) return;
  const message = "Today the last of its events would have come too late.";
  differ(replaying, fact, { what: "timer", message, recorded: last, today: first + withinMs });
}

/** A delivery of what had come when the time for the others was over. */
export function compareGathering(
  replaying: Replaying,
  fact: FactOf<"step.opened">,
  step: SubscriptionStep,
): void {
  const { payload } = fact;
  if (payload.step !== "gathering") {
    if (payload.step === "subflow" && step.target.kind === "workflow") return;
    const message = `Today the subscription is to ${step.target.kind === "agent" ? "an agent" : "a workflow"}.`;
    return differ(replaying, fact, { what: "step", message, recorded: payload.step });
  }
  const gathered = replaying.run.bus?.gatherings.get(step.name);
  const recorded = sealJson(payload.events, "events");
  if (gathered === undefined || !sameJson({ ...gathered.events }, recorded)) {
    const message = "Today the subscription would have gathered other events.";
    return differ(replaying, fact, { what: "event", message, recorded });
  }
  compareMissing(replaying, fact, step, gathered.events);
}

/** The time for what is missing was over, by today's subscription, and this follows from it. */
export function compareMissing(
  replaying: Replaying,
  fact: FactOf<"step.opened" | "step.failed">,
  step: SubscriptionStep,
  events: Readonly<Record<string, number>>,
): void {
  const policy = fact.kind === "step.opened" ? "goOn" : "fail";
  const today = step.onMissing ?? "fail";
  if (today !== policy) {
    const message = "Today something else would follow from an event that did not come in time.";
    differ(replaying, fact, { what: "timer", message, recorded: policy, today });
  }
  const first = Math.min(...Object.values(events).map((seq) => replaying.facts[seq]?.at ?? 0));
  const dueAt = step.withinMs === undefined ? null : first + step.withinMs;
  if (dueAt !== null && dueAt <= fact.at) return;
  const message = "Today the other events would still be waited for.";
  differ(replaying, fact, { what: "timer", message, recorded: fact.at, today: dueAt });
}

/** What became of a delivery that could not be handled must be what today's policy says. */
export function compareUnhandled(
  replaying: Replaying,
  fact: FactOf<"step.parked" | "step.skipped" | "step.failed">,
  step: SubscriptionStep,
): void {
  const { path = step.name } = fact;
  if (fact.kind === "step.failed" && path === step.name) {
    const gathered = replaying.run.bus?.gatherings.get(step.name);
    if (fact.payload.error.code !== "EVENT_MISSING" || gathered === undefined) return;
    return compareMissing(replaying, fact, step, gathered.events);
  }
  const found = policyFollowed(replaying, fact, path);
  if (found === undefined) return;
  const today = (found.because === "refused" ? step.onRefusal : step.onFailure).kind;
  if (today === found.policy) return;
  const what = found.because === "refused" ? "requirement" : "retry";
  const message = `Today another policy would follow a delivery that ${found.because === "refused" ? "was refused" : "failed"}.`;
  differ(replaying, fact, { what, message, recorded: found.policy, today });
}

function policyFollowed(
  { seen, run }: Replaying,
  fact: FactOf<"step.parked" | "step.skipped" | "step.failed">,
  path: string,
): { readonly policy: string; readonly because: "refused" | "failed" } | undefined {
  if (fact.kind === "step.failed") {
    // Deadlines and people end deliveries too; a refusal has been compared where it stands.
    if (fact.payload.deadlineAt !== undefined || fact.by.kind === "person") return undefined;
    if (run.parked.has(path) || seen.has(`${path}:resolved`)) return undefined;
    return seen.has(`${path}:refused`) ? undefined : { policy: "fail", because: "failed" };
  }
  const because = fact.kind === "step.parked" ? fact.payload.because : fact.payload.reason;
  // A refusal's own entry has said what follows.
  if (because !== "failed") return undefined;
  return { policy: fact.kind === "step.parked" ? "deadLetter" : "skip", because };
}

/** What today's choreography would still have to deliver, or wait for, where the run ended. */
export function compareConclusion(replaying: Replaying, fact: FactOf<"run.completed">): void {
  const { run, definition } = replaying;
  for (const [path, { step }] of run.bus?.deliveries ?? []) {
    if (run.steps.get(path)?.kind === "sealed" || run.steps.get(path)?.kind === "skipped") continue;
    const event = run.bus?.events.get(Number(path.slice(path.lastIndexOf("#") + 1)));
    const message = `Today ${step} would be given the event ${event?.id ?? path} of ${event?.topic ?? "its topic"}, and the run ended without.`;
    differ(replaying, { ...fact, path }, { what: "step", message });
  }
  if (!hasConcluded(run)) {
    const topic = definition.choreography?.ends?.name ?? "";
    const message = `Today the run would wait for an event of ${topic}.`;
    return differ(replaying, fact, { what: "event", message, today: topic });
  }
  const { value = null } = fact;
  const today = run.bus?.end?.data ?? null;
  if (sameJson(value, today)) return;
  const message = "Today the run would give another output.";
  differ(replaying, fact, { what: "output", message, recorded: value, today });
}
