/**
 * What `open()` gives: the whole of Baton for one namespace of one store. Doors (CLI, server) and users see only this.
 */
import type { VerifyReport } from "../journal/verify.ts";
import type { Agent } from "../model/agent.ts";
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { Author, Entry, Failure, RunStatus } from "../model/entry.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { Violation } from "../model/violation.ts";
import type { Workflow } from "../model/workflow.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import type { StoredEntry } from "../ports/journal-store.ts";

export type { VerifyProblem, VerifyReport } from "../journal/verify.ts";

/** An entry as read from a journal: parsed, with its value resolved from the blob if it is kept in one. */
export interface RecordedEntry {
  readonly entry: Entry;
  readonly hash: string;
  readonly value?: Json;
}

/** What a watcher gets: entries in order, and between them the partial output of running attempts if asked for. */
export type WatchItem =
  | ({ readonly kind: "entry" } & RecordedEntry)
  | { readonly kind: "partial"; readonly path: string; readonly attempt: number; readonly chunk: Json };

export interface RunSummary {
  readonly id: string;
  readonly workflow: string;
  readonly status: RunStatus;
  readonly lastSeq: number;
  readonly wakeAtMs?: number;
}

/** How a run ended, as data. */
export type RunOutcome<Out> =
  | { readonly kind: "completed"; readonly output: Out }
  | { readonly kind: "failed"; readonly error: Failure; readonly step?: string }
  | { readonly kind: "cancelled"; readonly reason: string }
  | { readonly kind: "refused"; readonly violations: readonly Violation[] };

/** A handle on one run. */
export interface RunHandle<Out> {
  readonly id: string;
  /** Waits for the end. @throws BatonError RUN_FAILED, RUN_CANCELLED or RUN_REFUSED; STORE_CLOSED if Baton is closed before. */
  result(): Promise<Out>;
  /** Waits for the end and gives it as data; never throws for a failed run. */
  outcome(): Promise<RunOutcome<Out>>;
}

export interface StartOptions {
  /** The caller's id: the same id with the same input gives the same run. A UUIDv7 if left out. */
  readonly id?: string;
  readonly by?: Author;
}

export interface RunsFilter {
  readonly status?: RunStatus;
  /** `name@version` */
  readonly workflow?: string;
  readonly open?: boolean;
  readonly order?: "newest" | "oldest";
  /** At most this many; 100 by default. */
  readonly limit?: number;
}

/** What is known of a step from the journal alone. */
export interface StepSummary {
  readonly path: string;
  readonly status: "sealed" | "skipped" | "open" | "retrying" | "failed" | "refused";
  readonly agent?: string;
  readonly version?: number;
  readonly seq: number;
  readonly turn: number;
  readonly attempts: number;
  readonly tookMs?: number;
  readonly reads?: Readonly<Record<string, number>>;
  readonly error?: Failure;
  readonly violations?: readonly Violation[];
  /** What an open step waits for. */
  readonly waitsFor?: { readonly what: "approval" | "signal" | "timer" | "run"; readonly dueAt?: number; readonly shown?: Json; readonly run?: string };
}

/** Everything `baton show` prints; a fold of the journal alone, no code needed. */
export interface RunReport {
  readonly id: string;
  readonly workflow: string;
  readonly status: RunStatus;
  readonly startedAt: number;
  readonly endedAt?: number;
  /** The newest version. */
  readonly version: number;
  readonly lastSeq: number;
  readonly headHash: string;
  readonly input?: Json;
  readonly output?: Json;
  readonly error?: Failure;
  readonly violations?: readonly Violation[];
  readonly steps: readonly StepSummary[];
  readonly fork?: { readonly run: string; readonly version: number; readonly seq: number; readonly hash: string };
  readonly parent?: { readonly run: string; readonly path: string };
  readonly forks?: readonly string[];
  readonly usage: readonly { readonly model: string; readonly calls: number; readonly inputTokens: number; readonly outputTokens: number; readonly cost?: string; readonly currency?: string }[];
}

/** The state at a version: `{ input, <step>: output }`, with where each key was sealed. */
export interface StateAt {
  readonly run: string;
  readonly version: number;
  readonly seq: number;
  readonly values: JsonObject;
  readonly sealed: Readonly<Record<string, { readonly seq: number; readonly version: number; readonly turn: number; readonly agent?: string }>>;
}

export interface Change {
  readonly kind: "added" | "removed" | "changed";
  /** JSON pointer. */
  readonly path: string;
  readonly before?: Json;
  readonly after?: Json;
}

/** A place to compare: a run at a version (the newest if left out). */
export interface VersionRef {
  readonly run: string;
  readonly version?: number;
}

/** One version in the ancestry of a value. */
export interface LineageNode {
  readonly key: string;
  readonly version: number;
  readonly seq: number;
  readonly turn: number;
  /** Absent for the input. */
  readonly agent?: string;
  readonly at: number;
  readonly hash: string;
  readonly inputHash?: string;
  /** Keys that were read, with the version of each. */
  readonly reads: readonly { readonly key: string; readonly version: number; readonly seq: number }[];
  readonly value: Json;
  readonly usage?: JsonObject | readonly Json[];
  /** Set where a fork carried the value over from its parent. */
  readonly carriedFrom?: { readonly stream: string; readonly seq: number };
}

