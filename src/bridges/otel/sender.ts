/** Sends what is finished through an exporter, and tells what a collector did not take from what it never will. */
import type { FinishedSpan } from "./finished-span.ts";

/** The part of the SDK's exporters that is used, of spans and of log records alike. */
export interface Exporter<X> {
  export(
    items: X[],
    done: (result: { readonly code: number; readonly error?: Error }) => void,
  ): void;
  shutdown(): Promise<void>;
}

/** The part of the SDK's `SpanExporter` that is used. */
export type TraceExporter = Exporter<FinishedSpan>;

/** Why a collector did not take something now. */
export interface NotTaken {
  readonly message: string;
  readonly status?: number;
  readonly cause: Error;
}

/** What a collector says of a request that will be as wrong the next time; all else may change, and is tried again. */
const NEVER: ReadonlySet<number> = new Set([400, 413, 422]);

/**
 * Gives undefined once all was taken, or told to `dropped` one by one: a batch that a collector can't read is halved until what
 * it can't read is alone. Else why it was not taken, all or a part of it.
 */
export async function sendAll<X>(
  exporter: Exporter<X>,
  items: readonly X[],
  dropped: (item: X, why: string) => void,
): Promise<NotTaken | undefined> {
  if (items.length === 0) return undefined;
  const error = await exported(exporter, items);
  if (error === undefined) return undefined;
  const status = statusOf(error);
  if (status === undefined) return { message: error.message, cause: error };
  const message = `${status} ${error.message}`;
  if (!NEVER.has(status)) return { message, status, cause: error };
  const [only, ...others] = items;
  if (only !== undefined && others.length === 0) {
    dropped(only, message);
    return undefined;
  }
  const half = Math.ceil(items.length / 2);
  return (
    (await sendAll(exporter, items.slice(0, half), dropped)) ??
    (await sendAll(exporter, items.slice(half), dropped))
  );
}

function exported<X>(exporter: Exporter<X>, items: readonly X[]): Promise<Error | undefined> {
  return new Promise((resolve) => {
    exporter.export([...items], ({ code, error }) =>
      resolve(code === 0 ? undefined : (error ?? new Error("It did not say why."))),
    );
  });
}

function statusOf(error: Error): number | undefined {
  const { code } = error as { readonly code?: unknown };
  return typeof code === "number" ? code : undefined;
}
