/**
 * The rates of an engine: one for each name, shared by all runs and by all agents that name it. The arithmetic is in
 * decide/rate.ts.
 *
 * Owns: what each key has used lately, who waits for it in memory, and up to when its turns are promised. Does not own: longer
 * waits, which are in the runs' own journals (`attempt.held`) with the time of their turn.
 *
 * Q1. A call counts at the moment in which it is let through, never before: however late those come whose turn it is, no more
 *     begin at once than the rate allows.
 * Q2. Within a key the first to come is the first to begin; one that waited in its journal keeps the place of its turn.
 * Q3. Who waits holds nothing that others need: no place, no lock, and only a few wait in memory.
 * Q4. A key is forgotten once nothing of it is used any more.
 * Q5. Nothing is known of what a process before this one has let through: each key begins as if its burst had just been used
 *     up, except at the store's very first open.
 */
import { decayed, refillMs, spent, waitMs, withCall } from "../../decide/rate.ts";
import type { RateKeySnapshot, RatePolicy, RateSettings, RateSnapshot } from "../../model/rate.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DeclaredRate } from "../rates.ts";
import { type Line, line, type Place } from "./line.ts";

/** A longer wait is held in the journal: what waits in memory keeps its run's place to execute. */
export const MEMORY_WAIT_MS = 3_000;
/** Calls of one rate that wait in memory, over all keys; a quarter of the runs that execute at a time, by default. */
export const MEMORY_WAITS_MAX = 250;
/** Keys are looked through for those that can be forgotten at most this often. */
const SWEEP_MIN_MS = 1_000;
const BUSIEST_MAX = 10;

/** A call that asks whether it may begin. */
export interface Asked {
  readonly key: string;
  /** `name@version` of the agent. */
  readonly agent: string;
  /** When its turn is, if it was promised one: what its journal says, or what it was told before. Wall clock, milliseconds. */
  readonly slot: number | undefined;
  /** Whether its turn was called: it goes before others that were promised the same one, or they would let each other go first for ever. */
  readonly called: boolean;
  /** Called when its turn has come: it asks again, with the slot. */
  readonly turn: (slot: number) => void;
}

export type Answer =
  | { readonly kind: "pass" }
  /** It waits in memory, until `turn` is called. */
  | { readonly kind: "wait"; readonly leave: () => void }
  /** It asks again at `dueAt`. */
  | { readonly kind: "later"; readonly dueAt: number };

export interface Rates {
  ask(policy: RatePolicy, asked: Asked): Answer;
  snapshots(): readonly RateSnapshot[];
  /** By agent, how many of its calls wait in memory. */
  waiting(): ReadonlyMap<string, number>;
  /** The engine has stopped: nobody's turn comes any more. */
  stop(): void;
}

interface Waiter {
  readonly slot: number;
  /** Whether it has come only now: of two with the same slot, the one that was promised it first comes first. */
  readonly isNew: boolean;
  readonly agent: string;
  readonly turn: (slot: number) => void;
}

interface Key {
  readonly name: string;
  /** Of the calls that began. */
  debt: number;
  /** The same with the calls that were promised a turn. */
  promised: number;
  /** When both were so. */
  atMs: number;
  usedMs: number;
  /** The newest slot that was given. */
  lastSlot: number;
  line: Line<Waiter> | undefined;
  stopTimer: (() => void) | undefined;
  serving: boolean;
}

interface Rate {
  readonly settings: RateSettings;
  /** The one that was not used for longest is first. */
  readonly keys: Map<string, Key>;
  waiting: number;
  stopSweep: (() => void) | undefined;
}

interface State {
  readonly clock: Clock;
  readonly declared: ReadonlyMap<string, DeclaredRate>;
  readonly rates: Map<string, Rate>;
  /** Undefined at the store's first open (Q5). */
  readonly openedMs: number | undefined;
  stopped: boolean;
}

export function rates(
  clock: Clock,
  declared: ReadonlyMap<string, DeclaredRate>,
  firstOpen: boolean,
): Rates {
  const openedMs = firstOpen ? undefined : elapsed(clock);
  const state: State = { clock, declared, rates: new Map(), openedMs, stopped: false };
  return {
    ask: (policy, asked) => ask(state, rateOf(state, policy), asked),
    snapshots: () => snapshots(state),
    waiting: () => waitingByAgent(state),
    stop: () => {
      state.stopped = true;
      for (const { keys, stopSweep } of state.rates.values()) {
        stopSweep?.();
        for (const { stopTimer } of keys.values()) stopTimer?.();
      }
    },
  };
}

