/**
 * Ids of traces and spans: derived from places in the journal, so that a span that is sent again is the same span, and another
 * process goes on with the same trace.
 */
import { sha256Hex } from "./hash.ts";

/** The trace of all that has one correlation id: 32 hex digits. */
export function traceIdOf(namespace: string, correlation: string): string {
  return sha256Hex(`baton/trace/v1\n${namespace}\n${correlation}`).slice(0, 32);
}

/** The span in which an event was published: 16 hex digits, as its CloudEvent says them. */
export function eventSpanId(event: string): string {
  return sha256Hex(`baton/span/v1\n${event}`).slice(0, 16);
}

/** Where a run's span is in its journal. `of` tells apart what shares a place. */
export interface SpanPlace {
  readonly namespace: string;
  readonly run: string;
  readonly of: string;
  readonly path?: string;
  readonly turn?: number;
  readonly attempt?: number;
}

/** The span at a place: 16 hex digits. */
export function spanIdOf({
  namespace,
  run,
  of,
  path = "",
  turn = 0,
  attempt = 0,
}: SpanPlace): string {
  const place = `${namespace}\n${run}\n${of}\n${path}\n${turn}\n${attempt}`;
  return sha256Hex(`baton/run-span/v1\n${place}`).slice(0, 16);
}

/** What a call says of the span that it is made in, by W3C Trace Context: sampled. */
export function traceparentOf(traceId: string, spanId: string): string {
  return `00-${traceId}-${spanId}-01`;
}

/** A span of another program. */
export interface RemoteSpan {
  readonly traceId: string;
  readonly spanId: string;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const ZEROS = /^0+$/;

/**
 * The span that a `traceparent` names; undefined where it is not valid by W3C Trace Context, which wants it to be passed over then.
 * A later version than 00 may say more after what is read here.
 */
export function remoteSpan(traceparent: string): RemoteSpan | undefined {
  const [, version, traceId = "", spanId = "", more] = TRACEPARENT.exec(traceparent) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined))
    return undefined;
  return ZEROS.test(traceId) || ZEROS.test(spanId) ? undefined : { traceId, spanId };
}
