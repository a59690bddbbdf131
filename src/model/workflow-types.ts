/**
 * The types of the workflow builder: what the compiler knows of a workflow while it is being written.
 *
 * `S` is the state so far, `{ input, <step>: output }`. A step names the keys that it reads, and its functions see those
 * and no others. What these types refuse is listed in workflow.test-d.ts.
 */
import type { Agent, Callable } from "./agent.ts";
import type { Contract } from "./contract.ts";
import type { Duration } from "./duration.ts";
import type { Failure } from "./entry.ts";
import type { Frozen } from "./json.ts";
import type { Topic } from "./topic.ts";
import type { ApprovalOutput, EmittedEvent, WorkflowDefinition } from "./workflow-definition.ts";

/** A workflow that can be started: it takes `In` and gives `Out`. Made by `.output()` of the builder; a frozen value. */
export interface Workflow<in In, out Out> extends WorkflowDefinition, Callable<In, Out> {}

/** What a function of a step sees: the keys `K` of the state, read-only all the way down. */
export type StateView<S, K extends keyof S> = { readonly [P in K]: Frozen<S[P]> };

/** The keys of a state. */
export type KeysOf<S> = keyof S & string;

/** A step's name as a literal that is not taken; else a sentence that says what is wrong, where the compiler shows it. */
export type FreshName<S, N extends string, All = N> =
  Record<never, never> extends Record<N, 1>
    ? "a step's name must be a literal"
    : N extends KeysOf<S>
      ? `the name "${N}" is taken`
      : [All] extends [N]
        ? N
        : "a step's name must be one literal";

/** `M`, unless it is a promise or has keys that `I` has not. */
export type Exact<M, I> = M & Excess<M, I>;

type Excess<M, I> = [Extract<M, PromiseLike<unknown>>] extends [never]
  ? unknown extends I
    ? unknown
    : Strange<M, I>
  : never;

/** Refuses keys of `M` that `I` has not; lists have no keys of their own. */
type Strange<M, I> = M extends readonly unknown[]
  ? unknown
  : { readonly [X in Exclude<keyof M, KeyOfAny<I>>]: never };

/** The keys of each member of a union, not only those that all have. */
type KeyOfAny<I> = I extends unknown ? keyof I : never;

/** Refuses an output that is perhaps absent. */
type Present<M> = unknown extends M ? unknown : undefined extends M ? never : unknown;

/** What happens when a handoff is refused, as it is written. `sendBack` names a step among the needs. */
export type Refusal<K extends string> =
  | "fail"
  | "skip"
  | { readonly sendBack: Exclude<K, "input">; readonly turns: number };

/** The output of a step that may be skipped is possibly absent. */
type Maybe<W, R> = [W] extends [boolean] ? undefined : [R] extends ["skip"] ? undefined : never;

/** Options that every kind of step has. */
export interface StepOptions<S, K extends KeysOf<S>, W, R> {
  /** The keys that the step reads: `input` and earlier steps. `["input"]` if left out. It begins once all are settled. */
  readonly needs?: readonly K[];
  /** Whether the step is taken; if not, it is skipped and its key is absent. Synchronous. */
  readonly when?: (view: StateView<S, K>) => W;
  /** What must hold before the handoff, each under a sentence that says it. Synchronous. */
  readonly requires?: Readonly<Record<string, (view: StateView<S, K>) => boolean>>;
  /**
   * What happens when the handoff is refused: `fail` (if left out) the run, `skip` the step, or `sendBack` the violations to
   * the step that produced a key, for at most `turns` further turns (1 to 10) in all.
   *
   * That step must be an agent's, and every other step that reads the key must need this one, directly or through others:
   * only then can nobody have read the turn that is refused, on whatever engine and in whatever order steps end.
   */
  readonly onRefused?: R;
  /**
   * Whether the run can go back to the version that this step seals. When it would go back over what it has done, it goes
   * only that far, and on again from there: `attempts` times by itself (0 to 10; `true` is once), and whenever a person asks.
   */
  readonly savepoint?: boolean | { readonly attempts: number };
  /** Whether the run only goes forward once this step is sealed: what fails after it waits for a person, and nothing is undone. */
  readonly pivot?: boolean;
  /**
   * How long the step may take in all, over every attempt, pause, wait and restart: from the moment that the last of its
   * needs is sealed until it is sealed itself. Then it fails with DEADLINE_EXCEEDED. A turn that is sent back begins anew.
   */
  readonly deadline?: Duration;
}

/** How a step that waits for somebody ends without them: by a timeout, or never, but with reminders. */
export type Patience =
  | { readonly timeout: Duration; readonly remindEvery?: Duration }
  | { readonly timeout?: Duration; readonly remindEvery: Duration };

/** One item of a map whose failures are settled. */
export type Settled<O> =
  | { readonly ok: true; readonly value: O }
  | { readonly ok: false; readonly error: Failure };

/** The output of a map, by its policy for failures. */
export type Mapped<O, F> = [F] extends ["settled"] ? readonly Settled<O>[] : readonly O[];

declare const LEFT: unique symbol;
declare const GIVES: unique symbol;

