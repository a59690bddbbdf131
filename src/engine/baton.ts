/**
 * What `open()` gives: the whole of Baton for one namespace of one store. Doors (CLI, server) and users see only this.
 */
import type { Change, VersionRef } from "../history/diff.ts";
import type { ForkOptions } from "../history/fork.ts";
import type { EventGraph } from "../history/event-graph.ts";
import type { Lineage } from "../history/lineage.ts";
import type { Why } from "../history/why-reason.ts";
import type { RecordedEntry } from "../history/read.ts";
import type { ReplayReport } from "../history/replay.ts";
import type { RunReport } from "../history/report.ts";
import type { StateAt } from "../history/state.ts";
import type { RunWaits } from "../history/waits.ts";
import type { DeadLetter } from "../history/dead-letters.ts";
import type { BreakerSnapshot } from "../model/breaker.ts";
import type { AmountOptions, BudgetSnapshot } from "../model/budget.ts";
import type { Duration } from "../model/duration.ts";
import type { Author, CompensationAction, Failure, StepAction } from "../model/entry.ts";
import type { RunStatus } from "../model/run-status.ts";
import type { Json } from "../model/json.ts";
import type { Violation } from "../model/violation.ts";
import type { Topic } from "../model/topic.ts";
import type { RecordedEvent, TopicSummary } from "../model/recorded-event.ts";
import type { PressureSnapshot } from "../model/pressure.ts";
import type { Workflow } from "../model/workflow.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import type { VerifyReport } from "../journal/verify.ts";
import type { StoredEntry } from "../ports/journal-store.ts";
import type { Registry } from "../ports/registry.ts";
import type { BusLine, RefusedLetter } from "./bus-lines.ts";
import type { Health } from "./health.ts";
import type { LateEvent } from "./late-events.ts";
import type { EventsOptions } from "./topics.ts";
import type { ExportTracesOptions, TraceExport } from "./tracing.ts";
import type { WatchItem, WatchOptions } from "./watch.ts";

export type { CompensationLetter, DeadLetter, StepLetter } from "../history/dead-letters.ts";
export type { Change, VersionRef } from "../history/diff.ts";
export type { ForkOptions } from "../history/fork.ts";
export type {
  DeliveryCounts,
  EventDifference,
  EventEdge,
  EventGraph,
  SubscriptionNode,
  TopicNode,
} from "../history/event-graph.ts";
export type { Lineage, LineageEvent, LineageNode } from "../history/lineage.ts";
export type { Why, WhyReason } from "../history/why-reason.ts";
export type { RecordedEntry } from "../history/read.ts";
export type { ReplayDifference, ReplayReport } from "../history/replay.ts";
export type { RunReport, StepSummary } from "../history/report.ts";
export type {
  CompensationSummary,
  RestoreSummary,
  RollbackSummary,
} from "../history/rollback-summary.ts";
export type { StateAt } from "../history/state.ts";
export type { RunWait, RunWaits } from "../history/waits.ts";
export type { VerifyProblem, VerifyReport } from "../journal/verify.ts";
export type { EventsOptions } from "./topics.ts";
export type { RecordedEvent, TopicSummary } from "../model/recorded-event.ts";
export type { ExportTracesOptions, TraceExport } from "./tracing.ts";
export type { BusLine, RefusedLetter } from "./bus-lines.ts";
export type { LateEvent } from "./late-events.ts";
export type {
  Health,
  StandingReason,
  StuckReason,
  StuckRun,
  StuckSubscription,
} from "./health.ts";
export type { WatchItem, WatchOptions } from "./watch.ts";

export interface RunSummary {
  readonly id: string;
  readonly workflow: string;
  readonly status: RunStatus;
  readonly lastSeq: number;
  /** The run's place in the order of creation: `after` of the next page. */
  readonly no: number;
  readonly wakeAtMs?: number;
}

/** How a run ended, as data. */
export type RunOutcome<Out> =
  | { readonly kind: "completed"; readonly output: Out }
  | { readonly kind: "failed"; readonly error: Failure; readonly step?: string }
  /** It failed, was cancelled or was asked to go back, and what it had done was undone. */
  | { readonly kind: "compensated"; readonly error: Failure; readonly step?: string }
  | { readonly kind: "cancelled"; readonly reason: string }
  | { readonly kind: "refused"; readonly violations: readonly Violation[] };

