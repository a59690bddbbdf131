/**
 * Attempts: one execution of an agent, from its place in the queue to its outcome in the run's inbox.
 *
 * A1. An attempt reports exactly one outcome: the first of result, throw, timeout, and the end of its patience after an abort.
 * A2. Once it has reported, its context throws and what it still gives is ignored.
 * A3. What crosses into the run is checked here: the output against the agent's contract, its size, its JSON.
 * A4. An at-most-once agent, a call in quarantine, and a fallback that can be compensated are called only after the intent is
 *     in the journal.
 * A5. Whatever an at-most-once attempt did is unknown, unless it gave an output that was taken, or is known to have done
 *     nothing: it was not begun, or threw what its agent's `nothingDone` says so of.
 * A6. What a budgeted attempt may use is set aside before the intent; the intent says so, and the outcome says what it came to.
 */
import type { BreakerMark, BreakerPolicy } from "../../model/breaker.ts";
import type { Failure, Gate, UsageRecord } from "../../model/entry.ts";
import { BatonError } from "../../model/errors.ts";
import { canonicalJson } from "../../journal/canonical.ts";
import { sha256Hex } from "../../journal/hash.ts";
import type { CallOutcome } from "../../decide/breaker.ts";
import type { AttemptOutcome, Behind } from "../../decide/call.ts";
import type { Command } from "../../decide/turn.ts";
import { parsePath } from "../../decide/evolve.ts";
import { deadlineFailure } from "../../model/deadline.ts";
import { type AttemptTime, atMoment, limitOf, listen } from "./attempt-time.ts";
import { deliver } from "./inbox.ts";
import { checkedOutput, failureOf, isThenable } from "./attempt-output.ts";
import {
  abortContext,
  attemptContext,
  type ContextHandle,
  contextOf,
  endContext,
} from "./attempt-context.ts";
import { type AtTheTill, charge, overMaximum, setAside } from "./budget-door.ts";
import type { BudgetRefusal } from "./budgets.ts";
import { approach, type AtTheDoor, ignoreStopped } from "./breaker-door.ts";
import type { Refusal } from "./breakers.ts";
import { certainty, failedCall, IGNORED, saysNothingDone, SUCCEEDED } from "./call-outcome.ts";
import type { Actor, Core } from "./core.ts";
import { isFinal, queueFull } from "./attempt-policy.ts";
import { withinBudget } from "./retry-budgets.ts";

/** How long an attempt that was aborted is waited for, so that what it did is known: one that heeds its signal ends at once. */
const ABORT_GRACE_MS = 5_000;

type Execute = Extract<Command, { readonly kind: "execute" }>;
type Ended = Extract<AttemptOutcome, { readonly kind: "sealed" | "attemptFailed" }>;

/** An attempt from the moment it is wanted. */
interface Running extends AtTheDoor, AtTheTill, AttemptTime {
  readonly command: Execute;
  begun: boolean;
  startedMs: number;
  context: ContextHandle | undefined;
  stopTimeout: (() => void) | undefined;
  stopGrace: (() => void) | undefined;
  stopListening: (() => void) | undefined;
  /** Set once the deadline has aborted it: whatever it throws then, that was why. */
  overdue: Failure | undefined;
  leaveQuarantine: (() => void) | undefined;
  aborted: boolean;
  /** Whether the agent has really ended. */
  returned: boolean;
  stopOutstaying: (() => void) | undefined;
}

