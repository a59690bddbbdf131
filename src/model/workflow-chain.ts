/**
 * Steps as they are written, one after the other, before anything is checked.
 *
 * Builders that follow each other share one list and each remembers how much of it is its own, so that a workflow of n steps
 * costs n appends. The list is copied only when a second step is put after the same builder.
 */

/** A call of the builder. */
export interface WrittenStep {
  readonly kind:
    | "agent"
    | "map"
    | "branch"
    | "repeat"
    | "subflow"
    | "sleep"
    | "approval"
    | "signal"
    | "emit"
    | "event";
  readonly name: string;
  /** The agent, the workflow of a subflow, the topic of an event. */
  readonly target?: unknown;
  /** Checked when the workflow is built: whoever writes JavaScript may have given anything. */
  readonly options: unknown;
  /** Of a branch. */
  readonly cases?: readonly WrittenCase[];
}

/** A call of `case`. */
export interface WrittenCase {
  readonly key: string;
  readonly target: unknown;
  readonly options: unknown;
}

/** The first `length` of `shared`. */
export interface Chain<X> {
  readonly shared: X[];
  readonly length: number;
}

export function emptyChain<X>(): Chain<X> {
  return { shared: [], length: 0 };
}

/** The chain with one more at its end; the given one is as it was. */
export function chained<X>(chain: Chain<X>, next: X): Chain<X> {
  const mine = chain.shared.length === chain.length;
  const shared = mine ? chain.shared : chain.shared.slice(0, chain.length);
  shared.push(next);
  return { shared, length: chain.length + 1 };
}

export function listed<X>(chain: Chain<X>): readonly X[] {
  return chain.shared.slice(0, chain.length);
}
