/** What a process that died had set aside: how much of it was used, by the journals of the runs (M4 of budgets.ts). */
import { reservationKey } from "../../decide/budget.ts";
import { factOf, readRun } from "../../history/read.ts";
import { type Amounts, NOTHING } from "../../model/amounts.ts";
import type { Reservation } from "../../model/budget.ts";
import type { Fact } from "../../model/entry.ts";
import { isBatonError } from "../../model/errors.ts";
import type { JournalStore } from "../../ports/journal-store.ts";

/** What a budget has still set aside. */
export interface OpenReservation {
  readonly name: string;
  readonly reservation: Reservation;
}

/** What became of an attempt: absent if it was never begun. */
type Found = ReadonlyMap<string, { readonly spent: Amounts | "unknown" }>;

/** Reads the journal of each run once that had something set aside when its process died. */
export async function recoveredSpending(
  store: JournalStore,
  namespace: string,
  left: readonly OpenReservation[],
): Promise<readonly (OpenReservation & { readonly spent: Amounts })[]> {
  const runs = new Map<string, Found>();
  for (const { run } of left.map(({ reservation }) => reservation))
    if (!runs.has(run)) runs.set(run, await attemptsOf(store, namespace, run));
  return left.map(({ name, reservation }) => {
    const found = runs.get(reservation.run)?.get(reservationKey(reservation));
    const spent = found === undefined ? NOTHING : found.spent;
    return { name, reservation, spent: spent === "unknown" ? reservation.amounts : spent };
  });
}

async function attemptsOf(store: JournalStore, namespace: string, run: string): Promise<Found> {
  const found = new Map<string, { readonly spent: Amounts | "unknown" }>();
  try {
    for await (const recorded of readRun(store, namespace, run)) {
      const fact = factOf(recorded);
      const spent = spentIn(fact);
      if (spent === undefined) continue;
      const { path = "", turn = 0, attempt = 1 } = fact;
      found.set(reservationKey({ run, path, turn, attempt }), { spent });
    }
  } catch (error) {
    // A run whose journal has no entry yet has called nothing.
    if (!isBatonError(error, "RUN_NOT_FOUND")) throw error;
  }
  return found;
}

/** Undefined for entries that say nothing of an attempt. One that ended without a word of what it spent was never begun. */
function spentIn(fact: Fact): Amounts | "unknown" | undefined {
  switch (fact.kind) {
    case "attempt.begun":
      return "unknown";
    case "step.sealed":
    case "item.sealed":
    case "attempt.failed":
      return fact.payload.spent ?? NOTHING;
    case "attempt.unknown":
      return fact.payload.spent ?? (fact.payload.lost === true ? "unknown" : NOTHING);
    default:
      return undefined;
  }
}