/** Begins an attempt as soon as its agent has a place. */
export function beginAttempt(core: Core, actor: Actor, command: Execute): void {
  const running: Running = {
    core,
    actor,
    command,
    begun: false,
    reported: false,
    startedMs: 0,
    context: undefined,
    stopTimeout: undefined,
    stopGrace: undefined,
    stopListening: undefined,
    overdue: undefined,
    deadlineAt: undefined,
    beatMs: 0,
    progress: undefined,
    leaveQueue: undefined,
    leaveQuarantine: undefined,
    ticket: undefined,
    leaveBreaker: undefined,
    slot: undefined,
    aborted: false,
    returned: false,
    stopOutstaying: undefined,
    claim: undefined,
    leaveBudgets: undefined,
    budgeted: undefined,
  };
  const { agent, path, turn, attempt } = command;
  actor.attempts.set(path, {
    path,
    turn,
    attempt,
    agent,
    end: (failure) => fail(running, failure, true),
    abort: (failure) => abort(running, failure),
  });
  if (!command.quarantined) return queue(running);
  running.leaveQuarantine = core.quarantine.enter(() => queue(running));
  // It may have ended while it began.
  if (running.reported) running.leaveQuarantine();
}

function queue(running: Running): void {
  if (running.reported) return;
  approach(running, {
    begin: () => pay(running),
    close: () => end(running),
    refused: (breaker, refusal) => refused(running, breaker, refusal),
    held: (gate, refusal) => held(running, gate, refusal),
    full: () => fail(running, queueFull(running.command.agent), false),
  });
}

/** Waits at a gate, in its journal. */
function held(running: Running, gate: Gate, refusal: Refusal): void {
  const { core, actor, command } = running;
  const { path, turn, attempt, agent } = command;
  if (!close(running)) return;
  running.leaveQuarantine?.();
  deliver(core, actor, { kind: "held", path, turn, attempt, agent, gate, ...refusal });
}

/** The breaker is open: the agent's policy says what becomes of the attempt. */
function refused(running: Running, breaker: BreakerPolicy, refusal: Refusal): void {
  const { core, actor, command } = running;
  const { path, turn, attempt, agent } = command;
  const { whenOpen, name } = breaker;
  if (whenOpen.kind === "wait") return held(running, `breaker/${name}`, refusal);
  if (!close(running)) return;
  running.leaveQuarantine?.();
  switch (whenOpen.kind) {
    case "fail": {
      const error = {
        code: "BREAKER_OPEN",
        message: `The breaker ${name} of ${agent.id} is open.`,
      };
      const ended = { path, turn, attempt, error, final: true, random: 0 };
      const behind = behindOf(command, { name });
      deliver(core, actor, { kind: "attemptFailed", ...ended, ...behind });
      return;
    }
    case "fallback": {
      const standsIn = { for: command.standsIn?.for ?? agent.id, breaker: name };
      beginAttempt(core, actor, { ...command, agent: whenOpen.agent, standsIn });
      return;
    }
  }
}

/** Ends it without an outcome: nothing new begins here any more. */
function end(running: Running): void {
  close(running);
  running.leaveQuarantine?.();
}

/** Sets aside what it may use, and goes on; at once where nothing limits it. */
function pay(running: Running): void {
  const { budgets, ownBudget } = running.actor.run.definition;
  const isLimited =
    running.command.agent.budgets !== undefined || budgets !== undefined || ownBudget !== undefined;
  if (!isLimited || running.reported) return announce(running);
  setAside(running, {
    begin: () => paid(running),
    close: () => end(running),
    refused: (refusal) => unpaid(running, refusal),
  });
}

/** Where its breaker has opened while it waited for what others had set aside, it comes the whole way again. */
function paid(running: Running): void {
  const { core, command, ticket, claim } = running;
  if (running.reported || ticket === undefined || core.breakers.isCurrent(ticket))
    return announce(running);
  if (claim !== undefined) core.budgets.settle(claim, undefined);
  running.claim = undefined;
  running.ticket = undefined;
  running.slot = undefined;
  core.agentPlaces.leave(command.agent);
  queue(running);
}

/** A budget is spent. The breaker that let it through is told nothing: no call was made. */
function unpaid(running: Running, refusal: BudgetRefusal): void {
  const { core, actor, command, ticket } = running;
  const { path, turn, attempt, agent } = command;
  if (!close(running)) return;
  if (refusal.kind === "held") {
    running.leaveQuarantine?.();
    if (ticket !== undefined) core.breakers.report(ticket, IGNORED);
    const { gate, dueAt } = refusal;
    deliver(core, actor, { kind: "held", path, turn, attempt, agent, gate, dueAt, until: dueAt });
    return;
  }
  const { error, mark } = refusal;
  running.budgeted = mark === undefined ? undefined : { budget: mark };
  const ended = { path, turn, attempt, error, final: true, random: 0 } as const;
  tell(running, { kind: "attemptFailed", ...ended }, IGNORED);
}

