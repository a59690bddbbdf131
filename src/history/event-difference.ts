/** In what the graph of a run differs from the one that was expected: what did not come, what came unasked, what went round. */
import { parsePath } from "../decide/path.ts";
import type { Violation } from "../model/violation.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import { factOf, type RecordedEntry } from "./read.ts";
import type { RunReport } from "./report.ts";
import { type EventFact, publisherOf, subscriptionSteps } from "./run-events.ts";
import type { RunWait } from "./run-wait.ts";
import type { StepSummary } from "./step-summary.ts";
import { slowDeliveries } from "./slow-delivery.ts";

/** One difference, in a sentence, and by name. Times are milliseconds since 1970. */
export interface EventDifference {
  readonly what: /** An expected event that has not come: `dueAt` is the deadline that says so. */
    | "missing"
    /** A subscription that was never given anything. */
    | "unreached"
    /** An event that the definition doesn't let its publisher publish, or from another stream. */
    | "publisher"
    /** Subscriptions that led to themselves. */
    | "cycle"
    /** A limit of the run was hit. */
    | "storm"
    /** A delivery that was refused, failed, is parked or was passed over for such a reason. */
    | "delivery"
    /** A delivery that took far longer than the others of its subscription, or most of the time that the run has. */
    | "slow"
    /** An event that came when what gathers its topic had gone on without it. */
    | "late";
  readonly message: string;
  readonly topic?: string;
  readonly subscription?: string;
  readonly path?: string;
  readonly seq?: number;
  readonly since?: number;
  readonly dueAt?: number;
}

/** What differences are found in. */
export interface Reconstructed {
  readonly entries: readonly RecordedEntry[];
  readonly definition: WorkflowDefinition;
  readonly report: RunReport;
  readonly events: readonly EventFact[];
  readonly deliveries: readonly StepSummary[];
  /** What the run waits for. */
  readonly waits: readonly RunWait[];
  /** Milliseconds since 1970: for how long something has been waited for. */
  readonly nowMs: number;
}

/** All differences, the missing ones first. */
export function eventDifferences(found: Reconstructed): readonly EventDifference[] {
  return [
    ...missing(found),
    ...unreached(found),
    ...publishers(found),
    ...cycles(found),
    ...storms(found),
    ...unhandled(found),
    ...slowDeliveries(found),
    ...late(found),
  ];
}

function missing({
  entries,
  definition,
  report,
  events,
  waits,
}: Reconstructed): readonly EventDifference[] {
  const differences: EventDifference[] = [];
  for (const wait of waits) {
    if (wait.what !== "event" || wait.path === "") continue;
    for (const topic of wait.topics ?? []) {
      const message = `${wait.path} waits for an event of ${topic}, which has not come.`;
      const due = wait.dueAt === undefined ? {} : { dueAt: wait.dueAt };
      differences.push({
        what: "missing",
        message,
        topic,
        subscription: wait.path,
        since: wait.since,
        ...due,
      });
    }
  }
  for (const recorded of entries) {
    const fact = factOf(recorded);
    if (fact.kind !== "step.failed" || fact.payload.error.code !== "EVENT_MISSING") continue;
    const { path: subscription = "", seq, at: dueAt, payload } = fact;
    const { message } = payload.error;
    differences.push({ what: "missing", message, subscription, seq, dueAt });
  }
  const ends = definition.choreography?.ends?.name;
  if (ends === undefined || events.some(({ payload }) => payload.topic === ends))
    return differences;
  const message = `The run was to end with an event of ${ends}, which has not come.`;
  const { deadlineAt: dueAt } = report;
  differences.push({
    what: "missing",
    message,
    topic: ends,
    since: report.startedAt,
    ...(dueAt === undefined ? {} : { dueAt }),
  });
  return differences;
}

function unreached({ definition, deliveries }: Reconstructed): readonly EventDifference[] {
  const reached = new Set(deliveries.map(({ path }) => parsePath(path).step));
  return subscriptionSteps(definition).flatMap(({ name, topics }): readonly EventDifference[] => {
    if (reached.has(name)) return [];
    const taken = [...topics.values()].map((topic) => topic.name).join(" and ");
    const message = `${name} takes ${taken}, and has not been given anything.`;
    return [{ what: "unreached", message, subscription: name }];
  });
}

function publishers({ definition, events }: Reconstructed): readonly EventDifference[] {
  const allowed = new Map(
    subscriptionSteps(definition).map(({ name, publishes }) => [
      name,
      new Set(publishes.map(({ topic }) => topic.name)),
    ]),
  );
  return events.flatMap((event): readonly EventDifference[] => {
    const { seq, payload } = event;
    const { topic, id } = payload;
    const subscription = publisherOf(event);
    const isFirst = seq === 1 && topic === definition.choreography?.starts.name;
    if (isFirst || allowed.get(subscription)?.has(topic) === true) return [];
    const from =
      event.kind === "event.received"
        ? `${event.payload.from.stream}, from outside the run`
        : subscription;
    const message = `Event ${id} of ${topic} was published by ${from}; that was not expected.`;
    return [{ what: "publisher", message, topic, subscription, seq }];
  });
}

