/** What replay compares of a refused handoff: that today's code refuses it too, and what follows. */
import { deliveryView, eventsOn } from "../decide/bus.ts";
import { outdatedIn } from "../decide/steps/subscription.ts";
import { tryEvent } from "../decide/publish.ts";
import { gate, gateOn, type Tried, tryCall, tryInput } from "../decide/handoff.ts";
import type { FactOf } from "../model/entry.ts";
import { checkWidth } from "../decide/steps/map.ts";
import type { Limits } from "../model/limits.ts";
import { parseIsoTime } from "../model/iso-time.ts";
import { type Json, sealJson } from "../model/json.ts";
import type { Run } from "../model/run.ts";
import type {
  AwaitEventStep,
  EmitStep,
  StepDefinition,
  SubscriptionStep,
  View,
} from "../model/workflow-definition.ts";
import { callOf, takenCase, untilHolds } from "../decide/step-call.ts";
import { differ, type Replaying } from "./replay-difference.ts";

/** A refused handoff: today it must be refused too, and lead on in the same way. */
export function compareRefusal(
  replaying: Replaying,
  fact: FactOf<"handoff.refused">,
  step: StepDefinition,
): void {
  const { then, violations } = fact.payload;
  const path = fact.path ?? step.name;
  // What a refused signal held is not recorded; it can't be judged again.
  if (then.kind === "goOn" && path === step.name) return;
  if (todaysRefusal(replaying.run, step, path).ok) {
    const recorded = sealJson(violations, "violations");
    return differ(replaying, fact, {
      what: "requirement",
      message: "Today the handoff would not be refused.",
      recorded,
    });
  }
  if (then.kind === "goOn") return;
  const policy = step.kind === "subscription" ? step.onRefusal : step.onRefused;
  const isSame =
    policy.kind === "sendBack"
      ? then.kind === "fail" ||
        (then.kind === "sendBack" &&
          then.to === policy.to &&
          made(replaying.run, then) <= policy.turns)
      : then.kind === policy.kind;
  if (isSame) return;
  differ(replaying, fact, {
    what: "requirement",
    message: "Today another policy would follow the refusal.",
    recorded: then.kind,
    today: policy.kind,
  });
}

/** How often a step was sent back since it began, or began anew. */
function made(run: Run, { to, turn }: { readonly to: string; readonly turn: number }): number {
  return turn - (run.restarts.get(to) ?? 0);
}

/** Whether today's code would let the handoff to a path pass, in the state that was recorded. */
function todaysRefusal(run: Run, step: StepDefinition, path: string): Tried<unknown> {
  if (step.kind === "subscription") return todaysDelivery(run, step, path);
  const passed = gate(run, step);
  if (passed.kind === "refused") return { ok: false, violations: passed.violations };
  if (passed.kind === "skip") return { ok: true, value: undefined };
  const { view } = passed;
  const isOpen = run.steps.get(step.name)?.kind === "open";
  switch (step.kind) {
    case "branch": {
      if (!isOpen) return chosenCase(step, view);
      const taken = takenCase(run, step);
      return taken?.kind === "workflow"
        ? tryCall("input", () => taken.input(view))
        : todaysInput(run, step, path);
    }
    case "map":
      return isOpen
        ? todaysInput(run, step, path)
        : tryCall("over", () => listOf(step.over(view), step.name, run.limits));
    case "repeat": {
      const { until } = untilHolds(run, step);
      return until?.ok === false ? until : todaysInput(run, step, path);
    }
    case "sleep": {
      const { wake } = step;
      return tryCall("until", () => (wake.kind === "at" ? parseIsoTime(wake.at(view)) : undefined));
    }
    case "approval":
      return tryCall("show", () => sealJson(step.show(view), `what ${step.name} shows`));
    case "subflow":
      return tryCall("input", () => step.input(view));
    case "agent":
      return todaysInput(run, step, path);
    case "emit":
      return emitted(step, view);
    case "event":
      return firstMatch(run, step, view);
    case "signal":
      return { ok: true, value: undefined };
  }
}

/** Nothing to publish is a refusal too. */
function emitted(step: EmitStep, view: View): Tried<unknown> {
  const event = tryEvent(step.topic, "data", () => step.data(view));
  return event.ok && event.value === undefined ? { ok: false, violations: [] } : event;
}

function firstMatch(run: Run, step: AwaitEventStep, view: View): Tried<unknown> {
  for (const { data } of eventsOn(run, step.topic.name)) {
    const matches = tryCall("matches", () => step.matches?.(data, view) ?? true);
    if (!matches.ok || matches.value) return matches;
  }
  return { ok: true, value: undefined };
}

function todaysDelivery(run: Run, step: SubscriptionStep, path: string): Tried<unknown> {
  const delivery = run.bus?.deliveries.get(path);
  if (delivery === undefined) return { ok: true, value: undefined };
  const outdated = outdatedIn(run, step, path, delivery);
  if (outdated.length > 0) return { ok: false, violations: outdated };
  const { view, reads } = deliveryView(run, step, delivery);
  const passed = gateOn(step, view, reads);
  if (passed.kind === "refused") return { ok: false, violations: passed.violations };
  if (passed.kind === "skip") return { ok: true, value: undefined };
  // What a workflow refuses to be started with is found by its own run.
  return step.target.kind === "workflow"
    ? tryCall("input", () => step.input(view))
    : todaysInput(run, step, path);
}

function chosenCase(
  step: Extract<StepDefinition, { kind: "branch" }>,
  view: Parameters<typeof step.choose>[0],
): Tried<unknown> {
  return tryCall("choose", () => {
    const chosen = step.choose(view);
    if (!step.cases.has(chosen))
      throw new RangeError(`"${chosen}" is not one of the cases of ${step.name}`);
    return chosen;
  });
}

/** A list that is wider than it may be is refused. */
function listOf(value: unknown, step: string, { mapWidthMax }: Limits): Json {
  const list = sealJson(value, `list of ${step}`);
  checkWidth(step, Array.isArray(list) ? list.length : -1, mapWidthMax);
  return list;
}

function todaysInput(run: Run, step: StepDefinition, path: string): Tried<unknown> {
  const call = callOf(run, step, path);
  return call === undefined
    ? { ok: true, value: undefined }
    : tryInput(call.agent.input, `input of ${path}`, call.map);
}