/** What is told of breakers, fallbacks and budgets with an outcome; nothing for most. */
function behindOf(
  { agent, standsIn }: Execute,
  breaker: BreakerMark | undefined,
  budgeted?: Running["budgeted"],
): { readonly behind?: Behind } {
  if (breaker === undefined && standsIn === undefined && budgeted === undefined)
    return NOTHING_BEHIND;
  return {
    behind: {
      ...budgeted,
      ...(breaker === undefined ? {} : { breaker }),
      ...(standsIn === undefined ? {} : { fallback: { ...standsIn, agent } }),
    },
  };
}

const NOTHING_BEHIND = {};

/** Tells the run an outcome; where it changed a breaker, once that is in the journal. */
function tell(running: Running, given: Ended, outcome: CallOutcome): void {
  const { core, actor, command, ticket } = running;
  const reported = ticket === undefined ? undefined : core.breakers.report(ticket, outcome);
  const mark = reported?.mark;
  const ended = given.kind === "sealed" ? given : withinBudget(running, given);
  const recorded = running.leaveQuarantine;
  // The usual case: nothing to tell of a breaker, a fallback or a budget.
  if (mark === undefined && command.standsIn === undefined && running.budgeted === undefined)
    return deliver(core, actor, ended, recorded);
  const input = { ...ended, ...behindOf(command, mark, running.budgeted) };
  if (reported?.recorded === undefined) return deliver(core, actor, input, recorded);
  const { path } = command;
  const { turn, attempt, agent } = command;
  // Until then it is still under way to whoever waits for the engine to end.
  actor.attempts.set(path, { path, turn, attempt, agent, end: nothing, abort: nothing });
  reported.recorded.then(() => {
    actor.attempts.delete(path);
    deliver(core, actor, input, recorded);
  }, ignoreStopped);
}

function nothing(): void {}

/** Whether a failure is a sign of a sick downstream. `cause` is what was thrown, or the failure itself. */
function callOutcome(running: Running, error: Failure, cause: unknown): CallOutcome {
  if (running.aborted) return IGNORED;
  const { core, actor, command } = running;
  const place = { run: actor.id, path: command.path, at: core.clock.now() };
  return failedCall(command.agent, place, { error, cause });
}

/**
 * After a crash the step's own agent is taken to have been called, unless it waited at a gate. Where something else was, and
 * what it does can be undone, that is said before.
 */
function mustBeSaid({ actor, command }: Running): boolean {
  const isOther = command.standsIn !== undefined || actor.run.holds.has(command.path);
  return isOther && command.agent.compensate !== undefined;
}

/** Begins the attempt; where it must be known afterwards that it may have been made, once that is in the journal (A4). */
function announce(running: Running): void {
  const { core, actor, command, claim } = running;
  const { agent, path, turn, attempt, input, quarantined } = command;
  const isPlain =
    agent.delivery === undefined && !quarantined && claim === undefined && !mustBeSaid(running);
  if (isPlain || running.reported) return begin(running);
  // Nothing new begins: without its intent it is known that it was not made.
  if (core.closing) {
    close(running);
    return begin(running);
  }
  const inputHash = sha256Hex(canonicalJson(input));
  const intent = {
    kind: "begin",
    path,
    turn,
    attempt,
    agent: agent.id,
    inputHash,
    ...(quarantined ? { quarantined: true as const } : {}),
    ...(claim === undefined ? {} : { set: { reserved: claim.amounts, budgets: claim.budgets } }),
  } as const;
  deliver(core, actor, intent, (arrived) => {
    if (arrived.kind === "failed") close(running);
    // The run is ending, or goes on without it: its intent was not recorded, and it is not made.
    else if (actor.run.intents.get(path)?.attempt !== attempt)
      fail(running, { code: "ABORTED", message: `Attempt ${attempt} was not begun.` }, true);
    begin(running);
  });
}

