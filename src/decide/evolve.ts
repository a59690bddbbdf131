/**
 * evolve: what each kind of entry does to a run. No I/O, no clock, no chance, and no user function: what those gave is in
 * the entry. Every kind has its line in the table, so that a new one which nobody handles does not compile.
 */
import type { EntryKind, Fact, FactOf, PlannedCompensation } from "../model/entry.ts";
import { invariant } from "../model/errors.ts";
import type { Json } from "../model/json.ts";
import { settleDelivery, takeEvent, takeGathering } from "./bus.ts";
import type { Items, Rollback, Run, StepState } from "../model/run.ts";

const EVOLVE: { readonly [K in EntryKind]: (run: Run, fact: FactOf<K>) => void } = {
  "run.started": started,
  "run.refused": (run, fact) => {
    run.phase = { kind: "refused", violations: fact.payload.violations };
  },
  "run.resumed": (run, fact) => {
    run.incarnation = fact.payload.incarnation;
    if (run.phase.kind === "blocked") run.phase = { kind: "going" };
  },
  "run.blocked": (run, fact) => {
    // A run that is being wound down needs no code for that, and must not be going again once it has been blocked.
    if (run.phase.kind === "going" || run.phase.kind === "blocked") {
      run.phase = { kind: "blocked", missing: fact.payload.missing };
    }
  },
  "run.completed": (run, fact) => {
    run.phase = { kind: "completed", output: valueOf(fact) };
  },
  "run.failed": (run, fact) => {
    run.phase = { kind: "failed", step: fact.payload.step, error: fact.payload.error };
  },
  "run.cancelling": (run, fact) => {
    run.phase = { kind: "cancelling", reason: fact.payload.reason };
  },
  "run.cancelled": (run, fact) => {
    run.phase = { kind: "cancelled", reason: fact.payload.reason };
  },
  "run.compensating": compensating,
  "run.compensated": (run, fact) => {
    run.phase = { kind: "compensated", ...fact.payload };
  },
  "run.parked": (run, fact) => {
    run.phase = { kind: "parked", ...fact.payload };
  },
  "compensation.sealed": (run, fact) => settleCompensation(run, fact),
  "compensation.failed": compensationFailed,
  "compensation.held": compensationHeld,
  "compensation.resolved": compensationResolved,
  "step.sealed": (run, fact) => seal(run, fact),
  "step.carried": (run, fact) => seal(run, fact),
  "step.skipped": (run, fact) => {
    const step = pathOf(fact);
    run.steps.set(step, SKIPPED);
    settle(run, step);
  },
  "step.opened": opened,
  "step.failed": (run, fact) => {
    const step = pathOf(fact);
    run.steps.set(step, FAILED);
    if (run.phase.kind === "going")
      run.phase = { kind: "failing", step, error: fact.payload.error };
  },
  "step.parked": (run, fact) => {
    const path = pathOf(fact);
    const { turn = 0, attempt = 0 } = fact;
    run.unknowns.delete(path);
    run.parked.set(path, { step: parsePath(path).step, turn, attempt, ...fact.payload });
  },
  "step.resolved": stepResolved,
  "item.sealed": (run, fact) => settleItem(run, pathOf(fact), { ok: true, value: valueOf(fact) }),
  "item.failed": (run, fact) =>
    settleItem(run, pathOf(fact), { ok: false, error: fact.payload.error }),
  "attempt.failed": attemptFailed,
  "attempt.begun": begun,
  "attempt.unknown": attemptUnknown,
  "attempt.held": held,
  "handoff.refused": handoffRefused,
  "once.recorded": (run, fact) => {
    const key = `${pathOf(fact)}:${fact.turn ?? 0}`;
    const names = run.onces.get(key) ?? new Map<string, Json>();
    run.onces.set(key, names.set(fact.payload.name, valueOf(fact)));
  },
  "signal.received": (run, fact) => {
    const step = pathOf(fact);
    run.signalIds.add(`${step}:${fact.payload.id}`);
    // The first answer counts; a later one is recorded, and that is all.
    if (!run.signals.has(step))
      run.signals.set(step, {
        id: fact.payload.id,
        by: fact.by,
        value: valueOf(fact),
        seq: fact.seq,
      });
    run.agenda.add(step);
  },
  "reminder.due": (run, fact) => {
    remindAt(run, pathOf(fact), fact.payload.remindAt);
  },
  "event.published": takeEvent,
  "event.received": takeEvent,
  "event.refused": (run, fact) => {
    const { error } = fact.payload;
    if (run.phase.kind === "going")
      run.phase = { kind: "failing", step: parsePath(pathOf(fact)).step, error };
  },
  "subscription.opened": notOfARun,
  "subscription.moved": notOfARun,
  "subscription.paused": notOfARun,
  "subscription.resumed": notOfARun,
  "subscription.rewound": notOfARun,
  "workflow.registered": notOfARun,
  "breaker.opened": notOfARun,
  "breaker.halfOpened": notOfARun,
  "breaker.closed": notOfARun,
};

