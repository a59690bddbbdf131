/**
 * The saga: what a run has done is undone, in reverse order of sealing. Pure, like all deciding.
 *
 * going -> failing | cancelling -(nothing under way; the journal read)-> compensating -> compensated
 *                                                                      -> parked -(a person)-> compensating
 *                                                                      -(as far as a savepoint)-> going | cancelling
 *
 * Where the way back begins is in going-back.ts.
 *
 * S1. Nothing is compensated while anything of the run is still under way.
 * S2. One after the other: nothing is compensated before everything that was sealed after it. Side by side: before
 *     everything that read it, directly or through others.
 * S3. Each compensation is recorded once: sealed by its agent, or resolved by a person.
 * S4. A run parks when nothing can go on without a person, and never earlier.
 * S5. A compensation passes its agent's breaker as any call does, and waits while that is open: it never fails for it, and no
 *     fallback stands in.
 */
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { BreakerMark } from "../model/breaker.ts";
import type {
  Author,
  CompensationAction,
  Failure,
  PlannedCompensation,
  RollbackReason,
  UsageRecord,
} from "../model/entry.ts";
import type { Gate } from "../model/gate.ts";
import { type Json, sealJson } from "../model/json.ts";
import type { Rollback, Run, SagaAct, SagaHistory } from "../model/run.ts";
import { pauseMs, takePerforming } from "./call.ts";
import { parsePath } from "./evolve.ts";
import { historyOf } from "./going-back.ts";
import { refusalFailure } from "./handoff.ts";
import { actorAt, agentAt, compensationKey, needsPerson } from "./saga-history.ts";
import { inputAgain } from "./saga-input.ts";
import type { ChildOutcome } from "./steps/rules.ts";
import { type Deliberation, ENGINE, say } from "./turn.ts";

/** Compensations of one run at the same time, where they may go side by side: enough to hide waiting, too few to flood a service. */
export const COMPENSATIONS_AT_ONCE = 8;

/** How an attempt to compensate ended, as the engine reports it. */
export type CompensationOutcome =
  | {
      readonly kind: "compensated";
      readonly path: string;
      readonly turn: number;
      readonly attempt: number;
      readonly usage?: readonly UsageRecord[];
      readonly tookMs?: number;
      readonly breaker?: BreakerMark;
    }
  | {
      readonly kind: "compensationFailed";
      readonly path: string;
      readonly turn: number;
      readonly attempt: number;
      readonly error: Failure;
      readonly final: boolean;
      /** At least 0, below 1. */
      readonly random: number;
      readonly usage?: readonly UsageRecord[];
      readonly tookMs?: number;
      readonly breaker?: BreakerMark;
    };

/** An attempt to compensate was not let through by the breaker of its agent. */
export interface CompensationHeld {
  readonly kind: "compensationHeld";
  readonly path: string;
  readonly turn: number;
  readonly attempt: number;
  readonly agent: AgentDefinition;
  readonly gate: Gate;
  readonly dueAt: number;
  readonly until?: number;
}

/** Goes on with the way back, as far as it goes now. Gives whether the run goes on, or further back, from a savepoint. */
export function walk(turn: Deliberation): boolean {
  const { run } = turn;
  const { phase, rollback } = run;
  if (phase.kind !== "compensating" || rollback === undefined) return false;
  if (rollback.pending.size > 0) {
    walkOn(turn, rollback, reasonOf(phase));
    return false;
  }
  if (rollback.to !== undefined) {
    say(turn, { kind: "run.restored", by: ENGINE, payload: rollback.to });
    return true;
  }
  sayCompensated(turn, rollback, reasonOf(phase));
  return false;
}

function sayCompensated(turn: Deliberation, rollback: Rollback, reason: RollbackReason): void {
  say(turn, {
    kind: "run.compensated",
    by: ENGINE,
    payload: {
      ...reason,
      ...(rollback.byHand.length === 0 ? {} : { byHand: [...rollback.byHand] }),
      ...(rollback.skipped.length === 0 ? {} : { skipped: [...rollback.skipped] }),
    },
  });
}

function walkOn(turn: Deliberation, rollback: Rollback, reason: RollbackReason): void {
  const { run } = turn;
  if (run.missing.length > 0) return;
  const history = historyOf(turn);
  if (history === undefined) return;
  // Whatever fails at once (its input can't be computed any more) makes room for the next.
  for (const planned of nextPlanned(run, rollback, history, turn.nowMs))
    begin(turn, history, planned, reason);
  if (run.performing.size > 0 || isPausing(rollback)) return;
  park(turn, rollback, history, reason);
}

