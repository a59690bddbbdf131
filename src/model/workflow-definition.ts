/**
 * Workflows as the decider and the engines see them: plain data with functions, erased of their types.
 * `workflow.ts` builds them with types; nothing else makes one.
 */
import type { AgentDefinition } from "./agent-definition.ts";
import type { Amounts } from "./amounts.ts";
import type { Budget } from "./budget.ts";
import type { AnyContract } from "./contract.ts";
import type { Json } from "./json.ts";
import type { TopicDefinition } from "./topic.ts";

/** What a user function of a step is given: the keys it declared, frozen. A key of a skipped step is undefined. */
export type View = Readonly<Record<string, Json | undefined>>;

/** A rule over a step's view, checked before its input is computed. */
export interface Requirement {
  readonly name: string;
  readonly holds: (view: View) => boolean;
}

/** What happens when a handoff is refused. `sendBack` opens the next turn of the step that produced the key, with the violations as feedback. */
export type RefusalPolicy =
  | { readonly kind: "fail" }
  | { readonly kind: "skip" }
  | { readonly kind: "sendBack"; readonly to: string; readonly turns: number };

/** How often a run goes back to a step's savepoint by itself; a person may have it go back there at any time. */
export interface SavepointPolicy {
  readonly attempts: number;
}

interface StepBase {
  readonly name: string;
  /** The keys that the step reads: `input` and earlier steps. They are the edges of the graph. */
  readonly needs: readonly string[];
  readonly when?: (view: View) => boolean;
  readonly requires: readonly Requirement[];
  readonly onRefused: RefusalPolicy;
  /** Set where the version that the step seals is one that the run can go back to. */
  readonly savepoint?: SavepointPolicy;
  /** Set where the run only goes forward once the step is sealed. */
  readonly pivot?: true;
  /** From the moment its needs are settled to its sealing, over all attempts and waits. */
  readonly deadlineMs?: number;
}

export interface AgentStep extends StepBase {
  readonly kind: "agent";
  readonly agent: AgentDefinition;
  readonly input: (view: View) => unknown;
}

export interface MapStep extends StepBase {
  readonly kind: "map";
  readonly agent: AgentDefinition;
  readonly over: (view: View) => readonly unknown[];
  readonly input: (item: Json, index: number, view: View) => unknown;
  readonly concurrency: number;
  /** `all`: one failed item fails the step. `settled`: the output tells for each item whether it is ok or failed. */
  readonly failures: "all" | "settled";
}

/** Where a branch can lead. */
export type BranchCase =
  | {
      readonly kind: "agent";
      readonly agent: AgentDefinition;
      readonly input: (view: View) => unknown;
    }
  | {
      readonly kind: "workflow";
      readonly workflow: WorkflowDefinition;
      readonly input: (view: View) => unknown;
    };

export interface BranchStep extends StepBase {
  readonly kind: "branch";
  readonly choose: (view: View) => string;
  readonly cases: ReadonlyMap<string, BranchCase>;
}

export interface RepeatStep extends StepBase {
  readonly kind: "repeat";
  readonly agent: AgentDefinition;
  /** `previous` is undefined in round 0. */
  readonly input: (view: View, previous: Json | undefined, round: number) => unknown;
  readonly until: (output: Json, round: number, view: View) => boolean;
  /** Rounds at most. */
  readonly limit: number;
  /** When the limit is met: fail the step, or take the last output. */
  readonly atLimit: "fail" | "last";
}

export interface SubflowStep extends StepBase {
  readonly kind: "subflow";
  readonly workflow: WorkflowDefinition;
  readonly input: (view: View) => unknown;
}

export interface SleepStep extends StepBase {
  readonly kind: "sleep";
  /** A length of time, or the moment (ISO string) computed from the view. */
  readonly wake:
    | { readonly kind: "after"; readonly afterMs: number }
    | { readonly kind: "at"; readonly at: (view: View) => string };
}

export interface ApprovalStep extends StepBase {
  readonly kind: "approval";
  /** What the person is shown; recorded, so that it is known what was approved. */
  readonly show: (view: View) => unknown;
  readonly timeoutMs?: number;
  readonly onTimeout: "approved" | "refused" | "fail";
  /** What an answer that does not approve does to the step. */
  readonly onDeclined?: "goOn" | "fail";
  readonly remindEveryMs?: number;
}

export interface SignalStep extends StepBase {
  readonly kind: "signal";
  readonly contract: AnyContract;
  readonly timeoutMs?: number;
  readonly onTimeout:
    | { readonly kind: "fail" }
    | { readonly kind: "skip" }
    | { readonly kind: "value"; readonly value: Json };
  readonly remindEveryMs?: number;
}

/** What a subscription makes of the outcome of its agent: an event for each that gives data. */
export interface Publication {
  readonly topic: TopicDefinition;
  /** Undefined: nothing is published. */
  readonly data: (output: Json, view: View) => unknown;
}

