/** Workflows with types: what may be written is in workflow-types.ts, what the engine sees in workflow-definition.ts. */
import type { AmountOptions, Budget } from "./budget.ts";
import type { Contract } from "./contract.ts";
import type { Duration } from "./duration.ts";
import {
  type Chain,
  chained,
  emptyChain,
  listed,
  type WrittenCase,
  type WrittenStep,
} from "./workflow-chain.ts";
import { buildWorkflow, type WorkflowHeader } from "./workflow-build.ts";
import type { WorkflowBuilder } from "./workflow-types.ts";

export type { Workflow, WorkflowBuilder } from "./workflow-types.ts";

/** What {@link workflow} takes besides name and version. */
export interface WorkflowOptions<In, Out> {
  /** What a run is started with; version 0 of its state. */
  readonly input: Contract<In>;
  /** What a run gives; checked only if there is one. */
  readonly output?: Contract<Out>;
  readonly description?: string;
  /**
   * How completed steps are compensated when the run goes back: one after the other in reverse order of sealing (`sequential`,
   * if left out), or `parallel`: side by side where nothing that read the one is still to be compensated.
   */
  readonly compensation?: "sequential" | "parallel";
  /** What limits the calls of all its runs together; workflows that are nested in it must name them too. None if left out. */
  readonly budgets?: readonly Budget[];
  /**
   * What the calls of one run may use. Workflows nested in it must have one too, which is set aside from the beginning, so that a
   * run never uses more together with those that are part of it. No limit if left out.
   */
  readonly runBudget?: AmountOptions;
  /**
   * How long a run may take, from its start to its end: then it fails with DEADLINE_EXCEEDED, and goes back over what it has
   * done. Going back is not bounded by it. A run may be started with a shorter one. No limit if left out.
   */
  readonly deadline?: Duration;
}

/**
 * Begins a workflow: a named, versioned graph of steps. Nothing is checked before `.output()`, which lists all problems.
 *
 * @param name lower case: `credit-decision`.
 * @param version semantic version, `1.0.0`. A changed graph needs another one while runs of this one are not finished.
 *
 * @example
 * workflow("credit-decision", "1.0.0", { input: Application })
 *   .step("score", creditScore, { input: ({ input }) => input.applicant })
 *   .step("risk", riskAssessment, { needs: ["score"], input: ({ score }) => ({ score: score.score }) })
 *   .output(({ risk }) => risk);
 */
export function workflow<In, Out = unknown>(
  name: string,
  version: string,
  options: WorkflowOptions<In, Out>,
): WorkflowBuilder<In, { readonly input: In }, Out> {
  const builder = builderAfter({ name, version, options }, emptyChain());
  // The builder keeps what it is given as it is; the types of its methods are those of WorkflowBuilder and nothing else.
  return builder as unknown as WorkflowBuilder<In, { readonly input: In }, Out>;
}

type Call = (name: string, ...rest: readonly unknown[]) => UntypedBuilder;

/** The builder without its types. */
interface UntypedBuilder {
  readonly step: Call;
  readonly map: Call;
  readonly branch: Call;
  readonly repeat: Call;
  readonly subflow: Call;
  readonly sleep: Call;
  readonly approval: Call;
  readonly awaitSignal: Call;
  readonly emit: Call;
  readonly awaitEvent: Call;
  readonly output: (project: unknown) => unknown;
}

function builderAfter(header: WorkflowHeader, chain: Chain<WrittenStep>): UntypedBuilder {
  const add = (step: WrittenStep) => builderAfter(header, chained(chain, step));
  const targeted =
    (kind: WrittenStep["kind"]): Call =>
    (name, target, options) =>
      add({ kind, name, target, options });
  const plain =
    (kind: WrittenStep["kind"]): Call =>
    (name, options) =>
      add({ kind, name, options });
  return Object.freeze({
    step: targeted("agent"),
    map: targeted("map"),
    branch: (name, options, cases) => add({ kind: "branch", name, options, cases: casesOf(cases) }),
    repeat: targeted("repeat"),
    subflow: targeted("subflow"),
    sleep: plain("sleep"),
    approval: plain("approval"),
    awaitSignal: plain("signal"),
    emit: targeted("emit"),
    awaitEvent: targeted("event"),
    output: (project) => buildWorkflow(header, listed(chain), project),
  } satisfies UntypedBuilder);
}

/** The cases that were taken; what is not a function, or gives something else, has none, which is a problem later. */
function casesOf(cases: unknown): readonly WrittenCase[] {
  if (typeof cases !== "function") return [];
  const taken: unknown = cases(takeAfter(emptyChain()));
  const chain = typeof taken === "object" && taken !== null && TAKEN in taken ? taken[TAKEN] : [];
  // Only takeAfter has the symbol, and there it is always the list.
  return chain as readonly WrittenCase[];
}

const TAKEN = Symbol("taken");

function takeAfter(chain: Chain<WrittenCase>): object {
  return Object.freeze({
    case: (key: string, target: unknown, options: unknown) =>
      takeAfter(chained(chain, { key, target, options })),
    get [TAKEN]() {
      return listed(chain);
    },
  });
}