/** The cases of a branch so far; `Left` are those of `choose` that have none yet. */
export interface Taken<out Left extends string, out O> {
  readonly [LEFT]?: Left;
  readonly [GIVES]?: O;
}

/** Takes the cases of a branch, one after the other. */
export interface Take<V, Left extends string, O> extends Taken<Left, O> {
  /** Where the branch leads when `choose` gives `key`: to an agent, or to a workflow, which becomes a run of its own. */
  case<const C extends Left, I, P, const M extends Frozen<I>>(
    key: C,
    target: Agent<I, P> | Workflow<I, P>,
    options: { readonly input: (view: V) => Exact<M, I> },
  ): Take<V, Exclude<Left, C>, O | P>;
}

/** Until when a step sleeps. */
export type Wake<S, K extends KeysOf<S>> =
  | { readonly for: Duration; readonly until?: never }
  /** The moment as an ISO string, `2030-01-31T09:00:00Z`. */
  | { readonly until: (view: StateView<S, K>) => string; readonly for?: never };

/**
 * A workflow that is being written: each call gives a new builder with one more step, and leaves this one as it is. Only
 * `.output()` gives a workflow that can be started, and refuses all that is wrong with it at once.
 *
 * The state with one more key is written out in each method: under an alias the compiler would nest a state for every step
 * and give up at a hundred of them; so it checks four hundred.
 *
 * The order in which a step's options are written counts for the compiler: `needs` first, `over` and `choose` before what
 * uses what they give.
 */
export interface WorkflowBuilder<In, S extends { readonly input: In }, Out> {
  /** One call of an agent. */
  step<
    const N extends string,
    I,
    O,
    const M extends Frozen<I>,
    const K extends KeysOf<S> = "input",
    W extends boolean | undefined = undefined,
    const R extends Refusal<K> = "fail",
  >(
    name: FreshName<S, N>,
    agent: Agent<I, O>,
    options: StepOptions<S, K, W, R> & {
      /** The agent's input, from the view. */
      readonly input: (view: StateView<S, K>) => Exact<M, I>;
    },
  ): WorkflowBuilder<In, S & { readonly [P in N]: O | Maybe<W, R> }, Out>;

  /** One call of an agent for each item of a list, at most `concurrency` at the same time (8 if left out). */
  map<
    const N extends string,
    I,
    O,
    E,
    const M extends Frozen<I>,
    const K extends KeysOf<S> = "input",
    W extends boolean | undefined = undefined,
    const R extends Refusal<K> = "fail",
    const F extends "all" | "settled" = "all",
  >(
    name: FreshName<S, N>,
    agent: Agent<I, O>,
    options: StepOptions<S, K, W, R> & {
      /** The list, from the view. It is recorded when the step begins. */
      readonly over: (view: StateView<S, K>) => readonly E[];
      /** The agent's input for one item. */
      readonly input: (item: Frozen<E>, index: number, view: StateView<S, K>) => Exact<M, I>;
      readonly concurrency?: number;
      /** `all` (if left out): one failed item fails the step. `settled`: the output says of each item whether it failed. */
      readonly failures?: F;
    },
  ): WorkflowBuilder<In, S & { readonly [P in N]: Mapped<O, F> | Maybe<W, R> }, Out>;

  /** One of several ways on. Every value that `choose` can give has a case; the output is that of the case taken. */
  branch<
    const N extends string,
    const C extends string,
    O,
    const K extends KeysOf<S> = "input",
    W extends boolean | undefined = undefined,
    const R extends Refusal<K> = "fail",
  >(
    name: FreshName<S, N>,
    options: StepOptions<S, K, W, R> & {
      readonly choose: (view: StateView<S, K>) => C;
    },
    cases: (take: Take<StateView<S, K>, C, never>) => Taken<never, O>,
  ): WorkflowBuilder<In, S & { readonly [P in N]: O | Maybe<W, R> }, Out>;

  /** Calls an agent again and again, until a rule holds or the limit is met. The output is that of the last round. */
  repeat<
    const N extends string,
    I,
    O,
    const M extends Frozen<I>,
    const K extends KeysOf<S> = "input",
    W extends boolean | undefined = undefined,
    const R extends Refusal<K> = "fail",
  >(
    name: FreshName<S, N>,
    agent: Agent<I, O>,
    options: StepOptions<S, K, W, R> & {
      /** The input of a round, counted from 0; `previous` is the output of the round before, undefined in round 0. */
      readonly input: (
        view: StateView<S, K>,
        previous: Frozen<O> | undefined,
        round: number,
      ) => Exact<M, I>;
      /** Whether the output of a round is good enough. */
      readonly until: (output: Frozen<O>, round: number, view: StateView<S, K>) => boolean;
      /** Rounds at most, 1 or more. */
      readonly limit: number;
      /** When the limit is met and the rule doesn't hold: `fail` (if left out) the step, or take the `last` output. */
      readonly atLimit?: "fail" | "last";
    },
  ): WorkflowBuilder<In, S & { readonly [P in N]: O | Maybe<W, R> }, Out>;

