/** Sends spans through an exporter, and tells what a collector did not take from what it never will. */
import { BatonError } from "../../model/errors.ts";
import type { FinishedSpan } from "./finished-span.ts";

/** The part of the SDK's `SpanExporter` that is used. */
export interface TraceExporter {
  export(
    spans: FinishedSpan[],
    done: (result: { readonly code: number; readonly error?: Error }) => void,
  ): void;
  shutdown(): Promise<void>;
}

/** What a collector says of a request that will be as wrong the next time; all else may change, and is tried again. */
const NEVER: ReadonlySet<number> = new Set([400, 413, 422]);

/**
 * Resolves once all spans were taken, or told to `dropped` one by one: a batch that a collector can't read is halved until what
 * it can't read is alone.
 * @throws BatonError TRACES_REFUSED
 */
export async function sendAll(
  exporter: TraceExporter,
  spans: readonly FinishedSpan[],
  dropped: (span: FinishedSpan, why: string) => void,
): Promise<void> {
  if (spans.length === 0) return;
  const error = await exported(exporter, spans);
  if (error === undefined) return;
  const status = statusOf(error);
  if (status === undefined || !NEVER.has(status)) {
    const said = status === undefined ? error.message : `${status} ${error.message}`;
    throw new BatonError("TRACES_REFUSED", `The collector did not take the traces: ${said}`, {
      details: status === undefined ? {} : { status },
      cause: error,
    });
  }
  const [only, ...others] = spans;
  if (only !== undefined && others.length === 0) return dropped(only, `${status} ${error.message}`);
  const half = Math.ceil(spans.length / 2);
  await sendAll(exporter, spans.slice(0, half), dropped);
  await sendAll(exporter, spans.slice(half), dropped);
}

function exported(
  exporter: TraceExporter,
  spans: readonly FinishedSpan[],
): Promise<Error | undefined> {
  return new Promise((resolve) => {
    exporter.export([...spans], ({ code, error }) =>
      resolve(code === 0 ? undefined : (error ?? new Error("It did not say why."))),
    );
  });
}

function statusOf(error: Error): number | undefined {
  const { code } = error as { readonly code?: unknown };
  return typeof code === "number" ? code : undefined;
}
