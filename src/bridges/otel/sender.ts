/** Sends what is finished through an exporter, and tells what a collector did not take from what it never will. */
import type { Clock } from "../../ports/clock.ts";
import { machineClock } from "../machine-clock.ts";
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
 * How long an exporter may take to say what became of a batch: three times what that of the SDK tries by itself. Its patience is
 * with a server that is silent, and has no end with one that drips; one that was given may lose its callback.
 */
const ANSWER_MS = 30_000;

/**
 * Gives undefined once all was taken, or told to `dropped` one by one: a batch that a collector can't read is halved until what
 * it can't read is alone. Else why it was not taken, all or a part of it.
 */
export async function sendAll<X>(
  exporter: Exporter<X>,
  items: readonly X[],
  dropped: (item: X, why: string) => void,
  clock: Pick<Clock, "after"> = machineClock,
): Promise<NotTaken | undefined> {
  if (items.length === 0) return undefined;
  const error = await exported(exporter, items, clock);
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
    (await sendAll(exporter, items.slice(0, half), dropped, clock)) ??
    (await sendAll(exporter, items.slice(half), dropped, clock))
  );
}

/** What is said after the time is over is not heard: the same batch may be under way again by then. */
function exported<X>(
  exporter: Exporter<X>,
  items: readonly X[],
  clock: Pick<Clock, "after">,
): Promise<Error | undefined> {
  return new Promise((resolve, reject) => {
    const late = new Error(`There was no answer in ${ANSWER_MS / 1_000} seconds.`);
    const cancel = clock.after(ANSWER_MS, () => resolve(late));
    try {
      exporter.export([...items], ({ code, error }) => {
        cancel();
        resolve(code === 0 ? undefined : (error ?? new Error("It did not say why.")));
      });
    } catch (error) {
      cancel();
      reject(error as Error);
    }
  });
}

function statusOf(error: Error): number | undefined {
  const { code } = error as { readonly code?: unknown };
  return typeof code === "number" ? code : undefined;
}