/** What becomes of a delivery whose handoff is refused, or whose last attempt failed. */
export type DeliveryPolicy =
  /** It waits for a person. */
  | { readonly kind: "deadLetter" }
  /** It is passed over. */
  | { readonly kind: "skip" }
  /** The run fails. */
  | { readonly kind: "fail" };

/**
 * A subscription of a choreography. Each event of its topics is a delivery, at the path `name#seq` of the event's entry; with
 * several topics one delivery takes an event of each.
 */
export interface SubscriptionStep extends StepBase {
  readonly kind: "subscription";
  /** By the name under which the functions of the subscription see an event's data. */
  readonly topics: ReadonlyMap<string, TopicDefinition>;
  readonly target:
    | { readonly kind: "agent"; readonly agent: AgentDefinition }
    | { readonly kind: "workflow"; readonly workflow: WorkflowDefinition };
  readonly input: (view: View) => unknown;
  readonly publishes: readonly Publication[];
  /** Of a subscription with several topics: how long, from the first event on, the others are waited for. */
  readonly withinMs?: number;
  /** What happens then. */
  readonly onMissing?: "fail" | "goOn";
  readonly onRefusal: DeliveryPolicy;
  readonly onFailure: DeliveryPolicy;
}

/** Publishes an event. Its output is where the event stands. */
export interface EmitStep extends StepBase {
  readonly kind: "emit";
  readonly topic: TopicDefinition;
  readonly data: (view: View) => unknown;
}

/** Waits for an event of a topic with the run's correlation id. Its output is the event's data. */
export interface AwaitEventStep extends StepBase {
  readonly kind: "event";
  readonly topic: TopicDefinition;
  /** Whether an event is the one; the first if absent. */
  readonly matches?: (data: Json, view: View) => boolean;
  readonly timeoutMs?: number;
  readonly onTimeout: SignalStep["onTimeout"];
  readonly remindEveryMs?: number;
}

/** What makes a workflow a choreography: its steps are subscriptions, and what follows what is decided by events. */
export interface ChoreographyPart {
  /** A run begins with an event of this topic. */
  readonly starts: TopicDefinition;
  /** A run completes with an event of this topic, once nothing is left to deliver; without it as soon as nothing is. */
  readonly ends?: TopicDefinition;
  /** An event of this topic fails the run: what was done in it is compensated. */
  readonly failsOn?: TopicDefinition;
  /** Every topic that is published or subscribed to, by name. */
  readonly topics: ReadonlyMap<string, TopicDefinition>;
  /** By topic. */
  readonly subscribers: ReadonlyMap<string, readonly SubscriptionStep[]>;
  /** Which events of `starts` begin a run, once the choreography is first opened in a store: milliseconds since 1970 is a time. */
  readonly from: "now" | "beginning" | number;
  /** Runs that events have begun and that are waited for, at the same time. */
  readonly concurrency: number;
  /** How long a chain of events, each the effect of the one before, may become. */
  readonly hopsMax: number;
  /** Events of one run. */
  readonly eventsMax: number;
}

export type StepDefinition =
  | AgentStep
  | MapStep
  | BranchStep
  | RepeatStep
  | SubflowStep
  | SleepStep
  | ApprovalStep
  | SignalStep
  | EmitStep
  | AwaitEventStep
  | SubscriptionStep;

export type StepKind = StepDefinition["kind"];

export interface WorkflowDefinition {
  readonly name: string;
  readonly version: string;
  /** `name@version` */
  readonly id: string;
  readonly description?: string;
  readonly input: AnyContract;
  readonly output?: AnyContract;
  /** How completed steps are compensated: one by one (if absent), or those side by side that don't depend on each other. */
  readonly compensation?: "sequential" | "parallel";
  /** Set where the workflow is a choreography. */
  readonly choreography?: ChoreographyPart;
  /** What limits the calls of all its runs. */
  readonly budgets?: readonly Budget[];
  /** What the calls of one run may use, with what its nested workflows may. */
  readonly runBudget?: Amounts;
  /** What is left of `runBudget` for its own calls: what nested workflows may use is set aside from the beginning. */
  readonly ownBudget?: Amounts;
  /** From the start of a run to its end. */
  readonly deadlineMs?: number;
  /** Whether any step has a deadline; absent if none has. */
  readonly hasStepDeadlines?: true;
  /** In the order in which they were written. */
  readonly steps: readonly StepDefinition[];
  readonly stepByName: ReadonlyMap<string, StepDefinition>;
  /** For each key (`input` or a step), the steps that need it. */
  readonly dependents: ReadonlyMap<string, readonly string[]>;
  /** The run's output, from all keys. */
  readonly project: (view: View) => unknown;
}

/** The output of a step that publishes an event. */
export interface EmittedEvent {
  readonly topic: string;
  /** The event's id. */
  readonly id: string;
}

/** The output of an approval step. */
export interface ApprovalOutput {
  readonly approved: boolean;
  /** Who answered: a person's id, or `timeout`. */
  readonly by: string;
  readonly reason: string | null;
  readonly timedOut: boolean;
}
