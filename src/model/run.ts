/**
 * The state of one run, as the decider sees it: a fold of its journal, plus what this incarnation has under way.
 *
 * Owned by one caller at a time: `evolve` changes the run that it is given and is its only writer, except for the fields
 * under "under way", which `decide` and `accept` keep. A fold that starts anew from the entries gives an equal run, with
 * nothing under way: what must be executed follows from the journal.
 */
import TinyQueue from "tinyqueue";
import type {
  Author,
  Failure,
  Opening,
  ParkedBecause,
  PlannedCompensation,
  Position,
  RollbackReason,
  Savepoint,
} from "./entry.ts";
import type { Gate } from "./gate.ts";
import type { Amounts } from "./amounts.ts";
import type { Json } from "./json.ts";
import type { Limits } from "./limits.ts";
import type { Violation } from "./violation.ts";
import type { WorkflowDefinition } from "./workflow-definition.ts";

export interface SealedValue {
  readonly value: Json;
  readonly seq: number;
  readonly version: number;
  readonly turn: number;
}

/** A step that has left its start. A step that is absent from the run has not begun, or has begun and recorded nothing. */
export type StepState =
  | {
      readonly kind: "open";
      readonly opening: Opening;
      readonly seq: number;
      readonly reads: Reads;
      readonly items: Items | undefined;
    }
  | { readonly kind: "sealed" }
  | { readonly kind: "skipped"; readonly seq: number }
  /** What it had opened stays known: what was under way may still come to an end. */
  | { readonly kind: "failed"; readonly opening?: Opening; readonly reads?: Reads };

export type Reads = Readonly<Record<string, number>>;

/** What is known of the items of a map, or the rounds of a repeat. Owned by the run. */
export interface Items {
  /** The map's list; empty for a repeat. */
  readonly list: readonly Json[];
  /** By index: undefined until settled. */
  readonly results: (ItemResult | undefined)[];
  settled: number;
  /** Under way: the first index that has not been begun, and how many are executing. */
  next: number;
  executing: number;
  /** Under way: indexes whose retry is due. */
  readonly again: number[];
}

export type ItemResult =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly error: Failure };

/** A call of an agent that has failed at least once in its turn, or that was sent back. */
export interface CallState {
  readonly failedAttempts: number;
  readonly retryAt: number | undefined;
  readonly feedback: readonly Violation[];
  /** Attempts that the policy does not count: lost with their process, or made before a person asked for more. */
  readonly uncounted?: number;
  /** How far an attempt of the turn had come, and `name@version` of the agent that said so. */
  readonly progress?: { readonly agent: string | undefined; readonly value: Json };
}

/** An attempt that was begun, and whose outcome is not in the journal. */
export interface Intent {
  readonly step: string;
  readonly turn: number;
  readonly attempt: number;
  readonly reads: Reads;
  /** `name@version` of the agent that was called: the step's own, or a fallback. */
  readonly agent: string | undefined;
  readonly inputHash: string | undefined;
  /** What was set aside for it. */
  readonly reserved?: Amounts;
  readonly quarantined: boolean;
}

/** An attempt whose outcome is to be asked for. */
export interface Unknown {
  readonly step: string;
  readonly turn: number;
  readonly attempt: number;
  /** `name@version` of the agent that was called. */
  readonly agent: string | undefined;
  readonly inputHash: string | undefined;
  readonly error: Failure;
  /** Probes so far. */
  readonly probes: number;
  /** When the next probe may be made; put off, under way, each time that a gate refuses it. */
  readonly retryAt: number | undefined;
}

/** A call that stood ready or was begun when its process died. */
export interface Suspicion {
  /** In how many incarnations, in a row. */
  readonly crashes: number;
  /** How often it was the one call in quarantine. */
  readonly deaths: number;
}

/** A call that waits for a person. */
export interface ParkedCall {
  readonly step: string;
  readonly turn: number;
  readonly attempt: number;
  readonly because: ParkedBecause;
  readonly error: Failure;
  readonly inputHash: string | undefined;
}

