/**
 * evolve: what each kind of entry does to a run. No I/O, no clock, no chance, and no user function: what those gave is in
 * the entry. Every kind has its line in the table, so that a new one which nobody handles does not compile.
 */
import { deadlineFailure } from "../model/deadline.ts";
import type { EntryKind, Fact, FactOf, PlannedCompensation } from "../model/entry.ts";
import { invariant } from "../model/errors.ts";
import { type Amounts, NOTHING, plus } from "../model/amounts.ts";
import type { Json } from "../model/json.ts";
import { settleDelivery, takeEvent, takeGathering } from "./bus.ts";
import type { Items, Rollback, Run, StepState } from "../model/run.ts";
import { NOT_OF_A_RUN } from "./not-of-a-run.ts";
import { parsePath } from "./path.ts";
import { noteDeadline, ready } from "./readiness.ts";
import { beginAnew, isParkedWhole, restore } from "./restore.ts";
import { pardon, suspectReady } from "./suspicion.ts";

export { parsePath } from "./path.ts";

const EVOLVE: { readonly [K in EntryKind]: (run: Run, fact: FactOf<K>) => void } = {
  "run.started": started,
  "run.refused": (run, fact) => {
    run.phase = { kind: "refused", violations: fact.payload.violations };
  },
  "run.resumed": (run, fact) => {
    run.incarnation = fact.payload.incarnation;
    if (fact.payload.crashed === true) suspectReady(run, fact.at);
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
  "run.overdue": (run, fact) => {
    const { pivot } = fact.payload;
    run.deadlineAt = undefined;
    if (pivot !== undefined) return;
    const error = deadlineFailure({ of: "run" });
    run.phase = { kind: "failing", step: undefined, error, since: fact.seq };
  },
  "run.cancelling": (run, fact) => {
    // On its way to a savepoint it goes on to there first.
    if (run.rollback === undefined) run.phase = { kind: "cancelling", ...fact.payload };
    else run.rollback.cancelled = fact.payload;
  },
  "run.cancelled": (run, fact) => {
    run.phase = { kind: "cancelled", reason: fact.payload.reason };
  },
  "run.compensating": compensating,
  "run.compensated": (run, fact) => {
    run.phase = { kind: "compensated", ...fact.payload };
  },
  "run.restored": restore,
  "run.parked": (run, fact) => {
    run.phase = { kind: "parked", ...fact.payload };
  },
  "compensation.sealed": (run, fact) => settleCompensation(run, fact),
  "compensation.failed": compensationFailed,
  "compensation.held": compensationHeld,
  "compensation.resolved": compensationResolved,
  "step.sealed": (run, fact) => {
    spend(run, fact.payload.spent);
    seal(run, fact);
  },
  "step.carried": (run, fact) => seal(run, fact),
  "step.skipped": (run, fact) => {
    const step = pathOf(fact);
    run.steps.set(step, { kind: "skipped", seq: fact.seq });
    settle(run, step, fact.at);
  },
  "step.opened": opened,
  "step.failed": (run, fact) => {
    const step = pathOf(fact);
    const state = run.steps.get(step);
    const wasOpen = fact.payload.deadlineAt !== undefined && state?.kind === "open";
    const opened = wasOpen ? { opening: state.opening, reads: state.reads } : undefined;
    run.steps.set(step, opened === undefined ? FAILED : { kind: "failed", ...opened });
    forgetWaits(run, step);
    if (run.phase.kind === "going")
      run.phase = { kind: "failing", step, error: fact.payload.error, since: fact.seq };
  },
  "step.parked": (run, fact) => {
    const path = pathOf(fact);
    const { turn = 0, attempt = 0, inputHash } = fact;
    const { step } = parsePath(path);
    run.unknowns.delete(path);
    run.parked.set(path, { step, turn, attempt, inputHash, ...fact.payload });
    // An item of a map leaves its place to another.
    if (path !== step) run.agenda.add(step);
  },
  "step.resolved": stepResolved,
  "item.sealed": (run, fact) => {
    spend(run, fact.payload.spent);
    settleItem(run, fact, { ok: true, value: valueOf(fact) });
  },
  "item.failed": (run, fact) => settleItem(run, fact, { ok: false, error: fact.payload.error }),
  "attempt.failed": attemptFailed,
  "attempt.begun": begun,
  "attempt.unknown": attemptUnknown,
  "attempt.probed": attemptProbed,
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
      run.phase = { kind: "failing", step: parsePath(pathOf(fact)).step, error, since: fact.seq };
  },
  ...NOT_OF_A_RUN,
};