/** Whether time alone brings the way back on: not while its journal or code is not here, or as much is under way as may be. */
export function waitsForTime(run: Run): boolean {
  const { history, missing, performing } = run;
  return history !== "asked" && missing.length === 0 && performing.size < atOnce(run);
}

function atOnce({ definition }: Run): number {
  return definition.compensation === "parallel" ? COMPENSATIONS_AT_ONCE : 1;
}

function isPausing(rollback: Rollback): boolean {
  for (const { retryAt } of rollback.states.values()) if (retryAt !== undefined) return true;
  return false;
}

/** What may be compensated now (S2), lazily: what is begun counts for what comes after it. */
function* nextPlanned(
  run: Run,
  rollback: Rollback,
  history: SagaHistory,
  nowMs: number,
): Generator<PlannedCompensation> {
  const isParallel = run.definition.compensation === "parallel";
  const held = new Set<string>();
  const isHeld = holding(run, rollback);
  for (const planned of firstPending(rollback, isParallel)) {
    if (run.performing.size >= atOnce(run)) return;
    const { step } = parsePath(planned.path);
    if (isParallel && (held.has(step) || isHeld(step))) continue;
    // Items of a map don't depend on each other; rounds of a repeat, and turns of an agent, do.
    if (run.definition.stepByName.get(step)?.kind !== "map") held.add(step);
    if (!run.performing.has(planned.path) && mayTry(run, rollback, history, planned, nowMs))
      yield planned;
  }
}

/** In order only the first counts; side by side all do. */
function firstPending(rollback: Rollback, isParallel: boolean): Iterable<PlannedCompensation> {
  if (isParallel) return rollback.pending.values();
  const first = rollback.pending.values().next();
  return first.done === true ? [] : [first.value];
}

/** Whether something that read a step, directly or through others, is still to be compensated. */
function holding(run: Run, rollback: Rollback): (step: string) => boolean {
  const known = new Map<string, boolean>();
  return (step) => {
    const before = known.get(step);
    if (before !== undefined) return before;
    const readers = new Set(run.definition.dependents.get(step) ?? []);
    let isHeld = false;
    // A set that grows while it is walked gives what was added as well.
    for (const reader of readers) {
      if ((rollback.pendingOf.get(reader) ?? 0) > 0) {
        isHeld = true;
        break;
      }
      for (const next of run.definition.dependents.get(reader) ?? []) readers.add(next);
    }
    known.set(step, isHeld);
    return isHeld;
  };
}

function mayTry(
  run: Run,
  rollback: Rollback,
  history: SagaHistory,
  planned: PlannedCompensation,
  nowMs: number,
): boolean {
  const state = rollback.states.get(compensationKey(planned));
  if (state?.error !== undefined) return false;
  if (state?.retryAt !== undefined && state.retryAt > nowMs) return false;
  return !needsPerson(run.definition, history, planned);
}

function begin(
  turn: Deliberation,
  history: SagaHistory,
  planned: PlannedCompensation,
  reason: RollbackReason,
): void {
  const { run } = turn;
  const { path, turn: turnNo } = planned;
  const { step } = parsePath(path);
  if (planned.what === "run") {
    const performing = { step, turn: turnNo, attempt: 0, reads: {}, agent: undefined };
    run.performing.set(path, performing);
    turn.commands.push({ kind: "compensateChild", path, run: planned.run ?? "", reason });
    return;
  }
  const agent = actorAt(run.definition, history, planned);
  const act = history.acts.get(compensationKey(planned));
  const attempt = (run.rollback?.states.get(compensationKey(planned))?.attempts ?? 0) + 1;
  if (agent?.compensate === undefined || act === undefined) {
    const message = `${planned.agent ?? "The agent"} acted at ${path}, and today nothing there has a \`compensate\`.`;
    return giveUp(turn, planned, attempt, { code: "COMPENSATION_GONE", message });
  }
  const input = inputOf(run, history, act, agent);
  if (!input.ok) {
    const { message } = refusalFailure(path, input.violations);
    return giveUp(turn, planned, attempt, {
      code: "INPUT_CHANGED",
      message: `What ${agent.id} was given can't be computed again. ${message}`,
      violations: input.violations,
    });
  }
  run.performing.set(path, { step, turn: turnNo, attempt, reads: act.reads, agent: agent.id });
  turn.commands.push({
    kind: "compensate",
    path,
    turn: turnNo,
    attempt,
    agent,
    input: input.value,
    inputHash: act.inputHash,
    // What stands there as the output of an unknown act is a fallback's.
    output: planned.what === "unknown" ? undefined : act.output,
    reason,
  });
}

