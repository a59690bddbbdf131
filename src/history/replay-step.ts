/** What replay compares of a step that has passed its gate: what was produced, by whom, on which input, and how it ended. */
import { tryInput } from "../decide/handoff.ts";
import { canonicalJson } from "../journal/canonical.ts";
import { sha256Hex } from "../journal/hash.ts";
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { FallbackMark } from "../model/breaker.ts";
import type { AnyContract } from "../model/contract.ts";
import { type Fact, type FactOf } from "../model/entry.ts";
import { gateKind } from "../model/gate.ts";
import type { Json } from "../model/json.ts";
import { sameJson } from "../model/json-pointer.ts";
import type { Run } from "../model/run.ts";
import type { RepeatStep, StepDefinition } from "../model/workflow-definition.ts";
import { fallbackOf } from "../model/workflow-parts.ts";
import { calledAt, callOf, takenCase, untilHolds } from "../decide/step-call.ts";
import { afterLost, afterUnknown, unprobed } from "../decide/unknown.ts";
import { compareContract, differ, type Replaying, saysRefused } from "./replay-difference.ts";
import { compareInTime, compareMissed, comparePause } from "./replay-deadline.ts";
import { compareGathering, compareUnhandled } from "./replay-delivery.ts";
import { announce, compareAwaited } from "./replay-event.ts";
import { compareOpening } from "./replay-opening.ts";

/** Compares an entry of a step that has passed its gate. */
export function compareStep(replaying: Replaying, fact: Fact, step: StepDefinition): void {
  switch (fact.kind) {
    case "step.opened":
      if (step.kind === "subscription") return compareGathering(replaying, fact, step);
      return compareOpening(replaying, fact, step);
    case "step.sealed":
      compareInTime(replaying, fact, step);
      return compareSealed(replaying, fact, step);
    case "step.carried":
      return compareProduced(replaying, fact, step);
    case "item.sealed":
      return compareItem(replaying, fact, step);
    case "item.failed":
      compareMissed(replaying, fact, step);
      if (step.kind === "map" && step.failures === "settled") return;
      return differ(replaying, fact, {
        what: "step",
        message: "Today one failed item fails the step.",
      });
    case "attempt.failed":
      return compareAttempt(replaying, fact, step);
    case "attempt.begun":
      return compareBegun(replaying, fact, step);
    case "attempt.unknown":
      return compareUnknown(replaying, fact, step);
    case "attempt.probed":
      return compareProbed(replaying, fact, step);
    case "attempt.held":
      return compareHeld(replaying, fact, step);
    case "step.skipped":
      if (step.kind === "subscription") return compareUnhandled(replaying, fact, step);
      return compareTimeout(replaying, fact, step);
    case "step.parked":
      if (step.kind === "subscription") compareUnhandled(replaying, fact, step);
      return;
    case "step.failed":
      if (step.kind === "subscription") return compareUnhandled(replaying, fact, step);
      compareMissed(replaying, fact, step);
      return compareLimit(replaying, fact, step);
    default:
      return;
  }
}

function compareSealed(
  replaying: Replaying,
  fact: FactOf<"step.sealed">,
  step: StepDefinition,
): void {
  const { value = null, payload } = fact;
  if (step.kind === "repeat") compareEnd(replaying, fact, step);
  if (fact.agent !== undefined) compareCall(replaying, fact, step);
  if (step.kind === "subscription") announce(replaying, fact, step);
  if (step.kind === "event") compareAwaited(replaying, fact, step);
  if (payload.timedOut !== true) return compareProduced(replaying, fact, step);
  if (step.kind === "approval") {
    const today = step.onTimeout === "fail" ? "fail" : step.onTimeout === "approved";
    const recorded = isObject(value) ? (value["approved"] ?? null) : null;
    if (recorded !== today)
      differ(replaying, fact, {
        what: "timer",
        message: "Today the timeout would end otherwise.",
        recorded,
        today,
      });
  }
  if (step.kind === "signal") {
    const { onTimeout } = step;
    const isSame = onTimeout.kind === "value" && sameJson(value, onTimeout.value);
    if (!isSame)
      differ(replaying, fact, {
        what: "timer",
        message: "Today the timeout would end otherwise.",
        recorded: value,
        today: onTimeout.kind,
      });
  }
}

/** Whether today's contract of whoever produced a step's output takes it. */
function compareProduced(
  replaying: Replaying,
  fact: FactOf<"step.sealed" | "step.carried">,
  step: StepDefinition,
): void {
  const contract = producerContract(replaying.run, step);
  if (contract !== undefined)
    compareContract(replaying, fact, contract, `The output of ${step.name}`);
}