  /** Another workflow, as a run of its own. The output is that run's. */
  subflow<
    const N extends string,
    I,
    O,
    const M extends Frozen<I>,
    const K extends KeysOf<S> = "input",
    W extends boolean | undefined = undefined,
    const R extends Refusal<K> = "fail",
  >(
    name: FreshName<S, N>,
    workflow: Workflow<I, O>,
    options: StepOptions<S, K, W, R> & {
      readonly input: (view: StateView<S, K>) => Exact<M, I>;
    },
  ): WorkflowBuilder<In, S & { readonly [P in N]: O | Maybe<W, R> }, Out>;

  /** Waits for a length of time, or until a moment. */
  sleep<
    const N extends string,
    const K extends KeysOf<S> = "input",
    W extends boolean | undefined = undefined,
    const R extends Refusal<K> = "fail",
  >(
    name: FreshName<S, N>,
    options: StepOptions<S, K, W, R> & Wake<S, K>,
  ): WorkflowBuilder<In, S & { readonly [P in N]: { readonly dueAt: string } | Maybe<W, R> }, Out>;

  /** Waits for a person to approve or refuse what is shown to them. */
  approval<
    const N extends string,
    const K extends KeysOf<S> = "input",
    W extends boolean | undefined = undefined,
    const R extends Refusal<K> = "fail",
  >(
    name: FreshName<S, N>,
    options: StepOptions<S, K, W, R> &
      Patience & {
        /** What the person is shown, as JSON; recorded, so that it is known what was approved. */
        readonly show: (view: StateView<S, K>) => Shown;
        /** What a timeout counts as: an answer, or (`fail`, if left out) the failure of the step. */
        readonly onTimeout?: "approved" | "refused" | "fail";
        /**
         * What the answer "not approved" does, a timeout that counts as one included: `goOn` (if left out), so that the output
         * says it, or `fail` the step with APPROVAL_DECLINED, so that the run goes back over what it has done.
         */
        readonly onDeclined?: "goOn" | "fail";
      },
  ): WorkflowBuilder<In, S & { readonly [P in N]: ApprovalOutput | Maybe<W, R> }, Out>;

  /** Waits for a value from outside, which is checked against the contract when it comes. */
  awaitSignal<
    const N extends string,
    T,
    const K extends KeysOf<S> = "input",
    W extends boolean | undefined = undefined,
    const R extends Refusal<K> = "fail",
    const D extends "fail" | "skip" | { readonly value: Frozen<T> } = "fail",
  >(
    name: FreshName<S, N>,
    options: StepOptions<S, K, W, R> &
      Patience & {
        readonly contract: Contract<T>;
        /** When nothing comes in time: `fail` (if left out) the step, `skip` it, or go on with a value. */
        readonly onTimeout?: D;
      },
  ): WorkflowBuilder<In, S & { readonly [P in N]: T | Maybe<W, R> | Maybe<undefined, D> }, Out>;

  /**
   * Publishes an event, in the same commit as the step's own output, which says under which id. Whoever subscribes to the topic
   * takes it from there; its correlation id is the run's.
   */
  emit<
    const N extends string,
    T,
    const K extends KeysOf<S> = "input",
    W extends boolean | undefined = undefined,
    const R extends Refusal<K> = "fail",
    const M extends Frozen<T> = Frozen<T>,
  >(
    name: FreshName<S, N>,
    topic: Topic<T>,
    options: StepOptions<S, K, W, R> & {
      /** The event's data, checked against the topic's contract. */
      readonly data: (view: StateView<S, K>) => Exact<M, T>;
    },
  ): WorkflowBuilder<In, S & { readonly [P in N]: EmittedEvent | Maybe<W, R> }, Out>;

  /** Waits for an event with the run's correlation id; what it gives is the event's data. */
  awaitEvent<
    const N extends string,
    T,
    const K extends KeysOf<S> = "input",
    W extends boolean | undefined = undefined,
    const R extends Refusal<K> = "fail",
    const D extends "fail" | "skip" | { readonly value: Frozen<T> } = "fail",
  >(
    name: FreshName<S, N>,
    topic: Topic<T>,
    options: StepOptions<S, K, W, R> &
      Patience & {
        /** Which event it is; the first if left out. Synchronous. */
        readonly matches?: (event: Frozen<T>, view: StateView<S, K>) => boolean;
        /** When none comes in time: `fail` (if left out) the step, `skip` it, or go on with a value. */
        readonly onTimeout?: D;
      },
  ): WorkflowBuilder<In, S & { readonly [P in N]: T | Maybe<W, R> | Maybe<undefined, D> }, Out>;

  /**
   * The run's output, from all keys, checked against the workflow's output contract if it has one.
   * @throws BatonError `DEFINITION_INVALID` with all problems of the workflow in `details.problems`.
   */
  output<const M extends Frozen<Out>>(
    project: (view: StateView<S, keyof S>) => Exact<M, Out> & Present<M>,
  ): Workflow<In, unknown extends Out ? M : Frozen<Out>>;
}

/** Anything but a promise: whether it is JSON is seen when it is shown. */
type Shown = null | boolean | number | string | (object & { readonly then?: never });
