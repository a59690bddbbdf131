/** What replay compares of a step, by its kind: its opening, its inputs, its outputs, its refusals. */
import { parsePath } from "../decide/evolve.ts";
import { gate, type Tried, tryCall, tryInput, viewOf } from "../decide/handoff.ts";
import { canonicalJson } from "../journal/canonical.ts";
import { sha256Hex } from "../journal/hash.ts";
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { AnyContract } from "../model/contract.ts";
import type { Fact, FactOf } from "../model/entry.ts";
import { parseIsoTime } from "../model/iso-time.ts";
import { type Json, sealJson } from "../model/json.ts";
import { sameJson } from "../model/json-pointer.ts";
import type { Items, Run } from "../model/run.ts";
import type { RepeatStep, StepDefinition } from "../model/workflow-definition.ts";
import { compareContract, type ReplayDifference, type Replaying } from "./replay-difference.ts";

type What = ReplayDifference["what"];

/** Compares an entry of a step that has passed its gate. */
export function compareStep(replaying: Replaying, fact: Fact, step: StepDefinition): void {
  switch (fact.kind) {
    case "step.opened":
      return compareOpening(replaying, fact, step);
    case "step.sealed":
      return compareSealed(replaying, fact, step);
    case "step.carried":
      return compareProduced(replaying, fact, step);
    case "item.sealed":
      return compareItem(replaying, fact, step);
    case "item.failed":
      if (step.kind === "map" && step.failures === "settled") return;
      return say(replaying, fact, "step", "Today one failed item fails the step.");
    case "attempt.failed":
      return compareAttempt(replaying, fact, step);
    case "step.skipped":
      return compareTimeout(replaying, fact, step);
    case "step.failed":
      return compareLimit(replaying, fact, step);
    default:
      return;
  }
}

