/** What the thread that executes and the thread that makes traces say to each other. */
import type { Limits } from "../../model/limits.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import type { LogLine } from "../../ports/log-sink.ts";
import type { Portable } from "../../ports/portable.ts";
import type { EngineMeasures } from "../../ports/tracing.ts";

/** What the thread of traces is given when it begins. */
export interface TraceThreadData {
  readonly store: Portable;
  readonly tracing: Portable;
  readonly namespace: string;
  readonly limits: Limits;
  /** By topic and contract, which fields of events are sensitive; undefined where spans have no inputs and outputs. */
  readonly topics: TopicMarks | undefined;
}

export type TopicMarks = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

/** Inputs of attempts that have ended. */
export interface InputBatch {
  /** A hash, its canonical JSON, the next hash, ... */
  readonly texts: readonly string[];
  readonly characters: number;
  /** When the last of them was added, in milliseconds since 1970. */
  readonly at: number;
}

/** Inputs of one run that are wanted: of the entries `seqs`, in their order. */
export interface WantedInputs {
  readonly run: string;
  readonly seqs: readonly number[];
}

/** What the thread of traces asks, and is answered. */
export interface Asks {
  /** Keeps its place; answered once that is in the journal. */
  readonly moved: (position: number) => void;
  /** The code that a run is pinned to, without its functions; undefined where it is not here. */
  readonly definition: (pin: {
    readonly workflow: string;
    readonly manifest: string;
  }) => WorkflowDefinition | undefined;
  /** All inputs of attempts that are in the journal by now, as far as they were kept: they come before the answer. */
  readonly told: (nothing: undefined) => void;
  /** Inputs that have to be computed again, as canonical JSON; undefined where that can't be done any more. */
  readonly inputs: (
    wanted: readonly WantedInputs[],
  ) => readonly (readonly (string | undefined)[])[];
}

export type AskName = keyof Asks;
export type Asked<K extends AskName> = Parameters<Asks[K]>[0];
export type Answer<K extends AskName> = ReturnType<Asks[K]>;

export interface Ask<K extends AskName = AskName> {
  readonly kind: "ask";
  readonly id: number;
  readonly name: K;
  readonly asked: Asked<K>;
}

export type ToTraces =
  | { readonly kind: "start"; readonly position: number }
  | { readonly kind: "inputs"; readonly batch: InputBatch }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "refused"; readonly id: number; readonly message: string }
  | { readonly kind: "measures"; readonly measures: EngineMeasures }
  | { readonly kind: "stop"; readonly limitMs: number };

export type FromTraces =
  | { readonly kind: "ready" }
  /** It can't begin. */
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "took"; readonly characters: number }
  | { readonly kind: "log"; readonly line: LogLine }
  | Ask
  | { readonly kind: "stopped" };