/** Along the chain that led to each event: a subscription that stands in it twice is a loop, which is told once. */
function cycles({ events, deliveries }: Reconstructed): readonly EventDifference[] {
  const bySeq = new Map(events.map((event) => [event.seq, event]));
  const readsOf = new Map(deliveries.map(({ path, reads = {} }) => [path, Object.values(reads)]));
  const loops = new Map<
    string,
    { readonly loop: readonly string[]; seq: number; rounds: number }
  >();
  for (const event of events) {
    const publisher = publisherOf(event);
    const loop = [publisher];
    const looked = new Set<string>();
    // Of several events that led to a delivery the first is followed: where any of them goes round, the shortest way is told.
    for (
      let cause = before(event, bySeq, readsOf);
      cause !== undefined;
      cause = before(cause, bySeq, readsOf)
    ) {
      const place = cause.path ?? "";
      if (looked.has(place)) break;
      looked.add(place);
      const name = publisherOf(cause);
      if (name === publisher) {
        const key = [...loop].sort().join("\n");
        const known = loops.get(key) ?? { loop: loop.toReversed(), seq: event.seq, rounds: 0 };
        loops.set(key, { ...known, rounds: known.rounds + 1 });
        break;
      }
      loop.push(name);
    }
  }
  return [...loops.values()].map(({ loop, seq, rounds }) => {
    const [subscription = ""] = loop;
    const way = [...loop, subscription].join(" -> ");
    const times = rounds === 1 ? "once" : `${rounds} times`;
    return { what: "cycle", message: `${way} went round ${times}.`, subscription, seq };
  });
}

function before(
  event: EventFact,
  bySeq: ReadonlyMap<number, EventFact>,
  readsOf: ReadonlyMap<string, readonly number[]>,
): EventFact | undefined {
  const [seq] = readsOf.get(event.path ?? "") ?? [];
  return seq === undefined ? undefined : bySeq.get(seq);
}

function storms({ entries }: Reconstructed): readonly EventDifference[] {
  return entries.flatMap((recorded): readonly EventDifference[] => {
    const fact = factOf(recorded);
    if (fact.kind !== "event.refused") return [];
    const { path = "", seq, payload } = fact;
    const { topic, error } = payload;
    const subscription = parsePath(path).step;
    return [{ what: "storm", message: error.message, topic, subscription, path, seq }];
  });
}

function unhandled({ deliveries }: Reconstructed): readonly EventDifference[] {
  return deliveries.flatMap((delivery): readonly EventDifference[] => {
    const { path, seq, status, skipped } = delivery;
    const isPassedOver = status === "skipped" && skipped !== "when";
    if (!isPassedOver && status !== "parked" && status !== "failed" && status !== "refused")
      return [];
    const message = `${path} ${deliveryEnd(delivery)}`;
    return [{ what: "delivery", message, subscription: parsePath(path).step, path, seq }];
  });
}

/** What became of a delivery that was not handled, in words that follow its path. */
export function deliveryEnd({ status, skipped, error, violations, waitsFor }: StepSummary): string {
  const [violation] = violations ?? [];
  const failed = error === undefined ? undefined : `${error.code}: ${error.message}`;
  const why = violation === undefined ? failed : withFound(violation);
  const because = why === undefined ? "." : `: ${why}`;
  if (status === "skipped" && skipped === "when") return "was not wanted by its `when`.";
  if (status === "skipped" && skipped === "discarded") return "was given up by a person.";
  if (status === "skipped")
    return `was passed over, because it ${skipped === "refused" ? "was refused" : "failed"}${because}`;
  if (status === "refused" || waitsFor?.because === "refused")
    return `was refused${status === "parked" ? ", and waits for a person" : ""}${because}`;
  if (status === "parked") return `failed, and waits for a person${because}`;
  return `failed${because}`;
}

/** What a violation says, with the number that was found, where it was one: "..., found 0.59." */
function withFound({ message, value }: Violation): string {
  if (typeof value !== "number" || message.includes(String(value))) return message;
  return `${message.replace(/\.$/, "")}, found ${value}.`;
}

function late({ definition, events, deliveries }: Reconstructed): readonly EventDifference[] {
  return subscriptionSteps(definition).flatMap(({ name, topics }): readonly EventDifference[] => {
    if (topics.size < 2) return [];
    const made = deliveries.find(({ path }) => parsePath(path).step === name);
    if (made === undefined) return [];
    const taken = new Set(Object.keys(made.reads ?? {}));
    const wanted = [...topics.values()].map((topic) => topic.name);
    return wanted.flatMap((topic): readonly EventDifference[] => {
      if (taken.has(topic)) return [];
      const event = events.find(({ payload }) => payload.topic === topic);
      if (event === undefined) return [];
      const message = `Event ${event.payload.id} of ${topic} came when ${name} had gone on without it.`;
      return [{ what: "late", message, topic, subscription: name, seq: event.seq }];
    });
  });
}