/** From the value back to the input: `nodes` in order of sealing, the asked one last. */
export interface Lineage {
  readonly run: string;
  readonly key: string;
  readonly nodes: readonly LineageNode[];
}

export interface ForkOptions {
  /** Start from this version of the parent. */
  readonly at: number;
  /** Another input; only at version 0. */
  readonly input?: unknown;
  /** Agents to use instead, by step name; what depends on them is computed anew. */
  readonly agents?: Readonly<Record<string, AgentDefinition | Agent<never, unknown>>>;
  readonly id?: string;
  readonly by?: Author;
  /** Let agents with side effects act again. Refused otherwise. */
  readonly allowSideEffects?: boolean;
}

/** One way in which today's code would not have written this journal. */
export interface ReplayDifference {
  readonly seq: number;
  readonly path: string;
  readonly what: "branch" | "width" | "skipped" | "inputHash" | "requirement" | "contract" | "output" | "step" | "workflow" | "order";
  readonly message: string;
  readonly recorded?: Json;
  readonly today?: Json;
}

export interface ReplayReport {
  readonly run: string;
  readonly workflow: string;
  readonly entries: number;
  readonly same: boolean;
  readonly differences: readonly ReplayDifference[];
}

export interface Baton {
  /** The workflows that were given to open(). */
  readonly workflows: readonly WorkflowDefinition[];
  readonly readOnly: boolean;
  /**
   * Starts a run, durably, before this resolves. The same id with the same workflow and input gives the run that is there.
   * An input that breaks the contract is journalled as a refused run: `outcome()` tells.
   * @throws BatonError RUN_CONFLICT, VALUE_TOO_LARGE, STORE_READ_ONLY, STORE_CLOSED, STORE_FAILED, STORE_FENCED
   */
  start<In, Out>(workflow: Workflow<In, Out>, input: NoInfer<In>, options?: StartOptions): Promise<RunHandle<Out>>;
  /** The same for callers that have no types: the CLI, the server. */
  startUntyped(workflow: WorkflowDefinition, input: unknown, options?: StartOptions): Promise<RunHandle<Json>>;
  /** A handle on a run that exists. @throws BatonError RUN_NOT_FOUND */
  run(id: string): Promise<RunHandle<Json>>;
  /** Gives an awaited signal. May come before the step is reached. @throws BatonError RUN_NOT_FOUND, RUN_FINISHED, SIGNAL_UNKNOWN, SIGNAL_REFUSED */
  signal(run: string, step: string, payload: unknown, options: { readonly by: Author; readonly id?: string }): Promise<void>;
  /** Answers an approval. @throws as signal() */
  approve(run: string, step: string, answer: { readonly approved: boolean; readonly by: Author; readonly reason?: string }): Promise<void>;
  /** Cancels: what is executing is aborted, nothing new begins. @throws BatonError RUN_NOT_FOUND, RUN_FINISHED */
  cancel(run: string, options: { readonly by: Author; readonly reason: string }): Promise<void>;
  runs(filter?: RunsFilter): Promise<readonly RunSummary[]>;
  /** Entries of a run from `fromSeq` on (0 by default). @throws BatonError RUN_NOT_FOUND */
  entries(run: string, fromSeq?: number): AsyncIterable<RecordedEntry>;
  /** The stored bytes, for export and for other verifiers. */
  storedEntries(run: string, fromSeq?: number): AsyncIterable<StoredEntry>;
  /** Entries from `fromSeq` on, then new ones as they are sealed, until the run ends or `signal` aborts. */
  watch(run: string, options?: { readonly fromSeq?: number; readonly partials?: boolean; readonly signal?: AbortSignal }): AsyncIterable<WatchItem>;
  report(run: string): Promise<RunReport>;
  /** @throws BatonError VERSION_NOT_FOUND, RUN_NOT_FOUND */
  state(run: string, version?: number): Promise<StateAt>;
  diff(before: VersionRef, after: VersionRef): Promise<readonly Change[]>;
  lineage(run: string, key: string, version?: number): Promise<Lineage>;
  /** A new run that begins from a version of another. @throws BatonError FORK_REFUSED, VERSION_NOT_FOUND, AGENT_NOT_FOUND */
  fork(run: string, options: ForkOptions): Promise<RunHandle<Json>>;
  /** Runs the journal through today's code without calling an agent. */
  replay(run: string): Promise<ReplayReport>;
  /** Checks every journal (or one run's), the commits and the blobs. `progress` is called now and then with entries so far. */
  verify(options?: { readonly run?: string; readonly progress?: (entries: number) => void }): Promise<VerifyReport>;
  /** Ends: no new steps begin; attempts get `graceMs` (5,000 by default) to end, then they are aborted. Unfinished runs go on at the next open. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}
