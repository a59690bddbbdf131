/**
 * The breakers of an engine: one for each name, shared by all runs. The machine is in decide/breaker.ts.
 *
 * Owns: what each breaker counts between its transitions, which calls are under way behind it, and which runs wait for it.
 * Does not own: transitions, which are in the streams `breaker/<name>`; waits, which are in the runs' own journals.
 *
 * K1. What opens a breaker holds at once; a probe begins only when its transition is in the journal.
 * K2. The outcome that led to a transition is told to its run only after the transition is in the journal: a run's entry never
 *     speaks of a transition that was lost.
 * K3. A run that waits is in its journal with the time at which it asks again; waking it earlier, in order of arrival, is all
 *     that is kept here, and nothing is lost with it.
 */
import {
  admit,
  type Breaker,
  type CallOutcome,
  type Changed,
  closeByPerson,
  newBreaker,
  openByPerson,
  type Pass,
  probesBegin,
  report,
  restoredBreaker,
  type Transition,
} from "../../decide/breaker.ts";
import { ENGINE } from "../../decide/turn.ts";
import type {
  BreakerMark,
  BreakerPolicy,
  BreakerSettings,
  BreakerSnapshot,
} from "../../model/breaker.ts";
import type { Author } from "../../model/entry.ts";
import { BatonError } from "../../model/errors.ts";
import {
  breakerNames,
  breakerSnapshot,
  enteredBy,
  type Entered,
  newestTransition,
  UNKNOWN_SETTINGS,
} from "../breakers.ts";
import type { BreakerChange } from "../engine.ts";
import { type BreakerJournal, breakerJournal } from "./breaker-journal.ts";
import type { Core } from "./core.ts";
import type { BreakerSubscriber } from "../watch.ts";
import { releaseRuns } from "./runs.ts";

/** A call that was let through; given back with its outcome. */
export interface Ticket {
  readonly name: string;
  readonly pass: Pass;
}

/** What whoever wants to call is told, at once or later; exactly one of them, once. */
export interface Asking {
  /** `recorded`: what must be in the journal before the call begins, if something must. */
  readonly pass: (ticket: Ticket, recorded: Promise<void> | undefined) => void;
  readonly refused: (refusal: Refusal) => void;
}

export interface Refusal {
  /** When the run asks again by itself. */
  readonly dueAt: number;
  /** When the breaker lets a probe through, if it is known. */
  readonly until?: number;
}

/** What reporting an outcome led to. */
export interface Reported {
  readonly mark: BreakerMark | undefined;
  /** Resolves once the transition that it led to is in the journal. */
  readonly recorded: Promise<void> | undefined;
}

export interface Breakers {
  /** Reads where each breaker stands. Called once, before any run goes on. */
  restore(): Promise<void>;
  /**
   * Asks whether a call may be made now. Where that is answered later, gives a function that withdraws the question, and says
   * whether it was still open.
   */
  enter(policy: BreakerPolicy, run: string, asking: Asking): (() => boolean) | undefined;
  report(ticket: Ticket, outcome: CallOutcome): Reported;
  /** Whether a call that was let through still may be made: no transition came since. */
  isCurrent(ticket: Ticket): boolean;
  isClosed(name: string): boolean;
  /** Forgets that a run waits: it has ended. */
  forget(run: string): void;
  snapshots(): readonly BreakerSnapshot[];
  /** @throws BatonError BREAKER_NOT_FOUND */
  setByPerson(name: string, change: BreakerChange): Promise<void>;
  /** Tells of transitions that were recorded, until the function that is given back is called. */
  subscribe(subscriber: BreakerSubscriber): () => void;
  /** The engine has stopped: nothing is woken any more. */
  stop(): void;
}