const SEALED: StepState = { kind: "sealed" };
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
  const { deadlineAt } = fact.payload;
  if (deadlineAt !== undefined) noteDeadline(run, deadlineAt);
  run.correlation = fact.payload.correlation ?? run.id;
  run.hops = fact.payload.hops;
  // What a choreography does follows from its events.
  if (run.definition.choreography !== undefined) return;
  for (const step of run.definition.steps) {
    let unmet = 0;
    for (const key of step.needs) if (key !== "input") unmet += 1;
    if (unmet === 0) ready(run, step.name, fact.at);
    else run.unmetNeeds.set(step.name, unmet);
  }
}

function compensating(run: Run, fact: FactOf<"run.compensating">): void {
  const { to, ...reason } = fact.payload;
  run.phase = { kind: "compensating", ...reason };
  // What a person asks for is not counted.
  if (to !== undefined && reason.because === "failed")
    run.savepointUses.set(to.step, (run.savepointUses.get(to.step) ?? 0) + 1);
  const pending = new Map<string, PlannedCompensation>();
  const pendingOf = new Map<string, number>();
  // The plan is written by the saga alone, in this very form.
  for (const planned of valueOf(fact) as unknown as readonly PlannedCompensation[]) {
    const { step } = parsePath(planned.path);
    pending.set(`${planned.path}:${planned.turn}`, planned);
    pendingOf.set(step, (pendingOf.get(step) ?? 0) + 1);
  }
  const [byHand, skipped]: [string[], string[]] = [[], []];
  run.rollback = {
    to,
    cancelled: undefined,
    pending,
    pendingOf,
    states: new Map(),
    byHand,
    skipped,
  };
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
  settle(run, step, fact.at);
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

function settleItem(run: Run, fact: Fact, result: NonNullable<Items["results"][number]>): void {
  const path = pathOf(fact);
  const { step, index } = parsePath(path);
  const state = run.steps.get(step);
  forgetCall(run, path, fact.turn ?? 0);
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
  const { retryAt, error, progress } = fact.payload;
  const attempt = fact.attempt ?? 1;
  spend(run, fact.payload.spent);
  // What a refusal said stays said, also when an attempt after it fails for another reason.
  const feedback = error.violations ?? run.calls.get(path)?.feedback ?? [];
  const uncounted = run.calls.get(path)?.uncounted;
  const said =
    progress === undefined ? run.calls.get(path)?.progress : { agent: fact.agent, value: progress };
  run.calls.set(path, {
    failedAttempts: attempt,
    retryAt,
    feedback,
    ...(uncounted === undefined ? {} : { uncounted }),
    ...(said === undefined ? {} : { progress: said }),
  });
  run.holds.delete(path);
  if (run.intents.size > 0) run.intents.delete(path);
  if (run.suspicions.size > 0) run.suspicions.delete(path);
  if (retryAt !== undefined)
    run.timers.push({ dueAt: retryAt, kind: "retry", step, path, attempt });
}

function begun(run: Run, fact: FactOf<"attempt.begun">): void {
  const path = pathOf(fact);
  const { turn = 0, attempt = 1, reads = {}, agent, inputHash } = fact;
  const { step } = parsePath(path);
  const { reserved } = fact.payload;
  const quarantined = fact.payload.quarantined === true;
  const aside = reserved === undefined ? {} : { reserved };
  run.intents.set(path, { step, turn, attempt, reads, agent, inputHash, quarantined, ...aside });
}

function spend(run: Run, spent: Amounts | undefined): void {
  if (spent !== undefined) run.spent = plus(run.spent ?? NOTHING, spent);
}

function attemptUnknown(run: Run, fact: FactOf<"attempt.unknown">): void {
  const path = pathOf(fact);
  const { step } = parsePath(path);
  const { turn = 0, attempt = 1, agent, inputHash } = fact;
  const { error, then, lost } = fact.payload;
  // What was lost with its process is no outcome that would clear it.
  if (lost !== true && run.suspicions.size > 0) run.suspicions.delete(path);
  const known = run.calls.get(path);
  const uncounted = (known?.uncounted ?? 0) + (lost === true ? 1 : 0);
  const feedback = error.violations ?? known?.feedback ?? [];
  // Of one that was lost nothing is known: all that was set aside for it may have been used.
  spend(run, fact.payload.spent ?? (lost === true ? run.intents.get(path)?.reserved : undefined));
  run.intents.delete(path);
  run.holds.delete(path);
  run.calls.set(path, { failedAttempts: attempt, retryAt: undefined, feedback, uncounted });
  if (then === "probe") {
    const asked = { probes: 0, retryAt: undefined };
    run.unknowns.set(path, { step, turn, attempt, agent, inputHash, error, ...asked });
  }
  if (then === "probe" || then === "retry") run.agenda.add(onAgenda(run, path));
}

function attemptProbed(run: Run, fact: FactOf<"attempt.probed">): void {
  const path = pathOf(fact);
  const { step } = parsePath(path);
  const { answer, probe, retryAt } = fact.payload;
  const unknown = run.unknowns.get(path);
  run.holds.delete(path);
  if (answer === "failed" && retryAt !== undefined && unknown !== undefined) {
    run.unknowns.set(path, { ...unknown, probes: probe, retryAt });
    run.timers.push({ dueAt: retryAt, kind: "probe", step, path });
    return;
  }
  run.unknowns.delete(path);
  const call = run.calls.get(path);
  if (answer !== "notDone" || retryAt === undefined || call === undefined) return;
  run.calls.set(path, { ...call, retryAt });
  run.timers.push({ dueAt: retryAt, kind: "retry", step, path, attempt: call.failedAttempts });
  run.agenda.add(step);
}

function stepResolved(run: Run, fact: FactOf<"step.resolved">): void {
  const path = pathOf(fact);
  run.parked.delete(path);
  if (fact.payload.action !== "retry") return;
  if (isParkedWhole(run, path)) beginAnew(run, path);
  const { step } = parsePath(path);
  // Behind a pivot it may have been parked for its deadline, which counts anew.
  if ((run.stepDeadlines?.get(step) ?? 0) <= fact.at) ready(run, step, fact.at);
  pardon(run, path);
  const call = run.calls.get(path);
  // Due at once, by any clock: what failed for good is due again.
  if (call !== undefined)
    run.calls.set(path, { ...call, retryAt: 0, uncounted: call.failedAttempts });
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
    run.stepDeadlines?.delete(dependent);
  }
  // The clock of the turn begins now.
  ready(run, to, fact.at);
}

