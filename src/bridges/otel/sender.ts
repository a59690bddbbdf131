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

/** Gives undefined once all was taken, or told to `dropped` one by one. Else why it was not taken, all or a part of it. */
export type Send<X> = (
  exporter: Exporter<X>,
  items: readonly X[],
  dropped: (item: X, why: string) => void,
) => Promise<NotTaken | undefined>;

export interface SenderOptions {
  /** Whether what was taken may be sent again, which a collector can tell from what is new. */
  readonly repeats: boolean;
  readonly clock?: Pick<Clock, "after">;
}

/**
 * What a collector can't read is dropped, and found by halving a batch until it is alone. Only where the collector takes something
 * else at that time: another item of the batch, or again what it took last. A proxy that answers all with 400 is no collector, and
 * what it was sent has not been taken.
 */
export function sender<X>({ repeats, clock = machineClock }: SenderOptions): Send<X> {
  let takenLast: X | undefined;
  return async (exporter, items, dropped) => {
    const send: Try<X> = async (some) => {
      const why = notTaken(await exported(exporter, some, clock));
      if (why === undefined && repeats) takenLast = some.at(-1);
      return why;
    };
    if (items.length === 0) return undefined;
    const why = await send(items);
    if (why === undefined || !isFinal(why)) return why;
    const takesAgain = takenLast === undefined ? undefined : await send([takenLast]);
    if (takesAgain !== undefined) return takesNothing(why);
    const refused = new Map<X, string>();
    const later = await part(send, items, why, refused);
    if (later !== undefined) return later;
    if (takenLast === undefined && refused.size === items.length) return takesNothing(why);
    for (const [item, said] of refused) dropped(item, said);
    return undefined;
  };
}

type Try<X> = (items: readonly X[]) => Promise<NotTaken | undefined>;

/** Sends by halves what was refused together. Gives why one of them was not taken that may be taken later. */
async function part<X>(
  send: Try<X>,
  items: readonly X[],
  why: NotTaken,
  refused: Map<X, string>,
): Promise<NotTaken | undefined> {
  const [only, ...others] = items;
  if (only !== undefined && others.length === 0) {
    refused.set(only, why.message);
    return undefined;
  }
  const half = Math.ceil(items.length / 2);
  for (const some of [items.slice(0, half), items.slice(half)]) {
    const not = await send(some);
    if (not === undefined) continue;
    const later = isFinal(not) ? await part(send, some, not, refused) : not;
    if (later !== undefined) return later;
  }
  return undefined;
}

function takesNothing(why: NotTaken): NotTaken {
  return { ...why, message: `${why.message}. It takes nothing else either.` };
}

function isFinal({ status }: NotTaken): boolean {
  return status !== undefined && NEVER.has(status);
}

function notTaken(error: Error | undefined): NotTaken | undefined {
  if (error === undefined) return undefined;
  const status = statusOf(error);
  if (status === undefined) return { message: error.message, cause: error };
  return { message: `${status} ${error.message}`, status, cause: error };
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