interface Guard {
  readonly name: string;
  readonly settings: BreakerSettings;
  readonly agents: readonly string[];
  readonly journal: BreakerJournal;
  breaker: Breaker;
  /** Calls of this period that were let through and have not been reported. */
  underWay: number;
  /** When the newest call was let through. */
  lastMs: number;
  /** Until the newest transition is in the journal. */
  recording: Promise<void> | undefined;
  entered: Entered;
  /** Calls that wait, in memory, for the first outcomes; see B3 of the machine. */
  readonly later: Set<() => void>;
  draining: boolean;
  /** Runs that wait, in order of arrival. */
  readonly held: Set<string>;
  stopTimer: (() => void) | undefined;
  stopLater: (() => void) | undefined;
}

interface State {
  readonly core: () => Core;
  readonly guards: Map<string, Guard>;
  readonly subscribers: Set<BreakerSubscriber>;
}

export function breakers(core: () => Core): Breakers {
  const state: State = { core, guards: new Map(), subscribers: new Set() };
  const { guards, subscribers } = state;
  return {
    restore: () => restore(state),
    enter: ({ name }, run, asking) => enter(state, guardOf(state, name), run, asking),
    report: (ticket, outcome) => takeReport(state, guardOf(state, ticket.name), ticket, outcome),
    isCurrent: ({ name, pass }) => pass.period === guardOf(state, name).breaker.period,
    isClosed: (name) => guardOf(state, name).breaker.state.kind === "closed",
    forget: (run) => {
      for (const { held } of guards.values()) held.delete(run);
    },
    snapshots: () => [...guards.values()].map(snapshotOf),
    setByPerson: async (name, wanted) => await setByPerson(state, guardOf(state, name), wanted),
    subscribe: (subscriber) => {
      subscribers.add(subscriber);
      return () => subscribers.delete(subscriber);
    },
    stop: () => {
      for (const guard of guards.values()) {
        guard.stopTimer?.();
        guard.stopLater?.();
      }
      for (const subscriber of subscribers) subscriber.ended();
    },
  };
}

function guardOf({ guards }: State, name: string): Guard {
  const guard = guards.get(name);
  if (guard === undefined)
    throw new BatonError("BREAKER_NOT_FOUND", `There is no breaker ${name}.`, {
      details: { breaker: name, known: [...guards.keys()] },
    });
  return guard;
}

async function restore(state: State): Promise<void> {
  const core = state.core();
  const declared = core.catalogue.breakers;
  const names = new Set([...declared.keys(), ...(await breakerNames(core.store, core.namespace))]);
  for (const name of names) {
    const newest = await newestTransition(core.store, core.namespace, name);
    const { settings = UNKNOWN_SETTINGS, agents = [] } = declared.get(name) ?? {};
    const guard: Guard = {
      name,
      settings,
      agents,
      journal: breakerJournal(core, name, newest),
      breaker: newest === undefined ? newBreaker(settings) : restoredBreaker(newest.fact, settings),
      underWay: 0,
      lastMs: 0,
      recording: undefined,
      entered: enteredBy(newest?.fact),
      later: new Set(),
      draining: false,
      held: new Set(),
      stopTimer: undefined,
      stopLater: undefined,
    };
    state.guards.set(name, guard);
    armTimer(state, guard);
  }
}

function enter(
  state: State,
  guard: Guard,
  run: string,
  asking: Asking,
): (() => boolean) | undefined {
  const nowMs = state.core().clock.now();
  const { underWay, lastMs } = guard;
  // A probe begins when its transition is in the journal, however long that takes; it must not be given up before it began.
  if (guard.recording !== undefined) guard.breaker = probesBegin(guard.breaker, nowMs);
  const admission = admit(guard.breaker, guard.settings, { nowMs, underWay, lastMs });
  switch (admission.kind) {
    case "pass": {
      const { transition } = admission;
      guard.held.delete(run);
      if (transition === undefined) guard.breaker = admission.breaker;
      else change(state, guard, { breaker: admission.breaker, transition }, ENGINE);
      guard.underWay += 1;
      guard.lastMs = nowMs;
      asking.pass({ name: guard.name, pass: admission.pass }, guard.recording);
      return undefined;
    }
    case "refused":
      asking.refused(refusal(state, guard, run, { nowMs, untilMs: admission.untilMs }));
      return undefined;
    case "later": {
      let leave: (() => boolean) | undefined = () => guard.later.delete(again);
      const again = () => {
        leave = enter(state, guard, run, asking);
      };
      guard.later.add(again);
      armLater(state, guard, admission.atMs);
      return () => leave?.() ?? false;
    }
  }
}