function producerContract(run: Run, step: StepDefinition): AnyContract | undefined {
  if (step.kind === "agent") return step.agent.output;
  if (step.kind === "subflow") return step.workflow.output;
  if (step.kind === "signal") return step.contract;
  if (step.kind === "event") return step.topic.contract;
  if (step.kind === "subscription")
    return step.target.kind === "agent" ? step.target.agent.output : step.target.workflow.output;
  if (step.kind !== "branch") return undefined;
  const taken = takenCase(run, step);
  return taken?.kind === "agent" ? taken.agent.output : taken?.workflow.output;
}

function compareItem(
  replaying: Replaying,
  fact: FactOf<"item.sealed">,
  step: StepDefinition,
): void {
  if (step.kind !== "map" && step.kind !== "repeat") return;
  if (step.kind === "repeat") compareRound(replaying, fact, step);
  compareCall(replaying, fact, step);
  compareContract(replaying, fact, step.agent.output, `The output of ${fact.path}`);
}

/** One call of an agent: which agent, and on what. */
function compareCall(
  replaying: Replaying,
  fact: FactOf<"step.sealed" | "item.sealed" | "attempt.failed" | "attempt.unknown">,
  step: StepDefinition,
): void {
  const call = callOf(replaying.run, step, fact.path ?? step.name, replaying.givenUp);
  if (call === undefined) {
    return differ(replaying, fact, {
      what: "step",
      message: `Today a ${step.kind} calls no agent there.`,
      recorded: fact.agent,
    });
  }
  const { fallback } = fact.payload;
  if (fallback !== undefined) compareFallback(replaying, fact, call.agent, fallback);
  else if (fact.agent !== undefined && !isCalled(call.agent, fact)) {
    differ(replaying, fact, {
      what: "agent",
      message: "Today another agent would be called.",
      recorded: fact.agent,
      today: call.agent.id,
    });
  }
  if (fact.inputHash === undefined) return;
  const input = tryInput(call.agent.input, `input of ${fact.path}`, call.map);
  if (!input.ok) return saysRefused(replaying, fact, input);
  const today = sha256Hex(canonicalJson(input.value));
  if (today !== fact.inputHash) {
    differ(replaying, fact, {
      what: "inputHash",
      message: "Today the agent would be given another input.",
      recorded: fact.inputHash,
      today,
    });
  }
}

/** What is recorded of a lost attempt names a fallback by its agent alone. */
function isCalled(agent: AgentDefinition, fact: Fact): boolean {
  const isLost = fact.kind === "attempt.unknown" && fact.payload.lost === true;
  for (let each = isLost ? fallbackOf(agent) : undefined; each !== undefined; ) {
    if (each.id === fact.agent) return true;
    each = fallbackOf(each);
  }
  return agent.id === fact.agent;
}

/** What becomes of a call of unknown outcome is the policy of the agent that was called. */
function compareUnknown(
  replaying: Replaying,
  fact: FactOf<"attempt.unknown">,
  step: StepDefinition,
): void {
  compareCall(replaying, fact, step);
  const { run } = replaying;
  const { path = step.name, payload } = fact;
  const agent = calledAt(run, step, path, fact.agent);
  // How many deaths a call is parked for is a setting of the process that recorded it.
  const isPoison = payload.then === "ask" && (run.suspicions.get(path)?.deaths ?? 0) > 0;
  const today = payload.lost ? afterLost(run, step, agent) : afterUnknown(run, agent);
  if (today === payload.then || isPoison) return;
  const message = "Today something else would become of a call whose outcome is not known.";
  differ(replaying, fact, { what: "delivery", message, recorded: payload.then, today });
}

function compareProbed(
  replaying: Replaying,
  fact: FactOf<"attempt.probed">,
  step: StepDefinition,
): void {
  const { run } = replaying;
  const { path = step.name, payload } = fact;
  const agent = calledAt(run, step, path, fact.agent);
  if (agent?.probe === undefined && payload.error?.code !== "PROBE_GONE") {
    const message = "Today no probe would be asked.";
    return differ(replaying, fact, { what: "delivery", message, recorded: payload.answer });
  }
  if (payload.then === undefined || payload.then === "end") return;
  const today = unprobed(agent);
  if (today === payload.then) return;
  const message = "Today something else would become of a call that no probe can tell about.";
  differ(replaying, fact, { what: "delivery", message, recorded: payload.then, today });
}

/** An intent is recorded of at-most-once agents, and of calls that a process may have died of. */
function compareBegun(
  replaying: Replaying,
  fact: FactOf<"attempt.begun">,
  step: StepDefinition,
): void {
  const { path = step.name } = fact;
  const agent = calledAt(replaying.run, step, path, fact.agent);
  if (agent === undefined || agent.id !== fact.agent) {
    const message = "Today another agent would be called.";
    differ(replaying, fact, {
      what: "agent",
      message,
      recorded: fact.agent,
      today: agent?.id ?? null,
    });
  }
}

