/** Spans of events: of a run's own, of those that it was given, and of those from outside. */
import { eventSpanId, spanIdOf, traceIdOf } from "../../journal/trace-ids.ts";
import type { Fact, FactOf } from "../../model/entry.ts";
import type { TraceSpan } from "../../model/trace-span.ts";
import { draftOf, finish, type Tracing } from "./draft.ts";
import { spanAt } from "./steps.ts";
import type { TopicContracts } from "./content.ts";
import { masked } from "../../model/sensitive.ts";

/** Applies what an entry of a run says of events. */
export function foldEvent(tracing: Tracing, fact: Fact): void {
  if (fact.kind === "event.published") published(tracing, fact);
  if (fact.kind === "event.received") received(tracing, fact);
}

function published(tracing: Tracing, fact: FactOf<"event.published">): void {
  const { topic, contract, id, key, hops } = fact.payload;
  seen(tracing, fact);
  const draft = draftOf(tracing, "publish", {
    subject: topic,
    spanId: eventSpanId(id),
    startAt: fact.at,
    parentId: spanAt(tracing, fact.path),
  });
  if (fact.path !== undefined) draft.path = fact.path;
  draft.facts = { event: id, hops, contract, ...(key === undefined ? {} : { key }) };
  const data =
    fact.value === undefined ? undefined : tracing.content?.event(topic, contract, fact.value);
  if (data !== undefined) draft.output = data;
  finish(tracing, draft, { at: fact.at, outcome: "published" });
}

/** An event that was published elsewhere: its own span is there. A run that it began is a part of that. */
function received(tracing: Tracing, fact: FactOf<"event.received">): void {
  const { namespace, run, root } = tracing;
  const { topic, id, correlation = id } = fact.payload;
  seen(tracing, fact);
  const isBeginning = fact.seq === 1;
  if (isBeginning && root !== undefined && root.parentId === undefined)
    root.parentId = eventSpanId(id);
  const draft = draftOf(tracing, "receive", {
    subject: topic,
    spanId: spanIdOf({ namespace, run, of: "receive", attempt: fact.seq }),
    startAt: fact.at,
    parentId: tracing.rootId,
  });
  draft.facts = { event: id };
  draft.links = [
    { traceId: traceIdOf(namespace, correlation), spanId: eventSpanId(id), why: "event" },
  ];
  finish(tracing, draft, { at: fact.at, outcome: "received" });
}

function seen({ events, thereAt }: Tracing, fact: FactOf<"event.published" | "event.received">) {
  events.set(fact.seq, fact.payload.id);
  thereAt.set(fact.seq, fact.at);
}

/** The span of an event that was published from outside. `parentId`: of the run that it concerns. */
export function outsideEvent(
  namespace: string,
  fact: FactOf<"event.published">,
  topics: TopicContracts | undefined,
  parentId: string | undefined,
): TraceSpan {
  const { topic, contract, id, key, hops, correlation = id, origin } = fact.payload;
  const known = topics?.(topic, contract);
  const traceId = traceIdOf(namespace, correlation);
  return {
    kind: "publish",
    traceId,
    spanId: eventSpanId(id),
    ...(parentId === undefined ? {} : { parentId }),
    subject: topic,
    startAt: fact.at,
    endAt: fact.at,
    namespace,
    correlation,
    outcome: "published",
    ...(known === undefined || fact.value === undefined
      ? {}
      : { output: masked(fact.value, known.sensitive) }),
    facts: { event: id, hops, contract, ...(key === undefined ? {} : { key }) },
    moments: [],
    momentsDropped: 0,
    links: elsewhere(fact.traceId ?? traceId, origin?.spanId),
  };
}

/** One that came over a bus was published in a span there, often of another trace: what it leads to here is of this one. */
function elsewhere(traceId: string, spanId: string | undefined): TraceSpan["links"] {
  return spanId === undefined ? [] : [{ traceId, spanId, why: "event" }];
}