/** Whole milliseconds that never go back. */
function elapsed(clock: Clock): number {
  return Math.floor(clock.monotonicMs());
}

function rateOf({ rates: known }: State, { name, settings }: RatePolicy): Rate {
  let rate = known.get(name);
  if (rate === undefined) {
    rate = { settings, keys: new Map(), waiting: 0, stopSweep: undefined };
    known.set(name, rate);
  }
  return rate;
}

/** The key as it stands now, and as the newest that was used. */
function used(state: State, rate: Rate, name: string): Key {
  const nowMs = elapsed(state.clock);
  const known = rate.keys.get(name);
  const key = known ?? newKey(state, rate, name, nowMs);
  advance(key, rate.settings, nowMs);
  key.usedMs = nowMs;
  // Sets it last; the order is that of use.
  if (known !== undefined && rate.keys.size > 1) rate.keys.delete(name);
  rate.keys.set(name, key);
  armSweep(state, rate);
  return key;
}

function newKey({ openedMs }: State, { settings }: Rate, name: string, nowMs: number): Key {
  const debt = openedMs === undefined ? 0 : decayed(spent(settings), settings, nowMs - openedMs);
  return {
    name,
    debt,
    promised: debt,
    atMs: nowMs,
    usedMs: nowMs,
    lastSlot: 0,
    line: undefined,
    stopTimer: undefined,
    serving: false,
  };
}

function advance(key: Key, settings: RateSettings, nowMs: number): void {
  const passedMs = nowMs - key.atMs;
  if (passedMs <= 0) return;
  key.debt = decayed(key.debt, settings, passedMs);
  key.promised = decayed(key.promised, settings, passedMs);
  key.atMs = nowMs;
}

function ask(state: State, rate: Rate, asked: Asked): Answer {
  const { settings } = rate;
  const key = used(state, rate, asked.key);
  const standing = key.line?.size() ?? 0;
  // What stands in line, and is late, is before whoever comes now.
  const promised = Math.max(key.promised, key.debt + standing * settings.perMs);
  if (asked.slot !== undefined) {
    const debt = key.debt + ahead(key, asked.slot, asked.called) * settings.perMs;
    const inMs = waitMs(debt, settings);
    if (inMs === 0) return pass(key, settings, promised);
    if (inMs <= MEMORY_WAIT_MS) return stand(state, rate, key, asked, asked.slot);
  } else if (standing === 0 && waitMs(promised, settings) === 0) {
    return pass(key, settings, withCall(promised, settings));
  }
  // A turn that came so late that it can't be used by far is promised anew, behind all others.
  const inMs = Math.max(1, waitMs(promised, settings));
  const slot = Math.max(state.clock.now() + inMs, key.lastSlot);
  key.promised = withCall(promised, settings);
  key.lastSlot = slot;
  const staysInMemory =
    asked.slot === undefined && inMs <= MEMORY_WAIT_MS && rate.waiting < MEMORY_WAITS_MAX;
  return staysInMemory ? stand(state, rate, key, asked, slot) : { kind: "later", dueAt: slot };
}

/** It begins now (Q1). */
function pass(key: Key, settings: RateSettings, promised: number): Answer {
  key.debt = withCall(key.debt, settings);
  key.promised = Math.max(promised, key.debt);
  return PASS;
}

const PASS: Answer = { kind: "pass" };

/** How many in line come before a slot that was promised. */
function ahead(key: Key, slot: number, called: boolean): number {
  let count = 0;
  for (let place = key.line?.first(); place !== undefined; place = place.after) {
    if (isBehind(place.who, slot, called)) break;
    count += 1;
  }
  return count;
}

function isBehind(other: Waiter, slot: number, called: boolean): boolean {
  return other.slot > slot || (other.slot === slot && (called || other.isNew));
}

function stand(state: State, rate: Rate, key: Key, asked: Asked, slot: number): Answer {
  const { agent, turn, called } = asked;
  const isNew = asked.slot === undefined;
  key.line ??= line<Waiter>();
  const waiter: Waiter = { slot, isNew, agent, turn };
  const place: Place<Waiter> = isNew
    ? key.line.join(waiter)
    : key.line.join(waiter, (other) => isBehind(other, slot, called));
  rate.waiting += 1;
  arm(state, rate, key);
  return {
    kind: "wait",
    leave: () => {
      if (key.line?.leave(place) !== true) return;
      rate.waiting -= 1;
      // Its turn is free for whoever comes.
      key.promised = Math.max(0, key.promised - rate.settings.perMs);
      arm(state, rate, key);
    },
  };
}

