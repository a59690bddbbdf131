/** Subscriptions as they are written: which events of which topics go to which agent or workflow, and what it publishes. */
import type { Agent } from "./agent.ts";
import type { Duration } from "./duration.ts";
import type { Frozen } from "./json.ts";
import type { Topic, TopicDefinition } from "./topic.ts";
import type { Exact, Workflow } from "./workflow-types.ts";

declare const SEES: unique symbol;
declare const FLOW: unique symbol;

/** Several topics, of each of which a delivery takes one event. Made by {@link all}. */
export interface TopicSet<out V, out N extends string> {
  readonly [SEES]?: V;
  readonly names?: N;
  readonly topics: Readonly<Record<string, TopicDefinition>>;
}

/** An event that is made of an outcome. Made by {@link to}. */
export interface EventOf<in O, in V, out M extends string> {
  readonly topic: TopicDefinition & { readonly name: M };
  readonly data: (output: Frozen<O>, view: V) => unknown;
}

/** A subscription to the topics `N` that publishes to the topics `M`. Made by {@link on}. */
export interface Subscription<out N extends string, out M extends string> {
  readonly [FLOW]?: { readonly from: N; readonly to: M };
  /** As they were written; choreography() and open() read and check them. */
  readonly written: {
    readonly source: unknown;
    readonly target: unknown;
    readonly options: unknown;
  };
}

/** What becomes of a delivery that can't be handled: it waits for a person (a dead letter), it is passed over, or the run fails. */
export type DeliveryChoice = "deadLetter" | "skip" | "fail";

/** What {@link on} takes besides a source and a target. `V` is what its functions see: the data of the event, or of each. */
export interface SubscriptionOptions<V, O, M extends string> {
  /** Whether a delivery is taken at all; if not, it is passed over. Synchronous. */
  readonly when?: (view: V) => boolean;
  /** What must hold before the handoff, each under a sentence that says it: `confidence is at least 0.7`. Synchronous. */
  readonly requires?: Readonly<Record<string, (view: V) => boolean>>;
  /** What is published when the target has given its output: to a topic whose data is that output, or by {@link to}. */
  readonly publishes?: Topic<O, M> | EventOf<O, V, M> | readonly (Topic<O, M> | EventOf<O, V, M>)[];
  /** When the handoff is refused: `deadLetter` if left out. */
  readonly onRefused?: DeliveryChoice;
  /** When its last attempt has failed: `deadLetter` if left out. */
  readonly onFailure?: DeliveryChoice;
}

/** How long the other events are waited for, once the first has come. */
export interface Gathering<G extends "fail" | "goOn"> {
  /** Without it the run's deadline is all that ends the wait. */
  readonly within?: Duration;
  /** What happens then: the run fails (if left out), or the delivery is made of what has come; what is missing is undefined. */
  readonly onMissing?: G;
}

/** What the functions of a subscription to several topics see. */
export type Gathered<V, G extends "fail" | "goOn"> = G extends "goOn"
  ? { readonly [K in keyof V]: V[K] | undefined }
  : V;

/** What the functions of a subscription to one topic see. */
export interface OneEvent<T> {
  readonly event: Frozen<T>;
}

/**
 * A subscription: each event of a topic goes to an agent, or starts a run of a workflow. Where the topic's data is the target's
 * input, nothing more is needed; else `input` makes the one of the other.
 *
 * @example on(Findings, analysis, {
 *   requires: { "confidence is at least 0.7": ({ event }) => event.confidence >= 0.7 },
 *   publishes: Analysed,
 * })
 */
export function on<T, N extends string, O, const M extends string = never>(
  source: Topic<T, N>,
  target: Agent<T, O> | Workflow<T, O>,
  options?: SubscriptionOptions<OneEvent<T>, O, M> & { readonly input?: undefined },
): Subscription<N, M>;
export function on<T, N extends string, I, O, const M extends string, const X extends Frozen<I>>(
  source: Topic<T, N>,
  target: Agent<I, O> | Workflow<I, O>,
  options: SubscriptionOptions<OneEvent<T>, O, M> & {
    readonly input: (view: OneEvent<T>) => Exact<X, I>;
  },
): Subscription<N, M>;
export function on<
  V,
  N extends string,
  I,
  O,
  const M extends string,
  const X extends Frozen<I>,
  const G extends "fail" | "goOn" = "fail",
>(
  source: TopicSet<V, N>,
  target: Agent<I, O> | Workflow<I, O>,
  options: Gathering<G> &
    SubscriptionOptions<Gathered<V, G>, O, M> & {
      readonly input: (view: Gathered<V, G>) => Exact<X, I>;
    },
): Subscription<N, M>;
export function on(source: unknown, target: unknown, options: unknown = {}): unknown {
  return Object.freeze({ written: Object.freeze({ source, target, options }) });
}

/**
 * An event of each of several topics, in one delivery: the first that comes of each, within one run.
 *
 * @example on(all({ analysed: Analysed, checked: Checked }), writing, { input: ({ analysed, checked }) => ..., within: "5m" })
 */
export function all<const R extends Readonly<Record<string, TopicDefinition>>>(
  topics: R,
): TopicSet<
  { readonly [K in keyof R]: R[K] extends Topic<infer T, string> ? Frozen<T> : never },
  R[keyof R]["name"]
> {
  return Object.freeze({ topics: Object.freeze({ ...topics }) });
}

/**
 * An event for `publishes` whose data is made of the target's output; none where `data` gives undefined.
 *
 * @example publishes: [to(Approved, (output) => (output.ok ? { id: output.id } : undefined)), to(Rejected, ...)]
 */
export function to<O, V, T, const M extends string>(
  topic: Topic<T, M>,
  data: (output: Frozen<O>, view: V) => NoInfer<Frozen<T>> | undefined,
): EventOf<O, V, M> {
  return Object.freeze({ topic, data });
}
