/** Steps that wait for somebody: an approval, an awaited signal. Journal order settles an answer against the timeout. */
import type { Json } from "../../model/json.ts";
import { sealJson } from "../../model/json.ts";
import { positionOf, type ReceivedSignal } from "../../model/run.ts";
import { eventsOn } from "../bus.ts";
import { tryCall, tryChecked, viewOf } from "../handoff.ts";
import { failStep, refuse } from "../refusal.ts";
import { type Deliberation, ENGINE, laterTurn, say } from "../turn.ts";
import { open, sealOpen } from "./opening.ts";
import type { OpenState, StepOf, StepRules } from "./rules.ts";

interface Waiting {
  readonly name: string;
  readonly timeoutMs?: number;
  readonly remindEveryMs?: number;
}

export const approvalRules: StepRules<StepOf<"approval">> = {
  begin: (turn, step) =>
    open(turn, step, (view) =>
      tryCall("show", () => ({
        opening: { step: "approval", ...moments(turn, step) },
        value: sealJson(step.show(view), `what ${step.name} shows`),
      })),
    ),
  proceed: (turn, step, state) => {
    const answer = turn.run.signals.get(step.name);
    if (answer === undefined) return;
    const { approved, reason } = readAnswer(answer.value);
    if (!approved && step.onDeclined === "fail")
      return failStep(turn, step.name, declined(step.name, answer.by.id, reason));
    sealAnswer(
      turn,
      step.name,
      state,
      answer,
      approvalOutput(approved, answer.by.id, reason, false),
    );
  },
  due: (turn, step, state) => {
    if (!isDue(turn, step.name, state)) return;
    if (step.onTimeout === "fail") return failStep(turn, step.name, timeoutFailure(step.name));
    if (step.onTimeout === "refused" && step.onDeclined === "fail")
      return failStep(turn, step.name, declined(step.name, "timeout", null));
    sealOpen(
      turn,
      step.name,
      state,
      approvalOutput(step.onTimeout === "approved", "timeout", null, true),
      { timedOut: true },
    );
  },
};

export const signalRules: StepRules<StepOf<"signal">> = {
  begin: (turn, step) =>
    open(turn, step, () => ({
      ok: true,
      value: { opening: { step: "signal", ...moments(turn, step) } },
    })),
  proceed: (turn, step, state) => {
    const signal = turn.run.signals.get(step.name);
    if (signal !== undefined) sealAnswer(turn, step.name, state, signal, signal.value);
  },
  due: (turn, step, state) => {
    if (isDue(turn, step.name, state)) endInTime(turn, step, state);
  },
};

function endInTime(
  turn: Deliberation,
  { name, onTimeout }: StepOf<"signal"> | StepOf<"event">,
  state: OpenState,
): void {
  if (onTimeout.kind === "fail") return failStep(turn, name, timeoutFailure(name));
  if (onTimeout.kind === "value")
    return sealOpen(turn, name, state, onTimeout.value, { timedOut: true });
  say(turn, {
    kind: "step.skipped",
    path: name,
    ...laterTurn(turn.run, name),
    by: ENGINE,
    reads: state.reads,
    payload: { reason: "timeout" },
  });
}

export const eventRules: StepRules<StepOf<"event">> = {
  begin: (turn, step) =>
    open(turn, step, () => ({
      ok: true,
      value: { opening: { step: "event", ...moments(turn, step) } },
    })),
  proceed: (turn, step, state) => {
    const { view } = viewOf(turn.run, step.needs);
    const { contract } = step.topic;
    for (const event of eventsOn(turn.run, step.topic.name)) {
      if (event.contract !== contract.id) {
        const checked = tryChecked(contract, event.data, `event of ${step.name}`);
        if (!checked.ok) return refuse(turn, step, checked.violations, state.reads);
      }
      const matches = tryCall("matches", () => step.matches?.(event.data, view) ?? true);
      if (!matches.ok) return refuse(turn, step, matches.violations, state.reads);
      if (!matches.value) continue;
      const causation = positionOf(turn.run, event.seq);
      return sealOpen(turn, step.name, state, event.data, { causation });
    }
  },
  due: (turn, step, state) => {
    if (isDue(turn, step.name, state)) endInTime(turn, step, state);
  },
};

/** A reminder is due: it is recorded with the time of the next, and somebody is told. */
export function remind(
  turn: Deliberation,
  step: StepOf<"approval"> | StepOf<"signal"> | StepOf<"event">,
): void {
  if (step.remindEveryMs === undefined) return;
  const remindAt = Math.max(turn.run.at, turn.nowMs) + step.remindEveryMs;
  say(turn, {
    kind: "reminder.due",
    path: step.name,
    ...laterTurn(turn.run, step.name),
    by: ENGINE,
    payload: { remindAt },
  });
  turn.commands.push({ kind: "remind", step: step.name });
}

function moments(
  turn: Deliberation,
  step: Waiting,
): { readonly dueAt?: number; readonly remindAt?: number } {
  const from = Math.max(turn.run.at, turn.nowMs);
  return {
    ...(step.timeoutMs === undefined ? {} : { dueAt: from + step.timeoutMs }),
    ...(step.remindEveryMs === undefined ? {} : { remindAt: from + step.remindEveryMs }),
  };
}

/** Whether the timeout settles the step. An answer that is in the journal already has come before it. */
function isDue(turn: Deliberation, step: string, { opening }: OpenState): boolean {
  if (turn.run.signals.has(step)) return false;
  const isWaiting =
    opening.step === "approval" || opening.step === "signal" || opening.step === "event";
  return isWaiting && opening.dueAt !== undefined && opening.dueAt <= turn.nowMs;
}

function timeoutFailure(step: string): { readonly code: string; readonly message: string } {
  return { code: "WAIT_TIMEOUT", message: `${step} was not answered in time.` };
}

function declined(
  step: string,
  by: string,
  reason: string | null,
): { readonly code: string; readonly message: string } {
  const why = reason === null ? "" : `: ${reason}`;
  return { code: "APPROVAL_DECLINED", message: `${step} was declined by ${by}${why}.` };
}

function readAnswer(value: Json): { readonly approved: boolean; readonly reason: string | null } {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { approved: false, reason: null };
  // An object that is neither null nor a list is a JsonObject; Array.isArray does not narrow read-only lists away.
  const answer = value as { readonly approved?: Json; readonly reason?: Json };
  return {
    approved: answer.approved === true,
    reason: typeof answer.reason === "string" ? answer.reason : null,
  };
}

function approvalOutput(
  approved: boolean,
  by: string,
  reason: string | null,
  timedOut: boolean,
): Json {
  return Object.freeze({ approved, by, reason, timedOut });
}

function sealAnswer(
  turn: Deliberation,
  path: string,
  state: OpenState,
  signal: ReceivedSignal,
  value: Json,
): void {
  const causation = positionOf(turn.run, signal.seq);
  sealOpen(turn, path, state, value, { by: signal.by, causation });
}