/** How a run is to go back; see {@link Baton.compensate}. */
export interface CompensateOptions {
  readonly by: Author;
  readonly reason: string;
  /** A step with `savepoint`: only as far as what it sealed. */
  readonly to?: string;
}

/** What a person decides of a compensation; see {@link Baton.compensation}. */
export interface CompensationDecision {
  readonly action: CompensationAction;
  readonly by: Author;
  readonly reason?: string;
  readonly turn?: number;
}

/** What publish() takes besides a topic and data. */
export interface PublishOptions {
  /** The publisher's id: the same id with the same data is the same event. A UUIDv7 if left out. */
  readonly id?: string;
  /** Of the run that the event concerns, or of what it belongs to. The event's own id if left out. */
  readonly correlation?: string;
  readonly by?: Author;
}

/** An event that is in the journal. */
export interface PublishedEvent {
  readonly id: string;
  readonly topic: string;
  readonly correlation: string;
}

/** Where the subscription of a choreography to its first topic stands. */
export interface IntakeSnapshot {
  /** The choreography's name. */
  readonly name: string;
  readonly topic: string;
  /** Everything up to this place, in the order of arrival, has been dealt with. */
  readonly position: number;
  /** Events that are still to be dealt with; counted up to 10,000. */
  readonly lag: number;
  readonly paused: boolean;
  /** How often it was rewound. */
  readonly generation: number;
  /** Events that are being dealt with now. */
  readonly underWay: number;
  /** Events that wait for the run of one before them with the same key, as the order demands: at most 20 keys are named. */
  readonly heldUp: readonly {
    readonly key: string;
    readonly run: string;
    readonly events: number;
  }[];
}

/** Who changes a subscription, and why. */
export interface SubscriptionControl {
  readonly by: Author;
  readonly reason: string;
}

/** What a person does to a subscription. */
export interface IntakeChange extends SubscriptionControl {
  readonly to:
    | { readonly kind: "paused" }
    | { readonly kind: "resumed" }
    | { readonly kind: "rewound"; readonly position?: number };
}

/** What a person decides of a step that is parked; see {@link Baton.resolveStep}. */
export interface StepDecision {
  readonly action: StepAction;
  /** With `done`: what the agent would have given. */
  readonly output?: unknown;
  readonly by: Author;
  readonly reason?: string;
  readonly turn?: number;
  /** The person has made sure that the attempt did nothing: then there is nothing of it to undo. */
  readonly nothingDone?: boolean;
}

/** A handle on one run. */
export interface RunHandle<Out> {
  readonly id: string;
  /** Waits for the end. @throws BatonError RUN_FAILED, RUN_COMPENSATED, RUN_CANCELLED or RUN_REFUSED; STORE_CLOSED if Baton is closed before. */
  result(): Promise<Out>;
  /** Waits for the end and gives it as data; never throws for a failed run. */
  outcome(): Promise<RunOutcome<Out>>;
}

export interface StartOptions {
  /** The caller's id: the same id with the same input gives the same run. A UUIDv7 if left out. */
  readonly id?: string;
  readonly by?: Author;
  /**
   * How long this run may take, from its start; its workflow's own deadline counts if that is shorter. It is fixed when the run
   * is first started: who joins it later joins it as it is.
   */
  readonly deadline?: Duration;
  /**
   * The header `traceparent` of whoever starts the run (W3C Trace Context): recorded with the start, and the run's span has a
   * link to it. One that is not valid is passed over, as the standard wants it. Who joins a run changes nothing of it.
   */
  readonly traceparent?: string;
}

export interface RunsFilter {
  readonly status?: RunStatus;
  /** `name@version` */
  readonly workflow?: string;
  readonly open?: boolean;
  /** Only runs of one correlation: the run of this id, and those whose ids begin with it and a slash. */
  readonly correlation?: string;
  readonly order?: "newest" | "oldest";
  /** At most this many; 100 by default, 10,000 at the most. */
  readonly limit?: number;
  /** Continue after the run with this `no`. */
  readonly after?: number;
}

