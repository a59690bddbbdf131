/**
 * Entries: the lines of a journal, format version 1. docs/journal.md describes the same for other programs.
 *
 * A *draft* is what the decider wants said; a *fact* is a draft with its place and time, which is all that evolve needs;
 * an *entry* is the fact as it is stored, chained to the one before. The large value of a fact (an output, an input) stands
 * beside its payload, because in the entry it is either inline or a reference to a blob.
 */
import type { AdmissionMark } from "./admission.ts";
import type { Amounts } from "./amounts.ts";
import type { BreakerMark, BreakerRecord, FallbackMark } from "./breaker.ts";
import type { BudgetMark, BudgetRecord, Reservation, Settlement } from "./budget.ts";
import type { EventFacts, IntakeRecord, RefusedMessage, UnclaimedRecord } from "./event-facts.ts";
import type { Gate } from "./gate.ts";
import type { Json, JsonObject } from "./json.ts";
import type { ProjectionRecord } from "./projection.ts";
import type { RegistryPayloads } from "./registry-payloads.ts";
import type { ThreadPayloads } from "./thread-payloads.ts";
import type { Violation } from "./violation.ts";

export const ENTRY_FORMAT = 1;

/** Who caused an entry. `onBehalfOf` is set where a program acted for a person. */
export interface Author {
  readonly kind: "engine" | "agent" | "person" | "program";
  readonly id: string;
  readonly onBehalfOf?: string;
}

/** A place in a journal. */
export interface Position {
  readonly stream: string;
  readonly seq: number;
}

/** Why an attempt, a step or a run failed, as it is recorded: never the stack, which names the machine and not the matter. */
export interface Failure {
  /** Machine-readable: an ErrorCode, the `code` of the thrown error, or its class name. */
  readonly code: string;
  readonly message: string;
  readonly violations?: readonly Violation[];
  /** How long what was called asks to be left alone, in milliseconds: no attempt is made before. */
  readonly retryAfterMs?: number;
}

/** What a model was asked to do, with what it cost in the price table's currency (a decimal string; absent without a price). */
export interface UsageRecord {
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cost?: string;
  readonly currency?: string;
}

/** What a step that is more than one call decided when it was opened; see each step kind in `decide/`. */
export type Opening =
  | { readonly step: "branch"; readonly case: string; readonly run?: string }
  | { readonly step: "map"; readonly width: number }
  | { readonly step: "repeat" }
  | { readonly step: "subflow"; readonly run: string }
  | { readonly step: "sleep"; readonly dueAt: number }
  | { readonly step: "approval"; readonly dueAt?: number; readonly remindAt?: number }
  | { readonly step: "signal"; readonly dueAt?: number; readonly remindAt?: number }
  | { readonly step: "event"; readonly dueAt?: number; readonly remindAt?: number }
  /** A delivery of what has come of several topics, in time, by the name under which it is seen: the events' seqs. */
  | { readonly step: "gathering"; readonly events: Readonly<Record<string, number>> };

/** What happens after a refused handoff, as decided at that moment. */
export type RefusalOutcome =
  | { readonly kind: "fail" }
  | { readonly kind: "skip" }
  | { readonly kind: "sendBack"; readonly to: string; readonly turn: number }
  /** An item of a map failed, or a signal was refused: the step itself goes on. */
  | { readonly kind: "goOn" }
  /** A delivery waits for a person. */
  | { readonly kind: "deadLetter" };

/** Why a run goes back over what it has done. */
export interface RollbackReason {
  /** `failed` and `cancelled` are the run's own end; `asked`: by a person, of a run that had ended; `parent`: with the run it is part of. */
  readonly because: "failed" | "cancelled" | "asked" | "parent";
  /** The step whose failure it was. */
  readonly step?: string;
  readonly error: Failure;
}

/** A version that a run can go back to, named by the step whose sealing made it. */
export interface Savepoint {
  readonly step: string;
  readonly version: number;
  /** The entry that sealed it. */
  readonly seq: number;
}