function compareOpening(
  replaying: Replaying,
  fact: FactOf<"step.opened">,
  step: StepDefinition,
): void {
  const { payload: opening, value = null } = fact;
  if (opening.step !== step.kind) {
    return say(
      replaying,
      fact,
      "step",
      `Today the step is a ${step.kind}.`,
      opening.step,
      step.kind,
    );
  }
  const { view } = viewOf(replaying.run, step.needs);
  if (step.kind === "branch" && opening.step === "branch") {
    const chosen = tryCall("choose", () => step.choose(view));
    if (!chosen.ok) return saysRefused(replaying, fact, chosen);
    if (chosen.value === opening.case) return;
    return say(
      replaying,
      fact,
      "branch",
      "Today another case would be chosen.",
      opening.case,
      chosen.value,
    );
  }
  if (step.kind === "map" && opening.step === "map") {
    const list = tryCall("over", () => sealJson(step.over(view), `list of ${step.name}`));
    if (!list.ok) return saysRefused(replaying, fact, list);
    const width = Array.isArray(list.value) ? list.value.length : -1;
    if (width !== opening.width) {
      return say(
        replaying,
        fact,
        "width",
        "Today the list has another length.",
        opening.width,
        width,
      );
    }
    if (!sameJson(list.value, value))
      say(replaying, fact, "width", "Today the list has other items.", value, list.value);
    return;
  }
  if (step.kind === "sleep" && step.wake.kind === "at" && opening.step === "sleep") {
    const { at } = step.wake;
    const dueAt = tryCall("until", () => parseIsoTime(at(view)));
    if (!dueAt.ok) return saysRefused(replaying, fact, dueAt);
    if (dueAt.value === opening.dueAt) return;
    return say(
      replaying,
      fact,
      "timer",
      "Today it would wake at another time.",
      opening.dueAt,
      dueAt.value,
    );
  }
  if (step.kind !== "approval") return;
  const shown = tryCall("show", () => sealJson(step.show(view), `what ${step.name} shows`));
  if (!shown.ok) return saysRefused(replaying, fact, shown);
  if (!sameJson(shown.value, value)) {
    say(
      replaying,
      fact,
      "shown",
      "Today the person would be shown something else.",
      value,
      shown.value,
    );
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
  if (payload.timedOut !== true) return compareProduced(replaying, fact, step);
  if (step.kind === "approval") {
    const today = step.onTimeout === "fail" ? "fail" : step.onTimeout === "approved";
    const recorded = isObject(value) ? (value["approved"] ?? null) : null;
    if (recorded !== today)
      say(replaying, fact, "timer", "Today the timeout would end otherwise.", recorded, today);
  }
  if (step.kind === "signal") {
    const { onTimeout } = step;
    const isSame = onTimeout.kind === "value" && sameJson(value, onTimeout.value);
    if (!isSame)
      say(
        replaying,
        fact,
        "timer",
        "Today the timeout would end otherwise.",
        value,
        onTimeout.kind,
      );
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
  if (step.kind !== "branch") return undefined;
  const taken = takenCase(run, step);
  return taken?.kind === "agent" ? taken.agent.output : taken?.workflow.output;
}

function takenCase(run: Run, step: Extract<StepDefinition, { kind: "branch" }>) {
  const state = run.steps.get(step.name);
  const opening =
    state?.kind === "open" && state.opening.step === "branch" ? state.opening : undefined;
  return opening === undefined ? undefined : step.cases.get(opening.case);
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
  fact: FactOf<"step.sealed" | "item.sealed" | "attempt.failed">,
  step: StepDefinition,
): void {
  const call = callOf(replaying.run, step, fact.path ?? step.name);
  if (call === undefined) {
    return say(replaying, fact, "step", `Today a ${step.kind} calls no agent there.`, fact.agent);
  }
  if (fact.agent !== undefined && fact.agent !== call.agent.id) {
    say(
      replaying,
      fact,
      "agent",
      "Today another agent would be called.",
      fact.agent,
      call.agent.id,
    );
  }
  if (fact.inputHash === undefined) return;
  const input = tryInput(call.agent.input, `input of ${fact.path}`, call.map);
  if (!input.ok) return saysRefused(replaying, fact, input);
  const today = sha256Hex(canonicalJson(input.value));
  if (today !== fact.inputHash) {
    say(
      replaying,
      fact,
      "inputHash",
      "Today the agent would be given another input.",
      fact.inputHash,
      today,
    );
  }
}

interface Call {
  readonly agent: AgentDefinition;
  readonly map: () => unknown;
}

/** The call that a path stands for today, given what was recorded so far. */
function callOf(run: Run, step: StepDefinition, path: string): Call | undefined {
  const { view } = viewOf(run, step.needs);
  const { index } = parsePath(path);
  const items = itemsOf(run, step);
  switch (step.kind) {
    case "agent":
      return { agent: step.agent, map: () => step.input(view) };
    case "map":
      return { agent: step.agent, map: () => step.input(items?.list[index] ?? null, index, view) };
    case "repeat":
      return {
        agent: step.agent,
        map: () => step.input(view, roundOutput(items, index - 1), index),
      };
    case "branch": {
      const taken = takenCase(run, step);
      return taken?.kind === "agent"
        ? { agent: taken.agent, map: () => taken.input(view) }
        : undefined;
    }
    default:
      return undefined;
  }
}

function itemsOf(run: Run, step: StepDefinition): Items | undefined {
  const state = run.steps.get(step.name);
  return state?.kind === "open" ? state.items : undefined;
}

function roundOutput(items: Items | undefined, round: number): Json | undefined {
  const result = items?.results[round];
  return result?.ok === true ? result.value : undefined;
}

/** Whether the rule of a repeat holds after the newest round; undefined before the first. */
function untilHolds(
  run: Run,
  step: RepeatStep,
): { readonly rounds: number; readonly until?: Tried<boolean> } {
  const items = itemsOf(run, step);
  const rounds = items?.settled ?? 0;
  const last = roundOutput(items, rounds - 1);
  if (last === undefined) return { rounds };
  const { view } = viewOf(run, step.needs);
  return { rounds, until: tryCall("until", () => step.until(last, rounds - 1, view)) };
}

/** A round after the first: today the repeat must not have ended before it. */
function compareRound(replaying: Replaying, fact: Fact, step: RepeatStep): void {
  const { rounds, until } = untilHolds(replaying.run, step);
  if (until === undefined) return;
  if (!until.ok) return saysRefused(replaying, fact, until);
  if (until.value)
    say(replaying, fact, "until", `Today the repeat would end after ${rounds} rounds.`);
  else if (rounds >= step.limit)
    say(replaying, fact, "until", `Today the limit is ${step.limit} rounds.`);
}

/** The end of a repeat: today it must end there too, and in that way. */
function compareEnd(replaying: Replaying, fact: Fact, step: RepeatStep): void {
  const { rounds, until } = untilHolds(replaying.run, step);
  if (until === undefined) return;
  if (!until.ok) return saysRefused(replaying, fact, until);
  const ends = until.value || (rounds >= step.limit && step.atLimit === "last");
  if (!ends)
    say(
      replaying,
      fact,
      "until",
      `Today the repeat would not end with its result after ${rounds} rounds.`,
    );
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
    say(replaying, fact, "until", `Today the repeat would not fail after ${rounds} rounds.`);
}

function compareAttempt(
  replaying: Replaying,
  fact: FactOf<"attempt.failed">,
  step: StepDefinition,
): void {
  compareCall(replaying, fact, step);
  const call = callOf(replaying.run, step, fact.path ?? step.name);
  const attempt = fact.attempt ?? 1;
  if (
    call === undefined ||
    fact.payload.retryAt === undefined ||
    attempt < call.agent.retry.attempts
  )
    return;
  const message = `Today attempt ${attempt} would have been the last.`;
  say(replaying, fact, "retry", message, attempt, call.agent.retry.attempts);
}

function compareTimeout(
  replaying: Replaying,
  fact: FactOf<"step.skipped">,
  step: StepDefinition,
): void {
  if (fact.payload.reason !== "timeout") return;
  const today = step.kind === "signal" ? step.onTimeout.kind : step.kind;
  if (today !== "skip")
    say(replaying, fact, "timer", "Today the timeout would end otherwise.", "skip", today);
}

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
    return say(replaying, fact, "requirement", "Today the handoff would not be refused.", recorded);
  }
  if (then.kind === "goOn") return;
  const policy = step.onRefused;
  const isSame =
    policy.kind === "sendBack"
      ? then.kind === "fail" ||
        (then.kind === "sendBack" && then.to === policy.to && then.turn <= policy.turns)
      : then.kind === policy.kind;
  if (isSame) return;
  say(
    replaying,
    fact,
    "requirement",
    "Today another policy would follow the refusal.",
    then.kind,
    policy.kind,
  );
}