export interface Baton {
  /** The workflows that were given to open(). */
  readonly workflows: readonly WorkflowDefinition[];
  readonly readOnly: boolean;
  /** The registry that was given to open(); if none was, the one in the store, of `main.default`. */
  readonly registry: Registry;
  /**
   * Starts a run, durably, before this resolves. The same id with the same workflow and input gives the run that is there.
   * An input that breaks the contract is journalled as a refused run: `outcome()` tells.
   * @throws BatonError RUN_CONFLICT, VALUE_TOO_LARGE, DURATION_INVALID, OVERLOADED, STORE_READ_ONLY, STORE_CLOSED, STORE_FAILED,
   *   STORE_FENCED; with a `registry` NOT_GRANTED, NOT_REGISTERED, REGISTRY_DRIFT, REGISTRY_UNAVAILABLE, before anything is recorded
   */
  start<In, Out>(
    workflow: Workflow<In, Out>,
    input: NoInfer<In>,
    options?: StartOptions,
  ): Promise<RunHandle<Out>>;
  /** The same for callers that have no types: the CLI, the server. */
  startUntyped(
    workflow: WorkflowDefinition,
    input: unknown,
    options?: StartOptions,
  ): Promise<RunHandle<Json>>;
  /** A handle on a run that exists. @throws BatonError RUN_NOT_FOUND */
  run(id: string): Promise<RunHandle<Json>>;
  /** Gives an awaited signal. May come before the step is reached. @throws BatonError RUN_NOT_FOUND, RUN_FINISHED, SIGNAL_UNKNOWN, SIGNAL_REFUSED */
  signal(
    run: string,
    step: string,
    payload: unknown,
    options: { readonly by: Author; readonly id?: string },
  ): Promise<void>;
  /** Answers an approval. @throws as signal() */
  approve(
    run: string,
    step: string,
    answer: { readonly approved: boolean; readonly by: Author; readonly reason?: string },
  ): Promise<void>;
  /**
   * Cancels: what is executing is aborted, nothing new begins, and what was done is compensated.
   * @throws BatonError RUN_NOT_FOUND, RUN_FINISHED, PIVOT_PASSED
   */
  cancel(run: string, options: { readonly by: Author; readonly reason: string }): Promise<void>;
  /**
   * Has a run go back by hand: what its completed steps did is undone. One that has not ended is cancelled first. Of a child
   * run, ask its parent. With `to` it goes back to the savepoint of that step only, and then on again from there.
   * Resolves when that is in the journal; `outcome()` waits for the end.
   * @throws BatonError RUN_NOT_FOUND, RUN_FINISHED, ARGUMENT_INVALID, AGENT_NOT_FOUND, PIVOT_PASSED, SAVEPOINT_NOT_FOUND
   */
  compensate(run: string, options: CompensateOptions): Promise<void>;
  /** What of parked runs waits for a person: compensations that failed for good, and steps that are parked. The newest run first. */
  deadLetters(options?: { readonly limit?: number }): Promise<readonly DeadLetter[]>;
  /** What of one run waits for a person; empty if nothing does. @throws BatonError RUN_NOT_FOUND */
  deadLettersOf(run: string): Promise<readonly DeadLetter[]>;
  /**
   * Decides what becomes of a compensation that failed for good: `retry` makes its attempts again, `done` says that a person has
   * undone it by hand, `skip` that it stays as it is. The last two need a reason. `turn` only where a path has several.
   * @throws BatonError RUN_NOT_FOUND, RUN_FINISHED, COMPENSATION_UNKNOWN, ARGUMENT_INVALID
   */
  compensation(run: string, path: string, decision: CompensationDecision): Promise<void>;
  /**
   * Decides what becomes of a step that is parked: `retry` makes another attempt, `done` says that a person has done it by hand,
   * with the output that its agent's contract wants, `fail` gives it up. The last two need a reason. `path` names an item of a
   * map or a round of a repeat as its dead letter does.
   * @throws BatonError RUN_NOT_FOUND, RUN_FINISHED, STEP_NOT_PARKED, OUTPUT_REFUSED, VALUE_TOO_LARGE, AGENT_NOT_FOUND, ARGUMENT_INVALID
   */
  resolveStep(run: string, path: string, decision: StepDecision): Promise<void>;
  /**
   * How the runs of this namespace stand, and which are stuck: neither executing nor waiting for what their journals name. Where
   * this process executes it looks into memory too; two looks some seconds apart find the same before a run is accused.
   */
  health(): Promise<Health>;
  /** How every breaker stands: those that agents name, and those that were ever opened. */
  breakers(): Promise<readonly BreakerSnapshot[]>;
  /** Stops all calls behind a breaker, until a person closes it. Recorded before this resolves. @throws BatonError BREAKER_NOT_FOUND */
  openBreaker(
    name: string,
    options: { readonly by: Author; readonly reason: string },
  ): Promise<void>;
  /** Lets calls through again; runs that wait go on. @throws BatonError BREAKER_NOT_FOUND */
  closeBreaker(
    name: string,
    options: { readonly by: Author; readonly reason: string },
  ): Promise<void>;
  /** How every budget stands: those that agents and workflows name, and those that were ever used. */
  budgets(): Promise<readonly BudgetSnapshot[]>;
  /**
   * Adds to what a budget allows: in this window, or for ever where it has none. Recorded before this resolves; runs that wait go on.
   * @throws BatonError BUDGET_NOT_FOUND, ARGUMENT_INVALID, DEFINITION_INVALID
   */
  raiseBudget(
    name: string,
    by: AmountOptions,
    options: { readonly by: Author; readonly reason: string },
  ): Promise<void>;
  /** The transitions of all breakers from now on, until `signal` aborts. */
  watchBreakers(options?: { readonly signal?: AbortSignal }): AsyncIterable<RecordedEntry>;
  /**
   * How busy this process is: what executes and waits, by agent and by rate. Reads nothing: call it whenever metrics are
   * collected. @throws BatonError STORE_READ_ONLY, where another process executes
   */
  pressure(): Promise<PressureSnapshot>;
  runs(filter?: RunsFilter): Promise<readonly RunSummary[]>;
  /** Entries of a run from `fromSeq` on (0 by default). @throws BatonError RUN_NOT_FOUND */
  entries(run: string, fromSeq?: number): AsyncIterable<RecordedEntry>;
  /** The stored bytes, for export and for other verifiers. */
  storedEntries(run: string, fromSeq?: number): AsyncIterable<StoredEntry>;
  /**
   * Entries from `fromSeq` on, then new ones as they are sealed, until the run ends or `signal` aborts. With a `fromSeq` above 0
   * a run that is not there yet is awaited. @throws BatonError RUN_NOT_FOUND, from 0 on
   */
  watch(run: string, options?: WatchOptions): AsyncIterable<WatchItem>;
  /** The run as a file that tools/verify-journal.mjs checks offline: JSON lines, see docs/journal.md. */
  export(run: string): AsyncIterable<string>;
  report(run: string): Promise<RunReport>;
  /**
   * What a run waits for, read from its journal; empty for one that has ended. Where its code is here, also the steps that
   * could begin. @throws BatonError RUN_NOT_FOUND
   */
  waits(run: string): Promise<RunWaits>;
  /** @throws BatonError VERSION_NOT_FOUND, RUN_NOT_FOUND */
  state(run: string, version?: number): Promise<StateAt>;
  diff(before: VersionRef, after: VersionRef): Promise<readonly Change[]>;
  lineage(run: string, key: string, version?: number): Promise<Lineage>;
  /**
   * The graph of a run of a choreography: what was expected, what was, and in what they differ.
   * @throws BatonError RUN_NOT_FOUND, WORKFLOW_NOT_FOUND, ARGUMENT_INVALID for a run of a workflow
   */
  eventGraph(run: string): Promise<EventGraph>;
  /**
   * Why a run has not given what it should, or all that has one correlation id: from the end that is missing back to the first
   * cause. @throws BatonError RUN_NOT_FOUND where neither a run nor an event has that id
   */
  why(id: string): Promise<Why>;
  /** A new run that begins from a version of another. @throws BatonError FORK_REFUSED, VERSION_NOT_FOUND, AGENT_NOT_FOUND */
  fork(run: string, options: ForkOptions): Promise<RunHandle<Json>>;
  /** Runs the journal through today's code without calling an agent. */
  replay(run: string): Promise<ReplayReport>;
  /** Checks every journal (or one run's), the commits and the blobs. `progress` is called now and then with entries so far. */
  verify(options?: {
    readonly run?: string;
    readonly progress?: (entries: number) => void;
  }): Promise<VerifyReport>;
  /**
   * Publishes an event, durably, before this resolves. Whoever subscribes to its topic takes it from there. The same id with the
   * same data is published once.
   * @throws BatonError EVENT_REFUSED where the data breaks the topic's contract, EVENT_CONFLICT, ARGUMENT_INVALID,
   *   VALUE_TOO_LARGE, STORE_READ_ONLY, STORE_CLOSED, STORE_FAILED, STORE_FENCED
   */
  publish<T>(topic: Topic<T>, data: NoInfer<T>, options?: PublishOptions): Promise<PublishedEvent>;
  /** The same for callers that have no types: the CLI, the server. @throws BatonError as publish(), and TOPIC_NOT_FOUND */
  publishUntyped(topic: string, data: unknown, options?: PublishOptions): Promise<PublishedEvent>;
  /** All topics: those that workflows name, and those that had an event. */
  topics(): Promise<readonly TopicSummary[]>;
  /** The events of a topic, in the order of arrival; with `follow` new ones as they come. @throws BatonError TOPIC_NOT_FOUND */
  events(topic: string, options?: EventsOptions): AsyncIterable<RecordedEvent>;
  /** The event of this id, from outside or of a run. @throws BatonError EVENT_NOT_FOUND */
  event(id: string): Promise<RecordedEvent>;
  /** Where the subscription of each choreography to its first topic stands; of those too that are not in the code any more. */
  subscriptions(): Promise<readonly IntakeSnapshot[]>;
  /** How each topic crosses between this store and the bus outside that was given to open(); empty without one. */
  busLines(): Promise<readonly BusLine[]>;
  /** What came over the bus and was refused, or was not taken by it: the newest first, 50 if not told otherwise. */
  refusedMessages(options?: { readonly limit?: number }): Promise<readonly RefusedLetter[]>;
  /** Events that came when the runs that would have taken them had ended: the newest first, 50 if not told otherwise. */
  lateEvents(options?: { readonly limit?: number }): Promise<readonly LateEvent[]>;
  /** Takes no more events, until it is resumed. @throws BatonError SUBSCRIPTION_NOT_FOUND */
  pauseSubscription(name: string, options: SubscriptionControl): Promise<void>;
  /** @throws BatonError SUBSCRIPTION_NOT_FOUND */
  resumeSubscription(name: string, options: SubscriptionControl): Promise<void>;
  /**
   * Goes back to a place in the topic, or to the beginning of what the topic keeps: each event from there on begins another run.
   * @throws BatonError SUBSCRIPTION_NOT_FOUND
   */
  rewindSubscription(
    name: string,
    options: SubscriptionControl & { readonly position?: number },
  ): Promise<void>;
  /**
   * Sends traces of history to where `open({ tracing })` says, whatever was sent before: the same spans with the same ids. Works
   * beside the process that writes. @throws BatonError ARGUMENT_INVALID without `tracing`, RUN_NOT_FOUND, TRACES_REFUSED
   */
  exportTraces(options?: ExportTracesOptions): Promise<TraceExport>;
  /** Ends: no new steps begin; attempts get `graceMs` (5,000 by default) to end, then they are aborted. Unfinished runs go on at the next open. */
  /** Ends: no new steps begin; attempts get `graceMs` (5,000 by default) to end, then they are aborted. Unfinished runs go on at the next open. A store that can't be written is given up to 30 seconds more to take a note of what is left behind. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}