/** Sets the timer for the turn of the first in line. */
function arm(state: State, rate: Rate, key: Key): void {
  if (key.serving) return;
  key.stopTimer?.();
  key.stopTimer = undefined;
  if ((key.line?.size() ?? 0) === 0) {
    key.line = undefined;
    return;
  }
  if (state.stopped) return;
  advance(key, rate.settings, elapsed(state.clock));
  key.stopTimer = state.clock.after(Math.max(1, waitMs(key.debt, rate.settings)), () => {
    key.stopTimer = undefined;
    serve(state, rate, key);
  });
}

/**
 * Tells the first in line that it is their turn, as long as one may begin. Who can't begin now (its agent has no place) leaves
 * the turn to the next, and asks again when it can.
 */
function serve(state: State, rate: Rate, key: Key): void {
  key.serving = true;
  try {
    for (let left = key.line?.size() ?? 0; left > 0; left -= 1) {
      advance(key, rate.settings, elapsed(state.clock));
      if (state.stopped || waitMs(key.debt, rate.settings) > 0) break;
      const waiter = key.line?.next();
      if (waiter === undefined) break;
      rate.waiting -= 1;
      waiter.turn(waiter.slot);
    }
  } finally {
    key.serving = false;
    arm(state, rate, key);
  }
}

/** Forgets keys that are as if they had never been used (Q4), a while after their last use. */
function armSweep(state: State, rate: Rate): void {
  if (rate.stopSweep !== undefined || state.stopped) return;
  const first = rate.keys.values().next();
  if (first.done === true) return;
  const fullAtMs = first.value.usedMs + refillMs(rate.settings);
  const delayMs = Math.max(SWEEP_MIN_MS, fullAtMs - elapsed(state.clock));
  rate.stopSweep = state.clock.after(
    Math.min(TIMER_MAX_MS, delayMs),
    () => sweep(state, rate),
    true,
  );
}

/** Node's timers hold 31 bits of milliseconds. */
const TIMER_MAX_MS = 2_000_000_000;

function sweep(state: State, rate: Rate): void {
  const { keys, settings } = rate;
  const nowMs = elapsed(state.clock);
  const sinceMs = nowMs - refillMs(settings);
  for (const [name, key] of keys) {
    if (key.usedMs > sinceMs) break;
    advance(key, settings, nowMs);
    keys.delete(name);
    if (key.debt === 0 && key.promised === 0 && key.line === undefined) continue;
    // Its turns are promised for longer: looked at again.
    key.usedMs = nowMs;
    keys.set(name, key);
  }
  rate.stopSweep = undefined;
  armSweep(state, rate);
}

function snapshots(state: State): readonly RateSnapshot[] {
  const nowMs = elapsed(state.clock);
  return [...state.declared].map(([name, { settings, agents }]) => {
    const rate = state.rates.get(name);
    const { keys = new Map<string, Key>(), waiting = 0 } = rate ?? {};
    const busiest: RateKeySnapshot[] = [];
    for (const key of keys.values()) {
      advance(key, settings, nowMs);
      addBusiest(busiest, {
        key: key.name,
        used: Math.min(settings.burst, Math.ceil(key.debt / settings.perMs)),
        waiting: key.line?.size() ?? 0,
      });
    }
    return Object.freeze({ name, ...settings, agents, keys: keys.size, waiting, busiest });
  });
}

function addBusiest(busiest: RateKeySnapshot[], key: RateKeySnapshot): void {
  const at = busiest.findIndex(
    (other) =>
      key.waiting > other.waiting || (key.waiting === other.waiting && key.used > other.used),
  );
  if (at < 0 && busiest.length >= BUSIEST_MAX) return;
  busiest.splice(at < 0 ? busiest.length : at, 0, key);
  busiest.length = Math.min(busiest.length, BUSIEST_MAX);
}

function waitingByAgent({ rates: known }: State): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { keys, waiting } of known.values()) {
    if (waiting === 0) continue;
    for (const key of keys.values())
      for (let place = key.line?.first(); place !== undefined; place = place.after)
        counts.set(place.who.agent, (counts.get(place.who.agent) ?? 0) + 1);
  }
  return counts;
}