function notOfARun(_run: Run, fact: Fact): void {
  invariant(false, `${fact.kind} stands in a stream of its own, never in a run's.`);
}

const SEALED: StepState = { kind: "sealed" };
const SKIPPED: StepState = { kind: "skipped" };
const FAILED: StepState = { kind: "failed" };

/** Applies one fact to the run that the caller owns, and gives it back. Facts come in order of `seq`, without gaps. */
export function evolve(run: Run, fact: Fact): Run {
  invariant(fact.seq === run.seq + 1, `Run ${run.id}: entry ${fact.seq} came after ${run.seq}.`);
  // The table's own type says that each kind meets its handler; TypeScript can't follow the correlation through an index.
  (EVOLVE[fact.kind] as (run: Run, fact: Fact) => void)(run, fact);
  run.seq = fact.seq;
  run.at = fact.at;
  return run;
}

function started(run: Run, fact: FactOf<"run.started">): void {
  run.phase = { kind: "going" };
  run.manifest = fact.payload.manifest;
  run.inputHash = fact.inputHash;
  run.parent = fact.payload.parent;
  run.version = 0;
  run.values.set("input", { value: valueOf(fact), seq: fact.seq, version: 0, turn: 0 });
  run.correlation = fact.payload.correlation ?? run.id;
  // What a choreography does follows from its events.
  if (run.definition.choreography !== undefined) return;
  for (const step of run.definition.steps) {
    let unmet = 0;
    for (const key of step.needs) if (key !== "input") unmet += 1;
    if (unmet === 0) run.agenda.add(step.name);
    else run.unmetNeeds.set(step.name, unmet);
  }
}

function compensating(run: Run, fact: FactOf<"run.compensating">): void {
  run.phase = { kind: "compensating", ...fact.payload };
  const pending = new Map<string, PlannedCompensation>();
  const pendingOf = new Map<string, number>();
  // The plan is written by the saga alone, in this very form.
  for (const planned of valueOf(fact) as unknown as readonly PlannedCompensation[]) {
    const { step } = parsePath(planned.path);
    pending.set(`${planned.path}:${planned.turn}`, planned);
    pendingOf.set(step, (pendingOf.get(step) ?? 0) + 1);
  }
  run.rollback = { pending, pendingOf, states: new Map(), byHand: [], skipped: [] };
}

function rollbackOf(run: Run): Rollback {
  invariant(run.rollback !== undefined, `Run ${run.id} compensates without going back.`);
  return run.rollback;
}

function settleCompensation(run: Run, fact: Fact): void {
  const path = pathOf(fact);
  const { pending, pendingOf, states } = rollbackOf(run);
  const key = `${path}:${fact.turn ?? 0}`;
  const { step } = parsePath(path);
  states.delete(key);
  if (pending.delete(key)) pendingOf.set(step, (pendingOf.get(step) ?? 1) - 1);
}

function compensationFailed(run: Run, fact: FactOf<"compensation.failed">): void {
  const { states } = rollbackOf(run);
  const key = `${pathOf(fact)}:${fact.turn ?? 0}`;
  const { retryAt, error } = fact.payload;
  states.set(key, {
    attempts: fact.attempt ?? 1,
    before: states.get(key)?.before ?? 0,
    retryAt,
    error: retryAt === undefined ? error : undefined,
  });
  if (retryAt !== undefined) run.timers.push({ dueAt: retryAt, kind: "compensate", key });
}

function compensationHeld(run: Run, fact: FactOf<"compensation.held">): void {
  const { states } = rollbackOf(run);
  const key = `${pathOf(fact)}:${fact.turn ?? 0}`;
  const { gate, dueAt } = fact.payload;
  const before = states.get(key)?.before ?? 0;
  // The attempt has not been made.
  const attempts = (fact.attempt ?? 1) - 1;
  states.set(key, { attempts, before, retryAt: dueAt, error: undefined, gate });
  run.timers.push({ dueAt, kind: "compensate", key });
}