/** What was given: checked, when it was, against the contract of the step's own agent, also where a fallback was called. */
function inputOf(run: Run, history: SagaHistory, act: SagaAct, actor: AgentDefinition) {
  const own = agentAt(run.definition, history.openings, act);
  return inputAgain(run.definition, history, act, own ?? actor);
}

function giveUp(
  turn: Deliberation,
  planned: PlannedCompensation,
  attempt: number,
  error: Failure,
): void {
  const { path, turn: turnNo } = planned;
  say(turn, {
    kind: "compensation.failed",
    path,
    turn: turnNo,
    attempt,
    by: ENGINE,
    ...(planned.agent === undefined ? {} : { agent: planned.agent }),
    payload: { error },
  });
}

/** Takes in how an attempt to compensate ended. */
export function compensationEnded(turn: Deliberation, outcome: CompensationOutcome): void {
  const { run } = turn;
  const performing = takePerforming(run, outcome);
  if (performing === undefined || run.rollback === undefined) return;
  const { path, turn: turnNo, attempt } = outcome;
  const { history } = run;
  const agent = typeof history === "object" ? actorAt(run.definition, history, outcome) : undefined;
  const told = {
    ...(outcome.usage === undefined ? {} : { usage: outcome.usage }),
    ...(outcome.tookMs === undefined ? {} : { tookMs: outcome.tookMs }),
    ...(outcome.breaker === undefined ? {} : { breaker: outcome.breaker }),
  };
  const common = {
    path,
    turn: turnNo,
    attempt,
    by: { kind: "agent", id: agent?.name ?? "" },
    ...(performing.agent === undefined ? {} : { agent: performing.agent }),
  } as const;
  if (outcome.kind === "compensated") {
    say(turn, { kind: "compensation.sealed", ...common, payload: told });
    return;
  }
  const retryAt = agent === undefined ? undefined : retryAtOf(turn, agent, outcome);
  say(turn, {
    kind: "compensation.failed",
    ...common,
    payload: { error: outcome.error, ...(retryAt === undefined ? {} : { retryAt }), ...told },
  });
}

/** Records that a compensation waits, once for each wait: being refused again only puts off when it asks. */
export function holdCompensation(turn: Deliberation, input: CompensationHeld): void {
  const { run } = turn;
  const { path, gate, dueAt, until, agent } = input;
  const performing = takePerforming(run, input);
  if (performing === undefined || run.rollback === undefined) return;
  const key = compensationKey(input);
  const known = run.rollback.states.get(key);
  if (known?.gate === gate) {
    run.rollback.states.set(key, { ...known, retryAt: dueAt });
    run.timers.push({ dueAt, kind: "compensate", key });
    return;
  }
  say(turn, {
    kind: "compensation.held",
    path,
    turn: input.turn,
    attempt: input.attempt,
    by: ENGINE,
    agent: agent.id,
    payload: { gate, dueAt, ...(until === undefined ? {} : { until }) },
  });
}

/** Lets compensations that wait at a gate ask it now; the walk finds them. */
export function releaseCompensations({ run, nowMs }: Deliberation, gate: Gate): void {
  const { states, pending } = run.rollback ?? {};
  if (states === undefined || run.phase.kind !== "compensating") return;
  for (const [key, state] of states) {
    const path = pending?.get(key)?.path ?? "";
    if (state.gate !== gate || run.performing.has(path)) continue;
    if ((state.retryAt ?? 0) > nowMs) states.set(key, { ...state, retryAt: nowMs });
  }
}

function retryAtOf(
  { run, nowMs }: Deliberation,
  agent: AgentDefinition,
  outcome: Extract<CompensationOutcome, { readonly kind: "compensationFailed" }>,
): number | undefined {
  const retry = agent.compensation?.retry ?? agent.retry;
  const before = run.rollback?.states.get(compensationKey(outcome))?.before ?? 0;
  const made = outcome.attempt - before;
  if (outcome.final || made >= retry.attempts) return undefined;
  const { random, error } = outcome;
  return Math.max(run.at, nowMs) + pauseMs(retry, { made, random, error });
}

