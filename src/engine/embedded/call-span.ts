/** The span of a call: it follows from the call's place, so that it is known while the call is made. */
import { spanIdOf, traceIdOf, traceparentOf } from "../../journal/trace-ids.ts";
import type { Actor, Core } from "./core.ts";

/** Of what the span is that the call is seen in. What a probe does belongs to the attempt that it asks about. */
export type CallKind = "attempt" | "compensation";

export interface CallPlace {
  readonly path: string;
  readonly turn: number;
  readonly attempt: number;
}

export interface CallSpan {
  readonly traceId: string;
  readonly spanId: string;
}

export function callSpan(
  { namespace }: Core,
  { id, run }: Actor,
  of: CallKind,
  { path, turn, attempt }: CallPlace,
): CallSpan {
  return {
    traceId: traceIdOf(namespace, run.correlation),
    spanId: spanIdOf({ namespace, run: id, of, path, turn, attempt }),
  };
}

/** What a call says of its span to those that it calls. */
export function callTraceparent(core: Core, actor: Actor, of: CallKind, place: CallPlace): string {
  const { traceId, spanId } = callSpan(core, actor, of, place);
  return traceparentOf(traceId, spanId);
}