function compensationResolved(run: Run, fact: FactOf<"compensation.resolved">): void {
  const { states, byHand, skipped } = rollbackOf(run);
  const path = pathOf(fact);
  if (run.phase.kind === "parked") {
    const { paths: _, ...reason } = run.phase;
    run.phase = { ...reason, kind: "compensating" };
  }
  if (fact.payload.action === "retry") {
    const key = `${path}:${fact.turn ?? 0}`;
    const attempts = states.get(key)?.attempts ?? 0;
    states.set(key, { attempts, before: attempts, retryAt: undefined, error: undefined });
    return;
  }
  (fact.payload.action === "done" ? byHand : skipped).push(path);
  settleCompensation(run, fact);
}

function seal(run: Run, fact: FactOf<"step.sealed" | "step.carried">): void {
  const step = pathOf(fact);
  run.version += 1;
  run.values.set(step, {
    value: valueOf(fact),
    seq: fact.seq,
    version: run.version,
    turn: fact.turn ?? 0,
  });
  run.steps.set(step, SEALED);
  forgetCall(run, step, fact.turn ?? 0);
  settle(run, step);
}

function opened(run: Run, fact: FactOf<"step.opened">): void {
  const step = pathOf(fact);
  const opening = fact.payload;
  if (opening.step === "gathering") return gathered(run, step, opening.events);
  const list = opening.step === "map" && Array.isArray(fact.value) ? fact.value : [];
  const items: Items | undefined =
    opening.step === "map" || opening.step === "repeat"
      ? { list, results: new Array(list.length), settled: 0, next: 0, executing: 0, again: [] }
      : undefined;
  run.steps.set(step, { kind: "open", opening, seq: fact.seq, reads: fact.reads ?? {}, items });
  if (opening.step === "sleep") run.timers.push({ dueAt: opening.dueAt, kind: "wake", step });
  if (opening.step === "approval" || opening.step === "signal" || opening.step === "event") {
    if (opening.dueAt !== undefined) run.timers.push({ dueAt: opening.dueAt, kind: "wake", step });
    if (opening.remindAt !== undefined) remindAt(run, step, opening.remindAt);
  }
  run.agenda.add(step);
}

function gathered(run: Run, path: string, events: Readonly<Record<string, number>>): void {
  const step = run.definition.stepByName.get(parsePath(path).step);
  if (step?.kind === "subscription") takeGathering(run, step, events);
}

/** The timers of earlier reminders stay in the queue when a journal is folded anew; only this one counts. */
function remindAt(run: Run, step: string, dueAt: number): void {
  run.reminders.set(step, dueAt);
  run.timers.push({ dueAt, kind: "remind", step });
}

function settleItem(run: Run, path: string, result: NonNullable<Items["results"][number]>): void {
  const { step, index } = parsePath(path);
  const state = run.steps.get(step);
  forgetCall(run, path, 0);
  // The step has failed over another item meanwhile: this one was under way, and is kept for the record.
  if (state?.kind === "failed") return;
  invariant(
    state?.kind === "open" && state.items !== undefined,
    `Run ${run.id}: item ${path} of a step that is not open.`,
  );
  state.items.results[index] = result;
  state.items.settled += 1;
  run.agenda.add(step);
}

function attemptFailed(run: Run, fact: FactOf<"attempt.failed">): void {
  const path = pathOf(fact);
  const { step } = parsePath(path);
  const { retryAt, error } = fact.payload;
  const attempt = fact.attempt ?? 1;
  // What a refusal said stays said, also when an attempt after it fails for another reason.
  const feedback = error.violations ?? run.calls.get(path)?.feedback ?? [];
  const uncounted = run.calls.get(path)?.uncounted;
  run.calls.set(path, {
    failedAttempts: attempt,
    retryAt,
    feedback,
    ...(uncounted === undefined ? {} : { uncounted }),
  });
  run.holds.delete(path);
  if (run.intents.size > 0) run.intents.delete(path);
  if (retryAt !== undefined)
    run.timers.push({ dueAt: retryAt, kind: "retry", step, path, attempt });
}