/** Whether today's code would let the handoff to a path pass, in the state that was recorded. */
function todaysRefusal(run: Run, step: StepDefinition, path: string): Tried<unknown> {
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
        : tryCall("over", () => listOf(step.over(view), step.name));
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
    case "signal":
      return { ok: true, value: undefined };
  }
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

function listOf(value: unknown, step: string): readonly Json[] {
  const list = sealJson(value, `list of ${step}`);
  if (!Array.isArray(list))
    throw new TypeError(`over of ${step} gave something that is not a list`);
  return list;
}

function todaysInput(run: Run, step: StepDefinition, path: string): Tried<unknown> {
  const call = callOf(run, step, path);
  return call === undefined
    ? { ok: true, value: undefined }
    : tryInput(call.agent.input, `input of ${path}`, call.map);
}

/** Today a user function or a contract refuses what passed when it was recorded. */
function saysRefused(
  replaying: Replaying,
  fact: Fact,
  tried: Tried<unknown> & { readonly ok: false },
): void {
  const today = sealJson(tried.violations, "violations");
  say(replaying, fact, "requirement", "Today the handoff would be refused.", fact.inputHash, today);
}

function say(
  replaying: Replaying,
  fact: Fact,
  what: What,
  message: string,
  recorded?: Json,
  today?: Json,
): void {
  replaying.differ({
    seq: fact.seq,
    path: fact.path ?? "",
    what,
    message,
    ...(recorded === undefined ? {} : { recorded }),
    ...(today === undefined ? {} : { today }),
  });
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