/** A child run that was to go back has come to its end. */
export function childCompensated(turn: Deliberation, path: string, outcome: ChildOutcome): void {
  const { run } = turn;
  const performing = run.performing.get(path);
  if (performing === undefined) return;
  run.performing.delete(path);
  const planned = run.rollback?.pending.get(compensationKey({ path, turn: performing.turn }));
  if (planned?.run === undefined) return;
  if (outcome.kind === "compensated") {
    say(turn, {
      kind: "compensation.sealed",
      path,
      turn: performing.turn,
      by: ENGINE,
      causation: { stream: `run/${planned.run}`, seq: outcome.seq },
      payload: {},
    });
    return;
  }
  const message = `Run ${planned.run} ended as ${outcome.kind} instead of being compensated.`;
  const error =
    outcome.kind === "failed" ? outcome.error : { code: "CHILD_NOT_COMPENSATED", message };
  const attempts = run.rollback?.states.get(compensationKey(planned))?.attempts ?? 0;
  giveUp(turn, planned, attempts + 1, error);
}

/** A person's decision; the engine has seen to it that the compensation waits for one. */
export function resolveCompensation(
  turn: Deliberation,
  decision: {
    readonly path: string;
    readonly turn: number;
    readonly by: Author;
    readonly action: CompensationAction;
    readonly reason: string | undefined;
  },
): void {
  const { path, turn: turnNo, by, action, reason } = decision;
  if (!waitsForPerson(turn.run, { path, turn: turnNo })) return;
  say(turn, {
    kind: "compensation.resolved",
    path,
    turn: turnNo,
    by,
    payload: { action, ...(reason === undefined ? {} : { reason }) },
  });
}

/** Whether a compensation failed for good, or can't be tried at all, and nobody has decided yet. */
export function waitsForPerson(
  run: Run,
  place: { readonly path: string; readonly turn: number },
): boolean {
  const key = compensationKey(place);
  const planned = run.rollback?.pending.get(key);
  if (planned === undefined || run.phase.kind !== "parked") return false;
  if (!run.phase.paths.includes(place.path)) return false;
  return planned.what === "unknown" || run.rollback?.states.get(key)?.error !== undefined;
}

function park(
  turn: Deliberation,
  rollback: Rollback,
  history: SagaHistory,
  reason: RollbackReason,
): void {
  const { run } = turn;
  const letters: Json[] = [];
  for (const planned of rollback.pending.values()) {
    const state = rollback.states.get(compensationKey(planned));
    if (state?.error === undefined && !needsPerson(run.definition, history, planned)) continue;
    letters.push(letterOf(run, history, planned, state?.error));
  }
  say(turn, {
    kind: "run.parked",
    by: ENGINE,
    payload: { ...reason, paths: letters.map((letter) => pathIn(letter)) },
    value: Object.freeze(letters),
  });
}

/** All that a person needs to undo it by hand. What the agent was given is there if it can still be computed. */
function letterOf(
  run: Run,
  history: SagaHistory,
  planned: PlannedCompensation,
  failure: Failure | undefined,
): Json {
  const { path, turn } = planned;
  const act = history.acts.get(compensationKey(planned));
  const agent = actorAt(run.definition, history, planned);
  const input =
    act === undefined || agent === undefined ? undefined : inputOf(run, history, act, agent);
  const error = failure ?? {
    code: "OUTCOME_UNKNOWN",
    message:
      act?.besides === undefined
        ? `An attempt at ${path} may have acted: its outcome is not known, and ${planned.agent ?? "its agent"} can't be compensated without it.`
        : `At ${path} both ${planned.agent ?? "its agent"} and ${act.besides}, one of them the fallback of the other, may have acted: see which is to be undone.`,
  };
  const output = isUnknownAlone(planned, act) ? undefined : act?.output;
  return sealJson(
    {
      ...planned,
      path,
      turn,
      error,
      ...(input?.ok === true ? { input: input.value } : {}),
      ...(output === undefined ? {} : { output }),
    },
    `dead letter of ${path}`,
  );
}

/** What stands there as its output, if anything does, is that of a fallback which has nothing to undo. */
function isUnknownAlone({ what }: PlannedCompensation, act: SagaAct | undefined): boolean {
  return what === "unknown" && act?.besides === undefined;
}

function pathIn(letter: Json): string {
  // Each was made by letterOf, with its path.
  return (letter as { readonly path: string }).path;
}

export function reasonOf({ because, step, error }: RollbackReason): RollbackReason {
  return { because, ...(step === undefined ? {} : { step }), error };
}
