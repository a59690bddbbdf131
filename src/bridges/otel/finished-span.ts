/** Spans of the journal as finished spans of the OpenTelemetry SDK, which an exporter takes as if the SDK had made them. */
import type { TraceSpan } from "../../model/trace-span.ts";
import type { Attributes, HrTime, SpanContext, SpanLink } from "./api-types.ts";
import { attributeOf, attributesOf, cut, type Dress, nameOf } from "./attributes.ts";

/** What the SDK calls a Resource: what all spans of a process have in common. */
export interface SpanResource {
  readonly attributes: Attributes;
  merge(other: unknown): SpanResource;
  getRawAttributes(): [string, Attributes[string]][];
}

/** The form of the SDK's `ReadableSpan`. */
export interface FinishedSpan {
  readonly name: string;
  readonly kind: number;
  readonly spanContext: () => SpanContext;
  readonly parentSpanContext?: SpanContext;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly duration: HrTime;
  readonly status: { readonly code: number; readonly message?: string };
  readonly attributes: Attributes;
  readonly links: SpanLink[];
  readonly events: {
    readonly name: string;
    readonly time: HrTime;
    readonly attributes: Attributes;
  }[];
  readonly ended: boolean;
  readonly resource: SpanResource;
  readonly instrumentationScope: { readonly name: string; readonly version?: string };
  readonly droppedAttributesCount: number;
  readonly droppedEventsCount: number;
  readonly droppedLinksCount: number;
}

/** Numbers of the API, which is not needed for them alone. */
const KIND = { internal: 0, client: 2, producer: 3, consumer: 4 } as const;
const STATUS = { unset: 0, ok: 1, error: 2 } as const;
const SAMPLED = 1;
/** A collector may refuse a span for one long message. */
const MESSAGE_CHARACTERS_MAX = 4_000;
/** The same object wherever it is named: exporters group by it. */
export const SCOPE = Object.freeze({ name: "baton" });

export function resourceOf(attributes: Attributes): SpanResource {
  const resource: SpanResource = {
    attributes,
    merge: () => resource,
    getRawAttributes: () => Object.entries(attributes),
  };
  return resource;
}

export function finishedSpan(span: TraceSpan, resource: SpanResource, dress: Dress): FinishedSpan {
  const { traceId, spanId, parentId, startAt, endAt } = span;
  const context = contextOf(traceId, spanId);
  const parent = parentId === undefined ? undefined : contextOf(traceId, parentId);
  const finished = {
    name: nameOf(span),
    kind: kindOf(span),
    spanContext: () => context,
    startTime: timeOf(startAt),
    endTime: timeOf(endAt),
    duration: timeOf(endAt - startAt),
    status: statusOf(span),
    attributes: attributesOf(span, dress),
    links: span.links.map((link) => ({
      context: contextOf(link.traceId, link.spanId),
      attributes: { "baton.link": link.why },
    })),
    events: span.moments.map(({ name, at, facts }) => ({
      name,
      time: timeOf(at),
      attributes: Object.fromEntries(
        Object.entries(facts).map(([fact, value]) => [`baton.${fact}`, attributeOf(value)]),
      ),
    })),
    ended: true,
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: span.momentsDropped,
    droppedLinksCount: 0,
  };
  return parent === undefined ? finished : Object.assign(finished, { parentSpanContext: parent });
}

export function contextOf(traceId: string, spanId: string): SpanContext {
  return { traceId, spanId, traceFlags: SAMPLED };
}

export function timeOf(ms: number): HrTime {
  const seconds = Math.trunc(ms / 1_000);
  return [seconds, (ms - seconds * 1_000) * 1_000_000];
}

function kindOf({ kind }: TraceSpan): number {
  if (kind === "publish") return KIND.producer;
  if (kind === "receive") return KIND.consumer;
  return kind === "model" ? KIND.client : KIND.internal;
}

/** What was skipped or given up was no failure of its own, and is no success either. */
function statusOf({ error, outcome }: TraceSpan): FinishedSpan["status"] {
  if (error !== undefined)
    return { code: STATUS.error, message: cut(error.message, MESSAGE_CHARACTERS_MAX) };
  return { code: outcome === "skipped" || outcome === "given up" ? STATUS.unset : STATUS.ok };
}
