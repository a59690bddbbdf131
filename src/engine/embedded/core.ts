/**
 * The embedded engine's state. One process, one store, one namespace.
 *
 * Owns: which runs are in memory (actors), who waits for them, which may execute. Does not own: the truth, which is the
 * journal; what happens next, which is the decider's.
 *
 * E1. A run's facts are appended before any command of the same turn is performed.
 * E2. At most one append of a run is under way; what comes meanwhile waits in its inbox and is taken in together.
 * E3. An actor may be dropped whenever nothing of it is under way: everything in it follows from the journal.
 * E4. After `fenced` or `closing`, nothing new begins.
 */
import type { Input } from "../../decide/accept.ts";
import type { Command } from "../../decide/turn.ts";
import type { AgentDefinition } from "../../model/agent-definition.ts";
import type { Failure } from "../../model/entry.ts";
import type { BatonError } from "../../model/errors.ts";
import type { Json } from "../../model/json.ts";
import type { Limits } from "../../model/limits.ts";
import type { Run } from "../../model/run.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Ids } from "../../ports/ids.ts";
import type { Blob, JournalStore, StreamIndex, StreamName } from "../../ports/journal-store.ts";
import type { LogSink } from "../../ports/log-sink.ts";
import type { SealedEntry } from "../../journal/seal.ts";
import type { RunOutcome } from "../baton.ts";
import type { Catalogue } from "../definitions.ts";
import type { PriceTable } from "../usage.ts";
import type { AgentPlaces } from "./agent-places.ts";
import type { Breakers } from "./breakers.ts";
import type { Intakes } from "./intakes.ts";
import type { Routes } from "./routes.ts";
import type { BusLines } from "./bus-lines.ts";
import type { Unclaimed } from "./unclaimed.ts";
import type { Line, Place } from "./line.ts";
import type { Rates } from "./rates.ts";
import type { RetryBudgets } from "./retry-budgets.ts";
import type { InOwnContext } from "./own-context.ts";
import type { Budgets } from "./budgets.ts";
import type { Admission } from "./admission.ts";
import type { Quarantine } from "./quarantine.ts";
import type { Wakes } from "./wakes.ts";

/** What became of an input that somebody waits for. */
export type Arrived =
  | { readonly kind: "taken" }
  | { readonly kind: "conflict" }
  | { readonly kind: "failed"; readonly error: BatonError };

export interface Arrival {
  readonly input: Input;
  readonly done: ((arrived: Arrived) => void) | undefined;
}

/** An attempt that is executing, or that waits for a place to. */
export interface Attempt {
  readonly path: string;
  readonly turn: number;
  readonly attempt: number;
  readonly agent: AgentDefinition;
  /** Ends it at once, and makes its context unusable. */
  readonly end: (failure: Failure) => void;
  /** Aborts its signal and waits for what it still gives, for a bounded time; ends it if it has not begun. */
  readonly abort: (failure: Failure) => void;
}

export interface Actor {
  readonly id: string;
  readonly stream: StreamName;
  readonly run: Run;
  /** Hash of the last entry in the journal. */
  head: string;
  inbox: Arrival[];
  /** Whether an append is under way (E2). */
  appending: boolean;
  /** Whether it stands in the list of actors to process. */
  listed: boolean;
  /** Whether its turn came while an append was under way: it is processed after that, though nothing may have arrived (it was given a place, say). */
  again: boolean;
  /** Whether it has one of the places to execute. */
  placed: boolean;
  /** Where it stands in the line for one. */
  inLine: Place<Actor> | undefined;
  /** Blobs that go into the journal with the next append: the manifest of a fork. */
  blobs: readonly Blob[];
  /** While an append waits to be tried again: gives that up. */
  stopRetry: (() => void) | undefined;
  /** Whether it was given up in memory: what still arrives for it is ignored. */
  dropped: boolean;
  readonly attempts: Map<string, Attempt>;
  /** What the store's index says of the run. */
  index: StreamIndex | undefined;
}

