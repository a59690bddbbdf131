/**
 * Workflows as the decider and the engines see them: plain data with functions, erased of their types.
 * `workflow.ts` builds them with types; nothing else makes one.
 */
import type { AgentDefinition } from "./agent-definition.ts";
import type { Amounts } from "./amounts.ts";
import type { Budget } from "./budget.ts";
import type { AnyContract } from "./contract.ts";
import type { Json } from "./json.ts";

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

export type StepDefinition =
  | AgentStep
  | MapStep
  | BranchStep
  | RepeatStep
  | SubflowStep
  | SleepStep
  | ApprovalStep
  | SignalStep;

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

/** The output of an approval step. */
export interface ApprovalOutput {
  readonly approved: boolean;
  /** Who answered: a person's id, or `timeout`. */
  readonly by: string;
  readonly reason: string | null;
  readonly timedOut: boolean;
}