/** One thing that is to be undone. */
export interface PlannedCompensation {
  /** A result of an agent, an attempt whose outcome is not known, or a child run. */
  readonly what: "result" | "unknown" | "run";
  readonly path: string;
  readonly turn: number;
  /** The entry that it undoes: what was sealed, or the failure of the attempt. */
  readonly seq: number;
  /** `name@version` */
  readonly agent?: string;
  /** The child run. */
  readonly run?: string;
}

/** What a person decides of a compensation that failed for good. */
export type CompensationAction = "retry" | "done" | "skip";

/** What becomes of a call after an attempt whose outcome is not known, as decided at that moment. */
export type UnknownOutcome =
  /** Made again: the agent is at-least-once. */
  | "retry"
  /** The agent's `probe` asks the outside system. */
  | "probe"
  /** The step is parked for a person. */
  | "ask"
  /** The step fails; the run goes back, over this attempt too. */
  | "compensate"
  /** Nothing: the run is ending. */
  | "end";

/** What a probe said of an attempt; `failed` where it threw, or took too long. */
export type ProbedAnswer = "done" | "notDone" | "unknown" | "failed";

/** Why a step is parked: its attempt's outcome is not known; it took its process with it; it failed where the run may only go forward; it is a delivery that failed for good, or was refused. */
export type ParkedBecause = "unknown" | "poison" | "pivot" | "failed" | "refused";

/** What a person decides of a step that is parked. */
export type StepAction = "retry" | "done" | "fail";

/** What is known of a call that is no attempt: of a compensation, of a probe. */
interface CallFacts {
  readonly usage?: readonly UsageRecord[];
  readonly tookMs?: number;
  readonly breaker?: BreakerMark;
}

