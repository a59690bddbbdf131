/**
 * The graph of a choreography: the one that was expected, from its definition, beside the one that was, from a run's journal;
 * and in what they differ.
 */
import { parsePath } from "../decide/path.ts";
import type { RunStatus } from "../model/run-status.ts";
import type { SubscriptionStep, WorkflowDefinition } from "../model/workflow-definition.ts";
import { eventDifferences, type EventDifference } from "./event-difference.ts";
import type { RecordedEntry } from "./read.ts";
import { type BesideJournal, runReport } from "./report.ts";
import { type EventFact, eventsIn, publisherOf, subscriptionSteps } from "./run-events.ts";
import type { RunWait } from "./run-wait.ts";
import type { StepSummary } from "./step-summary.ts";
import { waitsOf } from "./waits.ts";

export type { EventDifference } from "./event-difference.ts";

/** A topic, and what a run has had of it. Times are milliseconds since 1970. */
export interface TopicNode {
  readonly topic: string;
  /** What an event of it means to the run. */
  readonly role?: "starts" | "ends" | "failsOn";
  /** Whether the definition knows it. */
  readonly expected: boolean;
  readonly events: number;
  readonly firstAt?: number;
  readonly lastAt?: number;
}

/** How many deliveries of a subscription came to what. */
export type DeliveryCounts = Readonly<Partial<Record<StepSummary["status"], number>>>;

/** A subscription, and its deliveries in a run. */
export interface SubscriptionNode {
  readonly subscription: string;
  /** `name@version` of the agent or workflow; absent for one that the definition doesn't know. */
  readonly target?: string;
  readonly expected: boolean;
  readonly takes: readonly string[];
  readonly publishes: readonly string[];
  readonly deliveries: DeliveryCounts;
  readonly lastAt?: number;
}

/** Who published to a topic, or takes from it, and how often that happened. `start` and `outside` stand for no subscription. */
export interface EventEdge {
  readonly kind: "publishes" | "takes";
  readonly subscription: string;
  readonly topic: string;
  readonly expected: boolean;
  readonly count: number;
}

/** Both graphs as one: what was expected has `expected`, what was has counts. */
export interface EventGraph {
  readonly run: string;
  readonly workflow: string;
  readonly status: RunStatus;
  readonly topics: readonly TopicNode[];
  readonly subscriptions: readonly SubscriptionNode[];
  readonly edges: readonly EventEdge[];
  readonly differences: readonly EventDifference[];
}

/** The graph of a run. @throws BatonError RUN_NOT_FOUND for no entries */
export function eventGraph(
  entries: readonly RecordedEntry[],
  definition: WorkflowDefinition,
  beside: BesideJournal & { readonly nowMs: number },
): EventGraph {
  const report = runReport(entries, beside);
  const events = eventsIn(entries);
  const acted = report.steps.filter(({ path }) => path.includes("#"));
  const { waits } = waitsOf(entries, definition);
  const deliveries = [...acted, ...underWay(waits, definition, events, acted)];
  return {
    run: report.id,
    workflow: report.workflow,
    status: report.status,
    topics: topicsOf(definition, events),
    subscriptions: subscriptionsOf(definition, deliveries, entries),
    edges: edgesOf(definition, events, deliveries),
    differences: eventDifferences({
      entries,
      definition,
      report,
      events,
      deliveries,
      waits,
      nowMs: beside.nowMs,
    }),
  };
}

/** Deliveries that are being made, or can be, and of which nothing is in the journal yet. */
function underWay(
  waits: readonly RunWait[],
  definition: WorkflowDefinition,
  events: readonly EventFact[],
  acted: readonly StepSummary[],
): readonly StepSummary[] {
  const known = new Set(acted.map(({ path }) => path));
  const steps = new Map(subscriptionSteps(definition).map((step) => [step.name, step]));
  return waits.flatMap((wait): readonly StepSummary[] => {
    if (wait.what !== "execution" || wait.path?.includes("#") !== true || known.has(wait.path))
      return [];
    const { path } = wait;
    const seq = Number(path.slice(path.lastIndexOf("#") + 1));
    const topics = [...(steps.get(parsePath(path).step)?.topics.values() ?? [])];
    // One that gathers takes the first event of each of its topics.
    const taken = events.filter(({ seq: at, payload }) =>
      topics.length > 1
        ? topics.some(({ name }) => name === payload.topic) &&
          events.find((each) => each.payload.topic === payload.topic)?.seq === at
        : at === seq,
    );
    const reads = Object.fromEntries(taken.map(({ seq: at, payload }) => [payload.topic, at]));
    return [{ path, status: "open", seq, turn: 0, attempts: 0, reads }];
  });
}