/** Whether a breaker was open is what was recorded; who stands in then, and that it waits, is today's code. */
function compareFallback(
  replaying: Replaying,
  fact: Fact,
  agent: AgentDefinition,
  recorded: FallbackMark,
): void {
  let today = agent.id === recorded.for ? fallbackOf(agent) : undefined;
  while (today !== undefined && today.id !== fact.agent) today = fallbackOf(today);
  if (today !== undefined) return;
  differ(replaying, fact, {
    what: "breaker",
    message: `Today ${fact.agent} is not the fallback of ${agent.id}.`,
    recorded: fact.agent,
    today: fallbackOf(agent)?.id ?? agent.id,
  });
}

function compareHeld(
  replaying: Replaying,
  fact: FactOf<"attempt.held">,
  step: StepDefinition,
): void {
  const call = callOf(replaying.run, step, fact.path ?? step.name);
  const recorded = fact.payload.gate;
  // That a call had to wait for its turn decides nothing of how a run goes.
  if (gateKind(recorded) === "rate") return;
  let agent = call?.agent;
  while (agent !== undefined) {
    const { breaker } = agent;
    // A probe waits, whatever the agent says of its other calls.
    const waits =
      breaker?.whenOpen.kind === "wait" || replaying.run.unknowns.has(fact.path ?? step.name);
    if (breaker !== undefined && `breaker/${breaker.name}` === recorded && waits) return;
    const budgets = [...(agent.budgets ?? []), ...(replaying.run.definition.budgets ?? [])];
    if (budgets.some((each) => `budget/${each.name}` === recorded && each.whenSpent === "wait"))
      return;
    agent = fallbackOf(agent);
  }
  const message = `Today the call would not wait at ${recorded}.`;
  differ(replaying, fact, { what: "breaker", message, recorded });
}

/** A round after the first: today the repeat must not have ended before it. */
function compareRound(replaying: Replaying, fact: Fact, step: RepeatStep): void {
  const { rounds, until } = untilHolds(replaying.run, step);
  if (until === undefined) return;
  if (!until.ok) return saysRefused(replaying, fact, until);
  if (until.value)
    differ(replaying, fact, {
      what: "until",
      message: `Today the repeat would end after ${rounds} rounds.`,
    });
  else if (rounds >= step.limit)
    differ(replaying, fact, { what: "until", message: `Today the limit is ${step.limit} rounds.` });
}

/** The end of a repeat: today it must end there too, and in that way. */
function compareEnd(replaying: Replaying, fact: Fact, step: RepeatStep): void {
  const { rounds, until } = untilHolds(replaying.run, step);
  if (until === undefined) return;
  if (!until.ok) return saysRefused(replaying, fact, until);
  const ends = until.value || (rounds >= step.limit && step.atLimit === "last");
  if (!ends)
    differ(replaying, fact, {
      what: "until",
      message: `Today the repeat would not end with its result after ${rounds} rounds.`,
    });
}

function compareLimit(
  replaying: Replaying,
  fact: FactOf<"step.failed">,
  step: StepDefinition,
): void {
  if (step.kind !== "repeat" || fact.payload.error.code !== "REPEAT_LIMIT") return;
  const { rounds, until } = untilHolds(replaying.run, step);
  const fails =
    until?.ok === true && !until.value && rounds >= step.limit && step.atLimit === "fail";
  if (!fails)
    differ(replaying, fact, {
      what: "until",
      message: `Today the repeat would not fail after ${rounds} rounds.`,
    });
}

function compareAttempt(
  replaying: Replaying,
  fact: FactOf<"attempt.failed">,
  step: StepDefinition,
): void {
  compareCall(replaying, fact, step);
  comparePause(replaying, fact, step);
  const call = callOf(replaying.run, step, fact.path ?? step.name, replaying.givenUp);
  // Attempts that were lost with their process, or made before a person asked for more, are not counted.
  const uncounted = replaying.run.calls.get(fact.path ?? step.name)?.uncounted ?? 0;
  const attempt = (fact.attempt ?? 1) - uncounted;
  if (
    call === undefined ||
    fact.payload.retryAt === undefined ||
    attempt < call.agent.retry.attempts
  )
    return;
  const message = `Today attempt ${attempt} would have been the last.`;
  differ(replaying, fact, {
    what: "retry",
    message,
    recorded: attempt,
    today: call.agent.retry.attempts,
  });
}

function compareTimeout(
  replaying: Replaying,
  fact: FactOf<"step.skipped">,
  step: StepDefinition,
): void {
  if (fact.payload.reason !== "timeout") return;
  const waits = step.kind === "signal" || step.kind === "event";
  const today = waits ? step.onTimeout.kind : step.kind;
  if (today !== "skip")
    differ(replaying, fact, {
      what: "timer",
      message: "Today the timeout would end otherwise.",
      recorded: "skip",
      today,
    });
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