/** The payload of each kind of entry, without the value that {@link VALUE_FIELD} names. */
export interface Payloads extends RegistryPayloads, ThreadPayloads {
  /** Seals version 0. Value: the input. `parent` is set for forks and for the child run of a subflow. */
  readonly "run.started": {
    readonly workflow: string;
    readonly manifest: string;
    readonly engine: string;
    readonly fork?: Position & { readonly hash: string; readonly version: number };
    readonly parent?: { readonly run: string; readonly path: string };
    /** Under which what follows from one beginning is found; absent where it is the run's own id. */
    readonly correlation?: string;
    /** Of a child run: how far the event that led to it is from the first of its chain; absent where none did. */
    readonly hops?: number;
    /** When the run must have ended, in milliseconds since 1970; absent without a deadline. */
    readonly deadlineAt?: number;
    /** The span of whoever started it, by W3C Trace Context; absent where none was said. */
    readonly traceparent?: string;
  };
  /** The input broke the workflow's contract; the run never began. No value: what was refused is not kept. */
  readonly "run.refused": {
    readonly workflow: string;
    readonly violations: readonly Violation[];
    readonly inputHash?: string;
  };
  /** `crashed`: the process before neither ended nor handed the store over: it died, or hung. */
  readonly "run.resumed": { readonly incarnation: number; readonly crashed?: true };
  /** The run needs code that this process does not have; it waits until it is there. */
  readonly "run.blocked": { readonly missing: readonly string[] };
  readonly "run.completed": Record<never, never>;
  readonly "run.failed": { readonly step?: string; readonly error: Failure };
  /**
   * The run's deadline has passed: it fails, and goes back over what it has done. With `pivot`, a step that was sealed, it goes
   * on, and a person is told of what it is at.
   */
  readonly "run.overdue": { readonly deadlineAt: number; readonly pivot?: string };
  /** `to`: the run is only wound down, and goes back to that savepoint. In a run that is going back to one: no further than back. */
  readonly "run.cancelling": { readonly reason: string; readonly to?: Savepoint };
  readonly "run.cancelled": { readonly reason: string };
  /** Seals a version. Value: the step's output. */
  readonly "step.sealed": {
    readonly usage?: readonly UsageRecord[];
    readonly tookMs?: number;
    readonly timedOut?: boolean;
    readonly breaker?: BreakerMark;
    readonly fallback?: FallbackMark;
    readonly spent?: Amounts;
  };
  /** Seals a version in a fork: the value was sealed by the parent run at `from`. */
  readonly "step.carried": { readonly from: Position & { readonly hash: string } };
  /** `failed`, `discarded`: a delivery that is passed over, by policy or by a person. */
  readonly "step.skipped": {
    readonly reason: "when" | "refused" | "timeout" | "failed" | "discarded";
  };
  /** Value: the list of a map, what an approval shows; absent for the other kinds. */
  readonly "step.opened": Opening;
  /** `deadlineAt`: the deadline, of the step or of the run, that ended it. */
  readonly "step.failed": { readonly error: Failure; readonly deadlineAt?: number };
  /** A call of the step waits for a person. Value: all that it takes to decide, as far as it is known. */
  readonly "step.parked": { readonly because: ParkedBecause; readonly error: Failure };
  /** A person has decided; what was done by hand is sealed by that person in the next entry. */
  readonly "step.resolved": {
    readonly action: StepAction;
    readonly reason?: string;
    /** The person has made sure that the attempt of unknown outcome did nothing. */
    readonly nothingDone?: true;
  };
  /** One item of a map or one round of a repeat. Value: its output. Makes no version. */
  readonly "item.sealed": {
    readonly usage?: readonly UsageRecord[];
    readonly tookMs?: number;
    readonly breaker?: BreakerMark;
    readonly fallback?: FallbackMark;
    readonly spent?: Amounts;
  };
  /** An item of a map was given up on; only where the map's failures are settled. */
  readonly "item.failed": { readonly error: Failure; readonly deadlineAt?: number };
  readonly "attempt.failed": {
    readonly error: Failure;
    readonly retryAt?: number;
    /** The last, though the agent has attempts left: the retries of all its runs together are spent. */
    readonly retriesCut?: true;
    /** Of an at-most-once agent: the attempt is known to have done nothing. */
    readonly nothingDone?: true;
    /** How far it had come, by its last heartbeat that said so. */
    readonly progress?: Json;
    readonly usage?: readonly UsageRecord[];
    readonly tookMs?: number;
    readonly breaker?: BreakerMark;
    readonly fallback?: FallbackMark;
    readonly spent?: Amounts;
    readonly budget?: BudgetMark;
    readonly admission?: AdmissionMark;
  };
  /**
   * The attempt is about to be made: written before the call where it must be known later that it may have been made.
   * `quarantined`: no other such call is under way in the process, since one of them may take it down.
   */
  readonly "attempt.begun": {
    readonly quarantined?: true;
    /** What was set aside for it: of the budgets named, and of the run's own. */
    readonly reserved?: Amounts;
    readonly budgets?: readonly string[];
  };
  /** Whether the attempt acted is not known. `lost`: its process died, or lost the run, while it was made. */
  readonly "attempt.unknown": {
    readonly error: Failure;
    readonly then: UnknownOutcome;
    readonly lost?: true;
    readonly usage?: readonly UsageRecord[];
    readonly tookMs?: number;
    readonly breaker?: BreakerMark;
    readonly fallback?: FallbackMark;
    readonly spent?: Amounts;
  };
  /** The agent's probe was asked what an attempt of unknown outcome did. `then` where it gave up, `retryAt` where something is tried again. */
  readonly "attempt.probed": CallFacts & {
    /** 1 for the first probe of the attempt. */
    readonly probe: number;
    readonly answer: ProbedAnswer;
    readonly error?: Failure;
    /** Of the next probe, or, after `notDone`, of the next attempt. */
    readonly retryAt?: number;
    readonly then?: UnknownOutcome;
  };
  /**
   * The attempt met a gate that lets nothing through now, and waits; once for each wait, however often it is refused. `dueAt`:
   * when the run asks again by itself. `until`: when the gate lets the next through; absent if that is not known.
   */
  readonly "attempt.held": {
    readonly gate: Gate;
    readonly dueAt: number;
    readonly until?: number;
  };
  readonly "handoff.refused": {
    readonly violations: readonly Violation[];
    readonly then: RefusalOutcome;
  };
  /** Value: what the effect gave. */
  readonly "once.recorded": { readonly name: string };
  /** Value: the payload. `id` is the sender's, so that a signal that is sent twice counts once. */
  readonly "signal.received": { readonly id: string };
  /** Somebody is told that the step still waits; `remindAt` is the next time. */
  readonly "reminder.due": { readonly remindAt: number };
  /**
   * The run goes back, with `to` no further than to that savepoint. Value: the plan, a list of {@link PlannedCompensation} in the
   * order in which it is walked.
   */
  readonly "run.compensating": RollbackReason & { readonly to?: Savepoint };
  /** Everything of the plan was dealt with: the run goes on from the savepoint. What came after it is no longer in the state. */
  readonly "run.restored": Savepoint;
  /** Everything of the plan was undone, or dealt with by a person: `byHand` and `skipped` name the paths. */
  readonly "run.compensated": RollbackReason & {
    readonly byHand?: readonly string[];
    readonly skipped?: readonly string[];
  };
  /** A person is needed. Value: for each compensation that failed for good, all that it takes to do it by hand. */
  readonly "run.parked": RollbackReason & { readonly paths: readonly string[] };
  /** What stood at this path and turn was undone. */
  readonly "compensation.sealed": CallFacts;
  /** Without `retryAt` for good. */
  readonly "compensation.failed": CallFacts & {
    readonly error: Failure;
    readonly retryAt?: number;
  };
  /** As `attempt.held`: an attempt to compensate waits, whatever the agent says of its other calls. */
  readonly "compensation.held": {
    readonly gate: Gate;
    readonly dueAt: number;
    readonly until?: number;
  };
  /** A person has decided what becomes of a compensation that failed for good. */
  readonly "compensation.resolved": {
    readonly action: CompensationAction;
    readonly reason?: string;
  };
  /** An event. Value: its data. `id` is its place: run and seq. `hops`: events before it in the chain that led to it. */
  readonly "event.published": EventFacts;
  /** An event that was published elsewhere, and concerns this run. Value: its data. */
  readonly "event.received": EventFacts & { readonly from: Position };
  /** An event that was not published: the chain that led to it, or the run's events, are over a limit. The run fails. */
  readonly "event.refused": {
    readonly topic: string;
    readonly error: Failure;
    /** Of one from elsewhere. */
    readonly id?: string;
    readonly hops?: number;
  };
  /** In a stream of its own (`refused/<hash>`): what came over the bus, or was to leave over it, and was not taken. */
  readonly "message.refused": RefusedMessage;
  /** In the stream `unclaimed/<correlation>/<event>`. */
  readonly "event.unclaimed": UnclaimedRecord;
  /** In the stream `subscription/<choreography>`, as the four below, each with the whole of where it stands. */
  readonly "subscription.opened": IntakeRecord;
  readonly "subscription.moved": IntakeRecord;
  readonly "subscription.paused": IntakeRecord;
  readonly "subscription.resumed": IntakeRecord;
  readonly "subscription.rewound": IntakeRecord;
  /** In the stream `projection/<name>`: what is made of the journal elsewhere has all up to this place in the order of arrival. */
  readonly "projection.moved": ProjectionRecord;
  /** In the stream `registry/<workflow>`: the graph and manifest under which runs of this workflow version start from here on. */
  readonly "workflow.registered": {
    readonly workflow: string;
    readonly graphBlob: BlobRef;
    readonly manifestBlob: BlobRef;
  };
  /** In the stream `registry/topic/<name>`: events of this contract may be published from here on. */
  readonly "topic.registered": {
    readonly topic: string;
    readonly contract: string;
    readonly contractBlob: BlobRef;
  };
  /** In the stream `breaker/<name>`, as the two below. Until `until`, or until a person closes it, no call is let through. */
  readonly "breaker.opened": BreakerRecord & { readonly until?: number };
  /** The cooldown is over: so many probes are let through at a time. */
  readonly "breaker.halfOpened": BreakerRecord & { readonly probes: number };
  readonly "breaker.closed": BreakerRecord;
  /** In the stream `budget/<name>`, as the two below. What was set aside for attempts that are about to be made. */
  readonly "budget.reserved": BudgetRecord & { readonly reservations: readonly Reservation[] };
  /** What attempts that are over have spent; what was set aside for them is given back. */
  readonly "budget.settled": BudgetRecord & { readonly settlements: readonly Settlement[] };
  /** A person has added to the limit of this window. */
  readonly "budget.raised": BudgetRecord & { readonly amounts: Amounts; readonly reason: string };
}