function topicsOf(
  definition: WorkflowDefinition,
  events: readonly EventFact[],
): readonly TopicNode[] {
  const { choreography } = definition;
  // From the beginning on, in the order in which they are published.
  const published = subscriptionSteps(definition).flatMap(({ publishes }) =>
    publishes.map(({ topic }) => topic.name),
  );
  const first = choreography === undefined ? [] : [choreography.starts.name];
  const rest = choreography?.topics.keys() ?? [];
  const known = [...new Set([...first, ...published, ...rest])];
  const names = new Set([...known, ...events.map(({ payload }) => payload.topic)]);
  return [...names].map((topic) => {
    const had = events.filter(({ payload }) => payload.topic === topic);
    const [first, last] = [had[0], had.at(-1)];
    const role = (["starts", "ends", "failsOn"] as const).find(
      (each) => choreography?.[each]?.name === topic,
    );
    return {
      topic,
      ...(role === undefined ? {} : { role }),
      expected: known.includes(topic),
      events: had.length,
      ...(first === undefined || last === undefined ? {} : { firstAt: first.at, lastAt: last.at }),
    };
  });
}

function subscriptionsOf(
  definition: WorkflowDefinition,
  deliveries: readonly StepSummary[],
  entries: readonly RecordedEntry[],
): readonly SubscriptionNode[] {
  const steps = new Map(subscriptionSteps(definition).map((step) => [step.name, step]));
  const names = new Set([...steps.keys(), ...deliveries.map(({ path }) => parsePath(path).step)]);
  return [...names].map((subscription) => {
    const step = steps.get(subscription);
    const own = deliveries.filter(({ path }) => parsePath(path).step === subscription);
    const counts: Partial<Record<StepSummary["status"], number>> = {};
    for (const { status } of own) counts[status] = (counts[status] ?? 0) + 1;
    const lastAt = own.map(({ seq }) => entries[seq]?.entry.at ?? 0).reduce(latest, 0);
    return {
      subscription,
      ...(step === undefined ? {} : { target: targetOf(step) }),
      expected: step !== undefined,
      takes: step === undefined ? [] : [...step.topics.values()].map(({ name }) => name),
      publishes:
        step === undefined ? [] : [...new Set(step.publishes.map((each) => each.topic.name))],
      deliveries: counts,
      ...(lastAt === 0 ? {} : { lastAt }),
    };
  });
}

function latest(a: number, b: number): number {
  return Math.max(a, b);
}

function targetOf({ target }: SubscriptionStep): string {
  return target.kind === "agent" ? target.agent.id : target.workflow.id;
}

function edgesOf(
  definition: WorkflowDefinition,
  events: readonly EventFact[],
  deliveries: readonly StepSummary[],
): readonly EventEdge[] {
  const edges = new Map<string, EventEdge>();
  const add = (edge: Omit<EventEdge, "count">, by: 0 | 1): void => {
    const key = [edge.kind, edge.subscription, edge.topic].join("\n");
    const known = edges.get(key);
    edges.set(key, {
      ...edge,
      expected: known?.expected ?? edge.expected,
      count: (known?.count ?? 0) + by,
    });
  };
  for (const { name, topics, publishes } of subscriptionSteps(definition)) {
    for (const { name: topic } of topics.values())
      add({ kind: "takes", subscription: name, topic, expected: true }, 0);
    for (const { topic } of publishes)
      add({ kind: "publishes", subscription: name, topic: topic.name, expected: true }, 0);
  }
  const first = definition.choreography?.starts.name;
  for (const event of events) {
    const { topic } = event.payload;
    const isFirst = topic === first && event.seq === 1;
    add({ kind: "publishes", subscription: publisherOf(event), topic, expected: isFirst }, 1);
  }
  for (const { path, reads = {} } of deliveries)
    for (const topic of Object.keys(reads))
      add({ kind: "takes", subscription: parsePath(path).step, topic, expected: false }, 1);
  return [...edges.values()];
}