/** An attempt that met a closed gate and waits. It stays until the attempt has ended, so that the wait is recorded once. */
export interface Hold {
  readonly step: string;
  readonly gate: Gate;
  readonly turn: number;
  readonly attempt: number;
  /** When the gate is asked again. Under way: put off each time that it refuses again. */
  readonly dueAt: number;
}

/** An event that the run published or received, by the seq of its entry. */
export interface RunEvent {
  readonly topic: string;
  /** `name@version` of the topic's contract when it was published. */
  readonly contract: string;
  readonly id: string;
  readonly hops: number;
  readonly key?: string;
  readonly data: Json;
}

/** What is to be handled of a subscription: the events by the name under which it sees them. */
export interface Delivery {
  readonly step: string;
  readonly events: Readonly<Record<string, number>>;
  /** Of its subscription and key; absent where the order doesn't matter. */
  readonly line?: string;
}

/** What a run knows of events; see decide/bus.ts. Owned by the run. */
export interface RunBus {
  readonly events: Map<number, RunEvent>;
  readonly ids: Set<string>;
  /** By path. */
  readonly deliveries: Map<string, Delivery>;
  /** By subscription to several topics, what has come of them. */
  readonly gatherings: Map<
    string,
    {
      readonly events: Readonly<Record<string, number>>;
      readonly settled: boolean;
      /** When the time for the rest is over; absent where only the run's deadline ends it. */
      readonly dueAt?: number;
    }
  >;
  /** Paths of deliveries that are not settled, in order. */
  readonly lines: Map<string, string[]>;
  /** How far from the first of its chain an event from elsewhere was that the run has received. */
  farthest: number | undefined;
  /** The event with which the run completes. */
  end: { readonly seq: number; readonly data: Json } | undefined;
}

export interface ReceivedSignal {
  readonly id: string;
  readonly by: Author;
  readonly value: Json;
  readonly seq: number;
}

export type Timer =
  | {
      readonly dueAt: number;
      readonly kind: "retry";
      readonly step: string;
      readonly path: string;
      readonly attempt: number;
    }
  | {
      readonly dueAt: number;
      readonly kind: "held" | "probe";
      readonly step: string;
      readonly path: string;
    }
  | { readonly dueAt: number; readonly kind: "wake" | "remind"; readonly step: string }
  /** Another attempt of a compensation; `key` is `path:turn`. */
  | { readonly dueAt: number; readonly kind: "compensate"; readonly key: string };

/** When a step that is ready must have been sealed or, without one, when the run must have ended. */
export interface DeadlineTimer {
  readonly dueAt: number;
  readonly step: string | undefined;
}

/** What is being performed for a path: an attempt of an agent, or a child run. */
export interface Performing {
  readonly step: string;
  readonly turn: number;
  readonly attempt: number;
  readonly reads: Reads;
  readonly agent: string | undefined;
}

export type RunPhase =
  | { readonly kind: "new" }
  | { readonly kind: "going" }
  | {
      readonly kind: "failing";
      readonly step: string | undefined;
      readonly error: Failure;
      /** The entry with which it began to. */
      readonly since: number;
    }
  | {
      readonly kind: "cancelling";
      readonly reason: string;
      /** Not to be cancelled: to go back to that savepoint, as a person asked. */
      readonly to?: Savepoint;
    }
  | { readonly kind: "blocked"; readonly missing: readonly string[] }
  | ({ readonly kind: "compensating" } & RollbackReason)
  /** Compensating, but nothing goes on without a person. */
  | ({ readonly kind: "parked"; readonly paths: readonly string[] } & RollbackReason)
  | ({ readonly kind: "compensated" } & RollbackReason)
  | { readonly kind: "completed"; readonly output: Json }
  | { readonly kind: "failed"; readonly step: string | undefined; readonly error: Failure }
  | { readonly kind: "cancelled"; readonly reason: string }
  | { readonly kind: "refused"; readonly violations: readonly Violation[] };