/** Nothing of a step that is over waits for a probe or a person. */
function forgetWaits(run: Run, step: string): void {
  if (run.unknowns.size === 0 && run.parked.size === 0) return;
  for (const [path, each] of run.unknowns) if (each.step === step) run.unknowns.delete(path);
  for (const [path, each] of run.parked) if (each.step === step) run.parked.delete(path);
}

function settle(run: Run, step: string, at: number): void {
  if (run.bus !== undefined) settleDelivery(run, step);
  run.unsettledSteps -= 1;
  forgetWaits(run, step);
  run.signals.delete(step);
  run.reminders.delete(step);
  run.stepDeadlines?.delete(step);
  for (const dependent of run.definition.dependents.get(step) ?? []) {
    const unmet = (run.unmetNeeds.get(dependent) ?? 0) - 1;
    if (unmet > 0) {
      run.unmetNeeds.set(dependent, unmet);
    } else {
      run.unmetNeeds.delete(dependent);
      ready(run, dependent, at);
    }
  }
}

function forgetCall(run: Run, path: string, turn: number): void {
  run.calls.delete(path);
  run.holds.delete(path);
  if (run.intents.size > 0) run.intents.delete(path);
  if (run.unknowns.size > 0) run.unknowns.delete(path);
  if (run.suspicions.size > 0) run.suspicions.delete(path);
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