function begun(run: Run, fact: FactOf<"attempt.begun">): void {
  const path = pathOf(fact);
  const { turn = 0, attempt = 1, reads = {}, agent, inputHash } = fact;
  const { step } = parsePath(path);
  run.intents.set(path, { step, turn, attempt, reads, agent, inputHash });
}

function attemptUnknown(run: Run, fact: FactOf<"attempt.unknown">): void {
  const path = pathOf(fact);
  const { step } = parsePath(path);
  const { turn = 0, attempt = 1 } = fact;
  const { error, then, lost } = fact.payload;
  const known = run.calls.get(path);
  const uncounted = (known?.uncounted ?? 0) + (lost === true ? 1 : 0);
  const feedback = error.violations ?? known?.feedback ?? [];
  run.intents.delete(path);
  run.holds.delete(path);
  run.calls.set(path, { failedAttempts: attempt, retryAt: undefined, feedback, uncounted });
  if (then === "probe") run.unknowns.set(path, { step, turn, attempt, error });
  if (then === "probe" || then === "retry") run.agenda.add(onAgenda(run, path));
}

function stepResolved(run: Run, fact: FactOf<"step.resolved">): void {
  const path = pathOf(fact);
  run.parked.delete(path);
  if (fact.payload.action !== "retry") return;
  const call = run.calls.get(path);
  if (call !== undefined)
    run.calls.set(path, { ...call, retryAt: undefined, uncounted: call.failedAttempts });
  run.agenda.add(onAgenda(run, path));
}

/** As what a path is looked at: a delivery by itself, all else by its step. */
export function onAgenda(run: Run, path: string): string {
  return run.bus?.deliveries.has(path) === true ? path : parsePath(path).step;
}

function held(run: Run, fact: FactOf<"attempt.held">): void {
  const path = pathOf(fact);
  const { step } = parsePath(path);
  const { gate, dueAt } = fact.payload;
  run.holds.set(path, { step, gate, turn: fact.turn ?? 0, attempt: fact.attempt ?? 1, dueAt });
  run.timers.push({ dueAt, kind: "held", step, path });
}

function handoffRefused(run: Run, fact: FactOf<"handoff.refused">): void {
  const { then, violations } = fact.payload;
  if (then.kind !== "sendBack") return;
  const { to, turn } = then;
  run.turns.set(to, turn);
  run.steps.delete(to);
  run.values.delete(to);
  run.unsettledSteps += 1;
  run.calls.set(to, { failedAttempts: 0, retryAt: undefined, feedback: violations });
  // Nobody but the refusing step can have read the turn (the builder sees to it), so its readers simply wait again.
  for (const dependent of run.definition.dependents.get(to) ?? []) {
    run.unmetNeeds.set(dependent, (run.unmetNeeds.get(dependent) ?? 0) + 1);
    run.agenda.delete(dependent);
  }
  run.agenda.add(to);
}

function settle(run: Run, step: string): void {
  if (run.bus !== undefined) settleDelivery(run, step);
  run.unsettledSteps -= 1;
  run.signals.delete(step);
  run.reminders.delete(step);
  for (const dependent of run.definition.dependents.get(step) ?? []) {
    const unmet = (run.unmetNeeds.get(dependent) ?? 0) - 1;
    if (unmet > 0) {
      run.unmetNeeds.set(dependent, unmet);
    } else {
      run.unmetNeeds.delete(dependent);
      run.agenda.add(dependent);
    }
  }
}

function forgetCall(run: Run, path: string, turn: number): void {
  run.calls.delete(path);
  run.holds.delete(path);
  if (run.intents.size > 0) run.intents.delete(path);
  if (run.unknowns.size > 0) run.unknowns.delete(path);
  if (run.onces.size > 0) run.onces.delete(`${path}:${turn}`);
}

function pathOf(fact: Fact): string {
  invariant(fact.path !== undefined, `Entry ${fact.seq} (${fact.kind}) has no path.`);
  return fact.path;
}

function valueOf(fact: Fact): Json {
  invariant(fact.value !== undefined, `Entry ${fact.seq} (${fact.kind}) has no value.`);
  return fact.value;
}

/** A path taken apart: `checks[3]` and `refine#2` have an index, a plain step name has index 0. */
export function parsePath(path: string): { readonly step: string; readonly index: number } {
  const at = path.search(/[[#]/);
  if (at < 0) return { step: path, index: 0 };
  return { step: path.slice(0, at), index: Number.parseInt(path.slice(at + 1), 10) };
}