/** What is known of a compensation that has failed, or waits at a gate. */
export interface CompensationState {
  /** Attempts so far. */
  readonly attempts: number;
  /** Attempts when a person last asked for more: the policy counts from there. */
  readonly before: number;
  /** When the next attempt may begin; put off, under way, each time that a gate refuses it again. */
  readonly retryAt: number | undefined;
  /** Set where it failed for good. */
  readonly error: Failure | undefined;
  /** The closed gate that the next attempt waits at; it stays until that attempt has ended, so that a wait is recorded once. */
  readonly gate?: Gate;
}

/** The way back of a run. Owned by the run. */
export interface Rollback {
  /** How far it goes; undefined for all the way. */
  readonly to: Savepoint | undefined;
  /** Why it is cancelled, where that was asked on the way to a savepoint: from there it goes all the way. */
  cancelled: { readonly reason: string } | undefined;
  /** What is still to be undone, by `path:turn`, in the order of the walk. */
  readonly pending: Map<string, PlannedCompensation>;
  /** How many of these each step has. */
  readonly pendingOf: Map<string, number>;
  readonly states: Map<string, CompensationState>;
  /** Paths that a person has dealt with. */
  readonly byHand: string[];
  readonly skipped: string[];
}

/** The run's journal so far, as far as compensating needs it; see decide/saga-history.ts. */
export interface SagaHistory {
  readonly plan: readonly PlannedCompensation[];
  /** By `path:turn`. */
  readonly acts: ReadonlyMap<string, SagaAct>;
  /** What was sealed, by seq. */
  readonly values: ReadonlyMap<number, Json>;
  /** By `step:turn`. */
  readonly openings: ReadonlyMap<string, SagaOpening>;
}

/** One call of an agent as the journal has it. */
export interface SagaAct {
  readonly path: string;
  readonly turn: number;
  readonly seq: number;
  readonly reads: Reads;
  readonly inputHash: string | undefined;
  /** Undefined where the outcome is not known. */
  readonly output: Json | undefined;
  /** `name@version` of the fallback agent that acted, where it was not the step's own. */
  readonly standsIn?: string;
  /** Another agent that may have acted there too, before or after: only a person can tell what is to be undone. */
  readonly besides?: string;
}

export interface SagaOpening {
  readonly opening: Opening;
  /** The map's list. */
  readonly list: readonly Json[];
}

