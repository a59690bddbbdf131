/** Tells when a run, or one that is part of it, may stand otherwise than before. */
import type { RecordedEntry } from "../../history/read.ts";
import type { EntryKind } from "../../model/entry.ts";
import type { Json } from "../../model/json.ts";
import { childOf } from "./questions.ts";
import type { ServedBaton } from "../served-baton.ts";

/** What an attempt gave out while it was at work. */
export interface Partial {
  readonly step: string;
  readonly attempt: number;
  readonly chunk: Json;
}

/** Partial output that nobody has fetched yet; the oldest is dropped first, since it is never part of the record. */
const PARTIALS_MAX = 1_000;

/** Kinds after which a task may stand otherwise. All else is the run's own business, and costs no look at it. */
const TELLING: ReadonlySet<EntryKind> = new Set<EntryKind>([
  "run.refused",
  "run.resumed",
  "run.blocked",
  "run.completed",
  "run.failed",
  "run.cancelled",
  "run.compensating",
  "run.compensated",
  "run.parked",
  "run.restored",
  "step.parked",
  "step.resolved",
  "step.skipped",
  "compensation.resolved",
  "signal.received",
]);

function isTelling({ entry }: RecordedEntry): boolean {
  if (TELLING.has(entry.kind)) return true;
  const opened = entry.kind === "step.opened" ? entry.payload["step"] : undefined;
  return opened === "approval" || opened === "signal";
}

/**
 * Once at the beginning, and then whenever something has changed, with the partial output since, until the run has ended or the
 * signal aborts. Changes that come together are told once.
 */
export async function* changesOf(
  baton: Pick<ServedBaton, "watch">,
  run: string,
  options: { readonly partials: boolean; readonly signal: AbortSignal },
): AsyncGenerator<readonly Partial[], void, undefined> {
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  let partials: Partial[] = [];
  let changed = true;
  let ended = false;
  let wake: () => void = () => {};
  let failure: { readonly error: unknown } | undefined;
  const { partials: wanted } = options;
  const watch = async (id: string): Promise<void> => {
    // Whoever opens a child run says so first: one that is not there yet is awaited from its second entry on.
    const fromSeq = id === run ? 0 : 1;
    for await (const item of baton.watch(id, { fromSeq, partials: wanted, signal })) {
      if (item.kind === "partial") {
        partials.push({ step: item.path, attempt: item.attempt, chunk: item.chunk });
        if (partials.length > PARTIALS_MAX) partials.shift();
      } else if (item.kind === "entry") {
        const child = childOf(item);
        if (child !== undefined) begin(child);
        if (!isTelling(item)) continue;
        changed = true;
      }
      wake();
    }
  };
  const begin = (id: string): void => {
    watch(id)
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => {
        if (id === run || failure !== undefined) ended = true;
        wake();
      });
  };
  begin(run);
  try {
    for (;;) {
      if (changed || partials.length > 0) {
        const told = partials;
        partials = [];
        changed = false;
        yield told;
        continue;
      }
      if (failure !== undefined) throw failure.error;
      if (ended) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    over.abort();
  }
}