/**
 * When a run that was refused asks again by itself. The first in the queue asks as soon as the breaker may let a probe
 * through; those behind them are woken when it is their turn, and ask by themselves only a cooldown later, at a moment that
 * is drawn, so that they never come all at once.
 */
function refusal(
  { core }: State,
  { held, settings }: Guard,
  run: string,
  { nowMs, untilMs }: { readonly nowMs: number; readonly untilMs: number | undefined },
): Refusal {
  held.add(run);
  const { cooldownMs, probes } = settings;
  const until = untilMs === undefined ? {} : { until: untilMs };
  if (untilMs !== undefined && firstOf(held, probes).includes(run))
    return { dueAt: untilMs, ...until };
  const spreadMs = Math.round(cooldownMs * (1 + core().ids.random()));
  return { dueAt: Math.max(nowMs, untilMs ?? nowMs) + spreadMs, ...until };
}

function firstOf(held: ReadonlySet<string>, count: number): readonly string[] {
  const first: string[] = [];
  for (const run of held) {
    if (first.length >= count) break;
    first.push(run);
  }
  return first;
}

function takeReport(state: State, guard: Guard, ticket: Ticket, outcome: CallOutcome): Reported {
  const nowMs = state.core().clock.now();
  const { pass } = ticket;
  if (pass.period === guard.breaker.period) guard.underWay -= 1;
  const changed = report(guard.breaker, guard.settings, { pass, outcome, nowMs });
  const to = change(state, guard, changed, ENGINE);
  const recorded = to === undefined ? undefined : guard.recording;
  if (guard.later.size > 0) drainLater(state, guard);
  if (guard.breaker.state.kind === "halfOpen") wakeProbes(state, guard);
  if (to === undefined && !pass.probe) return NOTHING;
  const mark: BreakerMark = {
    name: guard.name,
    ...(pass.probe ? { probe: true as const } : {}),
    ...(to === undefined ? {} : { to }),
  };
  return { mark, recorded };
}

const NOTHING: Reported = { mark: undefined, recorded: undefined };

/** Those who wait for an outcome ask again, in order. One that ends while it begins must not start this anew within itself. */
function drainLater(state: State, guard: Guard): void {
  if (guard.draining) return;
  guard.draining = true;
  for (const again of guard.later) {
    const { underWay, lastMs } = guard;
    const now = { nowMs: state.core().clock.now(), underWay, lastMs };
    const admission = admit(guard.breaker, guard.settings, now);
    if (admission.kind === "later") {
      armLater(state, guard, admission.atMs);
      break;
    }
    guard.later.delete(again);
    again();
  }
  guard.draining = false;
}

/** Calls that are never heard of again must not keep the others waiting for ever. */
function armLater(state: State, guard: Guard, atMs: number): void {
  if (guard.stopLater !== undefined) return;
  const { clock } = state.core();
  guard.stopLater = clock.after(Math.min(TIMER_MAX_MS, Math.max(0, atMs - clock.now())), () => {
    guard.stopLater = undefined;
    if (!state.core().closing) drainLater(state, guard);
  });
}