export interface Watcher {
  readonly entries: (entries: readonly SealedEntry[]) => void;
  readonly partial: (path: string, attempt: number, chunk: Json) => void;
  readonly progress: (path: string, attempt: number, progress: Json) => void;
  /** The engine has ended: nothing more will come from here. */
  readonly ended: () => void;
}

/** Child runs, seen from their parents; see children.ts. */
export interface Children {
  readonly start: (
    parent: Actor,
    command: Extract<Command, { readonly kind: "startChild" }>,
  ) => void;
  /** Whether a child is being started, or is asked for again because the store could not. */
  readonly isStarting: (parent: Actor, path: string) => boolean;
  readonly cancel: (parent: Actor, reason: string) => void;
  /** Has a child that completed go back; its end comes as an input, like any child's. */
  readonly compensate: (
    parent: Actor,
    command: Extract<Command, { readonly kind: "compensateChild" }>,
  ) => void;
}

/** How long it took the newest hundred runs to leave the line for places. */
export interface Pace {
  left: number;
  sinceMs: number;
  hundredMs: number | undefined;
}

/** Is told that a topic may have more; with the name of the choreography, where a run of one has published it. */
export type TopicWatcher = (publisher: string | undefined) => void;

export interface Core {
  readonly store: JournalStore;
  readonly namespace: string;
  readonly epoch: number;
  /** The epoch of the process before, if that died, or hung, instead of handing the store over. */
  readonly crashedEpoch: number | undefined;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: LogSink;
  readonly limits: Limits;
  readonly prices: PriceTable;
  readonly catalogue: Catalogue;
  /** See {@link EngineOptions}. */
  readonly tellInput: ((hash: string, text: string) => void) | undefined;
  /** In which the code of agents is called; see own-context.ts. */
  readonly inOwnContext: InOwnContext;
  readonly agentPlaces: AgentPlaces;
  readonly breakers: Breakers;
  readonly rates: Rates;
  readonly retryBudgets: RetryBudgets;
  readonly budgets: Budgets;
  readonly quarantine: Quarantine;
  /** Undefined where no registry is asked. */
  readonly admission: Admission | undefined;
  readonly children: Children;
  readonly intakes: Intakes;
  readonly routes: Routes;
  readonly busLines: BusLines;
  readonly unclaimed: Unclaimed;
  /** By label, those who are told when something was appended with it. */
  readonly topicWatchers: Map<string, Set<TopicWatcher>>;
  /** Processes a listed actor; see actors.ts. */
  readonly process: (actor: Actor) => void;
  /** Loads an unfinished run that is not in memory, so that it goes on. Errors are logged. */
  readonly activate: (run: string) => void;
  readonly wakes: Wakes;
  readonly actors: Map<string, Actor>;
  readonly loading: Map<string, Promise<Actor>>;
  /** Runs that were under way when the store was left, and have not been loaded since: whoever loads one resumes it. */
  readonly unfinished: Set<string>;
  /** Actors whose inbox or agenda has something, to be processed in the next tick. */
  listed: Actor[];
  tickSet: boolean;
  placesTaken: number;
  /** Runs that wait for a place to execute, first come first served. */
  readonly placeQueue: Line<Actor>;
  /** Starts that were accepted, and are not in the journal yet. */
  starting: number;
  /** How fast the line for places moves; see overload.ts. */
  readonly pace: Pace;
  /** Called when a place is given back and nobody in memory wants it. */
  readonly placeFreed: (() => void)[];
  /** Those who wait for a run's end, by run. */
  readonly waiters: Map<string, ((outcome: RunOutcome<Json> | BatonError) => void)[]>;
  readonly watchers: Map<string, Set<Watcher>>;
  /** Set when this engine may not go on: closed, or fenced by another process. */
  stopped: BatonError | undefined;
  /** Set when close() has begun. */
  closing: boolean;
}