export interface Run {
  readonly id: string;
  readonly definition: WorkflowDefinition;
  readonly limits: Limits;
  phase: RunPhase;
  /** Set once an event of the run is known. */
  bus: RunBus | undefined;
  /** Under which what follows from one beginning is found. */
  correlation: string;
  /** Of a child run: how far the event that led to it is from the first of its chain; undefined where none did. */
  hops: number | undefined;
  /** The manifest that the run is pinned to; empty before it has started. */
  manifest: string;
  inputHash: string | undefined;
  parent: { readonly run: string; readonly path: string } | undefined;
  /** When the run must have ended. */
  deadlineAt: number | undefined;
  /** By step that is ready and not settled, when it must have been sealed; undefined as long as none has a deadline. */
  stepDeadlines: Map<string, number> | undefined;
  /** The deadlines in their order, for a run that has any. May hold some that no longer matter. */
  deadlines: TinyQueue<DeadlineTimer> | undefined;
  /** Seq of the last entry, -1 before the first. */
  seq: number;
  /** Time of the last entry. */
  at: number;
  version: number;
  incarnation: number;
  /** `input` and the output of each sealed step. */
  readonly values: Map<string, SealedValue>;
  readonly steps: Map<string, StepState>;
  /** Turn of a step, where it is not 0. */
  readonly turns: Map<string, number>;
  /** By step that was taken back, the turn that it began anew with: what may be sent back is counted from there. */
  readonly restarts: Map<string, number>;
  /** By step, how often the run went back to its savepoint by itself. */
  readonly savepointUses: Map<string, number>;
  readonly calls: Map<string, CallState>;
  /** By path, attempts that wait at a gate. */
  readonly holds: Map<string, Hold>;
  /** By path, attempts that were begun and are not known to have ended. */
  readonly intents: Map<string, Intent>;
  /** What its attempts have used, where budgets measure it; undefined before the first. */
  spent: Amounts | undefined;
  /** By path, attempts whose outcome is to be asked for. */
  readonly unknowns: Map<string, Unknown>;
  /** By path, calls that wait for a person. */
  readonly parked: Map<string, ParkedCall>;
  /** By path, calls that a process may have died of. */
  readonly suspicions: Map<string, Suspicion>;
  /** Under way: whether intents of an earlier incarnation have been looked for. */
  lostIntentsTaken: boolean;
  /** By `path:turn`, what `once` has recorded. */
  readonly onces: Map<string, Map<string, Json>>;
  /** By step that waits, when somebody is told next. */
  readonly reminders: Map<string, number>;
  /** Signals that came before their step was reached. */
  readonly signals: Map<string, ReceivedSignal>;
  /** `step:id` of every signal that was taken. */
  readonly signalIds: Set<string>;
  /** How many needs of a step are unsettled; absent once none is. */
  readonly unmetNeeds: Map<string, number>;
  /** Steps that are neither sealed nor skipped; of a choreography, deliveries. */
  unsettledSteps: number;
  /** Steps that must be looked at: filled by evolve, drained by decide. */
  readonly agenda: Set<string>;
  /** May hold timers that no longer matter: they are recognised when due. */
  timers: TinyQueue<Timer>;
  /** Under way: by path, what this incarnation is performing. */
  readonly performing: Map<string, Performing>;
  /** Under way: whether the abort of what is performing was commanded. */
  abortCommanded: boolean;
  /** Set once the run goes back. */
  rollback: Rollback | undefined;
  /** Under way: what compensating needs of the journal, or whether it has been asked for. */
  history: SagaHistory | "asked" | undefined;
  /** Under way: code that this process does not have, without which nothing can be compensated. */
  missing: readonly string[];
}

const NOTHING_MISSING: readonly string[] = [];

/** No timers: the one that is due first comes first. */
export function newTimers(): TinyQueue<Timer> {
  return new TinyQueue<Timer>([], (a, b) => a.dueAt - b.dueAt);
}

/** A run before its first entry. */
export function newRun(id: string, definition: WorkflowDefinition, limits: Limits): Run {
  return {
    id,
    definition,
    limits,
    phase: { kind: "new" },
    bus: undefined,
    correlation: id,
    hops: undefined,
    manifest: "",
    inputHash: undefined,
    parent: undefined,
    deadlineAt: undefined,
    stepDeadlines: undefined,
    deadlines: undefined,
    seq: -1,
    at: 0,
    version: -1,
    incarnation: 0,
    values: new Map(),
    steps: new Map(),
    turns: new Map(),
    restarts: new Map(),
    savepointUses: new Map(),
    calls: new Map(),
    holds: new Map(),
    intents: new Map(),
    spent: undefined,
    unknowns: new Map(),
    parked: new Map(),
    suspicions: new Map(),
    lostIntentsTaken: false,
    onces: new Map(),
    reminders: new Map(),
    signals: new Map(),
    signalIds: new Set(),
    unmetNeeds: new Map(),
    unsettledSteps: definition.choreography === undefined ? definition.steps.length : 0,
    agenda: new Set(),
    timers: newTimers(),
    performing: new Map(),
    abortCommanded: false,
    rollback: undefined,
    history: undefined,
    missing: NOTHING_MISSING,
  };
}

/** Where an agent's output of this path and turn belongs in the journal, for causation. */
export function positionOf(run: Run, seq: number): Position {
  return { stream: `run/${run.id}`, seq };
}