function begin(running: Running): void {
  const { core, actor, command } = running;
  const { agent, deadline } = command;
  // What it waited for took it past its deadline, and the run has not heard of that yet.
  if (deadline !== undefined && core.clock.now() >= deadline.at)
    fail(running, deadlineFailure(deadline, parsePath(command.path).step), true);
  running.begun = true;
  if (running.reported) return core.agentPlaces.leave(agent);
  running.startedMs = core.clock.monotonicMs();
  const { budget } = agent.retry;
  if (budget !== undefined && command.attempt === 1) core.retryBudgets.began(agent, budget);
  if (agent.timeoutMs !== undefined || command.deadline !== undefined) limit(running);
  running.context =
    agent.maximum === undefined
      ? attemptContext(core, actor, command, running)
      : attemptContext(core, actor, command, running, (usage) => checkMaximum(running, usage));
  if (agent.heartbeatMs !== undefined) expectBeats(running, agent.heartbeatMs);
  executeNow(running, running.context);
}

/** Ends the attempt in time: by its agent's timeout, or by the deadline of its step or run, whichever comes first. */
function limit(running: Running): void {
  const { core, command } = running;
  const { agent, deadline } = command;
  const { timeoutMs } = agent;
  const first = limitOf(core.clock, timeoutMs, deadline);
  running.deadlineAt = first?.at;
  if (first?.of === "deadline") {
    const failure = { code: "ABORTED", message: "Its deadline has passed." };
    running.stopTimeout = atMoment(core.clock, first.at, () => abort(running, failure));
  } else if (timeoutMs !== undefined) {
    const error = { code: "TIMEOUT", message: `${agent.id} took longer than ${timeoutMs} ms.` };
    running.stopTimeout = core.clock.after(timeoutMs, () =>
      fail(running, error, false, { thrown: error, doneNothing: false, unanswered: true }),
    );
  }
}

function expectBeats(running: Running, everyMs: number): void {
  const { core, command, startedMs } = running;
  running.beatMs = startedMs;
  running.stopListening = listen(core.clock, running, everyMs, () => {
    const message = `${command.agent.id} was silent for ${everyMs} ms: no heartbeat.`;
    const error = { code: "HEARTBEAT_MISSED", message };
    fail(running, error, false, { thrown: error, doneNothing: false, unanswered: true });
  });
}

/** Aborts it, and waits for what it still gives. Whoever says so first, an attempt that is past its deadline ends for that. */
function abort(running: Running, failure: Failure): void {
  const { core, command } = running;
  const { deadline, path } = command;
  running.aborted = true;
  if (!running.begun) return fail(running, failure, true);
  running.stopListening?.();
  if (deadline !== undefined && deadline.at <= core.clock.now())
    running.overdue ??= deadlineFailure(deadline, parsePath(path).step);
  if (running.context !== undefined) abortContext(running.context);
  running.stopGrace ??= core.clock.after(ABORT_GRACE_MS, () =>
    fail(running, running.overdue ?? failure, true),
  );
}

function succeed(running: Running, raw: unknown): void {
  if (running.reported) return;
  const { core, command } = running;
  const { path, turn, attempt, input } = command;
  const checked = checkedOutput(core, command.agent, raw);
  if (checked.kind === "refused") {
    return fail(running, checked.error, checked.final, {
      thrown: checked.error,
      doneNothing: false,
    });
  }
  const extra = told(running);
  charge(running, true);
  close(running);
  const text = canonicalJson(input);
  const inputHash = sha256Hex(text);
  core.tellInput?.(inputHash, text);
  const { output } = checked;
  tell(running, { kind: "sealed", path, turn, attempt, output, inputHash, ...extra }, SUCCEEDED);
}

