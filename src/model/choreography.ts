/** Choreographies with types: topics and subscriptions under one name and version. A choreography is a workflow that can be started. */
import { buildChoreography } from "./choreography-build.ts";
import type { Duration } from "./duration.ts";
import type { Subscription } from "./subscription.ts";
import type { Topic, TopicDefinition } from "./topic.ts";
import type { Workflow } from "./workflow-types.ts";

type Subscriptions = Readonly<Record<string, Subscription<string, string>>>;

type FromOf<X> = X extends Subscription<infer N, string> ? N : never;
type ToOf<X> = X extends Subscription<string, infer M> ? M : never;

/** All that is published in a choreography, its beginning included. */
type Published<Subs extends Subscriptions, S extends string> = S | ToOf<Subs[keyof Subs]>;

/** Refuses a subscription to a topic that nobody publishes. */
export type Connected<Subs extends Subscriptions, S extends string> = {
  readonly [K in keyof Subs]: [Exclude<FromOf<Subs[K]>, Published<Subs, S>>] extends [never]
    ? unknown
    : `nobody publishes ${Exclude<FromOf<Subs[K]>, Published<Subs, S>>}`;
};

/** The end must be published by somebody. */
type Reached<E extends string, Subs extends Subscriptions, S extends string> = [
  Exclude<E, Published<Subs, S>>,
] extends [never]
  ? unknown
  : `nobody publishes ${E}`;

/** What {@link choreography} takes besides name and version. */
export interface ChoreographyOptions<In, S extends string, Out, E extends string, Subs> {
  /** The topic with an event of which a run begins: its data is what the run is started with. */
  readonly starts: Topic<In, S>;
  /**
   * The topic with an event of which a run completes, once nothing is left to deliver; its data is the run's output. Without it
   * a run completes as soon as nothing is left to deliver.
   */
  readonly ends?: Topic<Out, E>;
  /** An event of this topic fails the run: what was done in it is compensated, newest first. */
  readonly failsOn?: TopicDefinition;
  /** By when a run must have ended. A run that has an end but no deadline could wait for it for ever: then it is required. */
  readonly deadline?: Duration;
  readonly description?: string;
  /** How long a chain of events may become, each published because of the one before: 16 if left out. */
  readonly hops?: number;
  /** How many events a run may have: 10,000 if left out. */
  readonly events?: number;
  /**
   * Which events of `starts` that were published elsewhere begin a run, counted from when the choreography was first opened in
   * a store: those from `now` on (if left out), from the `beginning` of what the topic keeps, or from an ISO time on.
   */
  readonly from?: "now" | "beginning" | (string & {});
  /** Runs that such events have begun and that are waited for at the same time: 1,000 if left out. */
  readonly concurrency?: number;
  readonly subscriptions: Subs;
}

/**
 * A choreography: agents that publish and subscribe, without a conductor. Each run of it has a correlation id, which is the run's,
 * and a journal like any other.
 *
 * @example
 * choreography("research-report", "1.0.0", {
 *   starts: Asked,
 *   ends: Written,
 *   deadline: "10m",
 *   subscriptions: {
 *     research: on(Asked, research, { publishes: Found }),
 *     analysis: on(Found, analysis, { publishes: Analysed }),
 *     writing: on(Analysed, writing, { publishes: Written }),
 *   },
 * })
 * @throws BatonError `DEFINITION_INVALID` with all problems in `details.problems`: a topic that nobody publishes, contracts that
 * don't fit, a name that is taken.
 */
export function choreography<
  In,
  const S extends string,
  const Subs extends Subscriptions,
  Out = unknown,
  const E extends string = never,
>(
  name: string,
  version: string,
  options: ChoreographyOptions<In, S, Out, E, Subs & Connected<Subs, S>> & {
    readonly ends?: Reached<E, Subs, S>;
  },
): Workflow<In, Out> {
  return buildChoreography({ name, version, options });
}