export type EntryKind = keyof Payloads;

/** The payload field in which an entry of a kind carries its value; with `Blob` appended it holds a {@link BlobRef}. */
export const VALUE_FIELD = {
  "run.started": "input",
  "run.completed": "output",
  "step.sealed": "output",
  "step.carried": "output",
  "step.opened": "value",
  "item.sealed": "output",
  "once.recorded": "value",
  "signal.received": "value",
  "run.compensating": "plan",
  "run.parked": "letters",
  "step.parked": "letter",
  "event.published": "data",
  "event.received": "data",
  "registry.published": "definition",
  "thread.valued": "text",
  "thread.checkpointed": "checkpoint",
  "thread.written": "writes",
  "memory.put": "item",
} as const satisfies Partial<Record<EntryKind, string>>;

export type ValuedKind = keyof typeof VALUE_FIELD;

/** Where a large value is kept: SHA-256 (hex) of its canonical JSON, and that text's length in bytes. */
export interface BlobRef {
  readonly sha256: string;
  readonly bytes: number;
}

interface Envelope<K extends EntryKind> {
  readonly kind: K;
  /** Step name, with map index (`checks[3]`) or round (`refine#2`). */
  readonly path?: string;
  readonly turn?: number;
  readonly attempt?: number;
  readonly by: Author;
  /** `name@version` of the agent that acted. */
  readonly agent?: string;
  /** The sequence number at which each key that was read had been sealed. */
  readonly reads?: Readonly<Record<string, number>>;
  /** SHA-256 (hex) of the canonical JSON of what the agent was given. */
  readonly inputHash?: string;
  readonly causation?: Position;
  readonly traceId?: string;
  readonly payload: Payloads[K];
  /** The value that {@link VALUE_FIELD} names. */
  readonly value?: Json;
}

/** What the decider wants appended. */
export type Draft = { readonly [K in EntryKind]: Envelope<K> }[EntryKind];
/** A draft with its place in the run and its time (integer milliseconds since 1970). */
export type Fact = {
  readonly [K in EntryKind]: Envelope<K> & { readonly seq: number; readonly at: number };
}[EntryKind];
export type FactOf<K extends EntryKind> = Extract<Fact, { readonly kind: K }>;

/** An entry as it is stored: the parsed form of its canonical JSON. */
export interface Entry {
  readonly v: number;
  readonly namespace: string;
  readonly stream: string;
  readonly seq: number;
  readonly entryId: string;
  readonly kind: EntryKind;
  readonly path?: string;
  readonly turn?: number;
  readonly attempt?: number;
  readonly at: number;
  readonly by: Author;
  readonly agent?: string;
  readonly epoch?: number;
  readonly reads?: Readonly<Record<string, number>>;
  readonly inputHash?: string;
  readonly causation?: Position;
  readonly traceId?: string;
  /** Hash (hex) of the entry before this one; 64 zeros for the first. */
  readonly prev: string;
  readonly payload: JsonObject;
}

/** The stream that a run's journal is kept in. */
export function runStream(runId: string): string {
  return `run/${runId}`;
}