function thrown(running: Running, error: unknown): void {
  if (running.reported) return;
  const doneNothing = saysNothingDone(running.command.agent, error);
  if (running.overdue !== undefined)
    return fail(running, running.overdue, true, { thrown: running.overdue, doneNothing });
  const final = isFinal(running.command.agent, error);
  fail(running, failureOf(error), final, { thrown: error, doneNothing });
}

/** `cause` is left out where it was ended from outside, which is no sign of anything. */
function fail(
  running: Running,
  error: Failure,
  final: boolean,
  cause?: { readonly thrown: unknown; readonly doneNothing: boolean; readonly unanswered?: true },
): void {
  if (running.reported) return;
  const { core, command } = running;
  const { path, turn, attempt } = command;
  const said = running.progress === undefined ? {} : { progress: running.progress };
  const extra = running.begun ? { ...told(running), ...said } : {};
  if (running.begun) charge(running, cause !== undefined && cause.unanswered !== true);
  close(running);
  const random = core.ids.random();
  const outcome: CallOutcome =
    cause === undefined ? IGNORED : callOutcome(running, error, cause.thrown);
  const known = certainty(command.agent, running.begun, cause?.doneNothing === true);
  const place = { path, turn, attempt, error, final, random } as const;
  tell(running, { kind: "attemptFailed", ...place, ...known, ...extra }, outcome);
}

/** What is told of an attempt besides its outcome. */
function told({ core, context, startedMs }: Running): {
  readonly tookMs: number;
  readonly usage?: readonly UsageRecord[];
} {
  const usage = context?.usage ?? [];
  const tookMs = Math.round(core.clock.monotonicMs() - startedMs);
  return { tookMs, ...(usage.length === 0 ? {} : { usage }) };
}

/** Ends an attempt that has used more than it may, and tells the agent so. */
function checkMaximum(running: Running, usage: readonly UsageRecord[]): void {
  const failure = running.reported ? undefined : overMaximum(running, usage);
  if (failure === undefined) return;
  fail(running, failure, true);
  throw new BatonError("MAXIMUM_EXCEEDED", failure.message);
}

/** Gives false if its outcome was reported before (A1). */
function close(running: Running): boolean {
  if (running.reported) return false;
  running.reported = true;
  running.stopTimeout?.();
  running.stopGrace?.();
  running.stopListening?.();
  running.leaveQueue?.();
  running.leaveBreaker?.();
  running.leaveBudgets?.();
  if (running.claim !== undefined)
    running.core.budgets.settle(running.claim, running.budgeted?.spent);
  if (running.context !== undefined) endContext(running.context);
  const { core, actor, command } = running;
  const { path, attempt, agent } = command;
  actor.attempts.delete(path);
  // Only where places are limited does anybody wait for this one.
  if (agent.concurrency !== undefined && running.begun && !running.returned)
    running.stopOutstaying = core.agentPlaces.outstay({ run: actor.id, path, attempt, agent });
  return true;
}

/** The agent's place is given back when it really ends, not when its outcome is no longer waited for: an agent that ignores its abort still uses what the limit protects. */
function executeNow(running: Running, handle: ContextHandle): void {
  const { agent, input } = running.command;
  const leave = () => {
    running.stopOutstaying?.();
    running.core.agentPlaces.leave(agent);
  };
  const context = contextOf(handle);
  let given: unknown;
  try {
    given = running.core.inOwnContext(() => agent.execute(input, context));
  } catch (error) {
    running.returned = true;
    // First told, then left: a breaker that opens on it must not let the next in line through.
    thrown(running, error);
    leave();
    return;
  }
  if (!isThenable(given)) {
    running.returned = true;
    leave();
    succeed(running, given);
    return;
  }
  Promise.resolve(given).then(
    (raw) => {
      running.returned = true;
      leave();
      succeed(running, raw);
    },
    (error: unknown) => {
      running.returned = true;
      thrown(running, error);
      leave();
    },
  );
}