/** Takes over what the machine says. Gives the state that was entered, if one was. */
function change(
  state: State,
  guard: Guard,
  { breaker, transition }: Changed,
  by: Author,
): "open" | "closed" | undefined {
  guard.breaker = breaker;
  if (transition === undefined) return undefined;
  guard.underWay = 0;
  guard.entered = { since: state.core().clock.now(), by, reason: transition.payload.reason };
  const recorded = guard.journal.append(transition, by);
  guard.recording = recorded;
  recorded.then(
    () => {
      if (guard.recording === recorded) {
        guard.recording = undefined;
        guard.breaker = probesBegin(guard.breaker, state.core().clock.now());
      }
      tell(state, guard, transition, by);
      if (transition.kind === "breaker.closed") wakeAll(state, guard);
    },
    () => {
      // The engine has stopped, and says why; nothing that would follow from the transition begins.
    },
  );
  armTimer(state, guard);
  if (transition.kind === "breaker.halfOpened") return undefined;
  return transition.kind === "breaker.opened" ? "open" : "closed";
}

function tell(
  { core, subscribers }: State,
  guard: Guard,
  transition: Transition,
  by: Author,
): void {
  const { reason, cause, openedCount } = transition.payload;
  const what = transition.kind.slice("breaker.".length);
  core().log({
    // What a person did is no news to that person.
    level: transition.kind === "breaker.opened" && cause !== "person" ? "warn" : "info",
    message: `Breaker ${guard.name} ${what}: ${reason}`,
    at: core().clock.now(),
    data: { breaker: guard.name, transition: what, cause, by: by.id, openedCount },
  });
  for (const subscriber of subscribers) subscriber.changed();
}

/** At the end of the cooldown the first of those who wait are woken, should their own time not have come. */
function armTimer(state: State, guard: Guard): void {
  guard.stopTimer?.();
  guard.stopTimer = undefined;
  const { breaker } = guard;
  if (breaker.state.kind !== "open" || breaker.state.untilMs === undefined) return;
  const { clock } = state.core();
  const delayMs = Math.min(TIMER_MAX_MS, Math.max(0, breaker.state.untilMs - clock.now()));
  guard.stopTimer = clock.after(
    delayMs,
    () => {
      guard.stopTimer = undefined;
      if (state.core().closing) return;
      if (breaker.state.kind === "open" && clock.now() < (breaker.state.untilMs ?? 0))
        armTimer(state, guard);
      else wakeProbes(state, guard);
    },
    true,
  );
}

/** Node's timers hold 31 bits of milliseconds. */
const TIMER_MAX_MS = 2_000_000_000;

/** Wakes as many runs as there are probes to be let through. */
function wakeProbes(state: State, guard: Guard): void {
  const { state: now } = guard.breaker;
  const free = guard.settings.probes - (now.kind === "halfOpen" ? now.underWay : 0);
  if (free > 0 && guard.held.size > 0)
    void releaseRuns(state.core(), `breaker/${guard.name}`, firstOf(guard.held, free), () => true);
}

/** Wakes all runs, as many at a time as there are places to execute, while it stays closed. */
function wakeAll(state: State, guard: Guard): void {
  if (guard.held.size === 0) return;
  const runs = [...guard.held];
  guard.held.clear();
  void releaseRuns(state.core(), `breaker/${guard.name}`, runs, (run) => {
    if (guard.breaker.state.kind === "closed") return true;
    guard.held.add(run);
    return false;
  });
}

async function setByPerson(
  state: State,
  guard: Guard,
  { to, by, reason }: BreakerChange,
): Promise<void> {
  const changed =
    to === "open"
      ? openByPerson(guard.breaker, reason)
      : closeByPerson(guard.breaker, guard.settings, reason);
  change(state, guard, changed, by);
  if (guard.later.size > 0) drainLater(state, guard);
  await guard.recording;
}

function snapshotOf(guard: Guard): BreakerSnapshot {
  const { name, breaker, agents, entered, held } = guard;
  return breakerSnapshot({ name, breaker, agents, entered, waitingRuns: held.size });
}
