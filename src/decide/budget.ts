/**
 * The ledger of a budget, pure: what is spent and what is set aside. Time is an argument.
 *
 * L1. What is spent and what is set aside are together never more than the limit, but for attempts that report more than was set
 *     aside for them, and a limit that was lowered.
 * L2. What is set aside is given back by settling it, and what it really came to is spent.
 * L3. Windows only follow each other: a clock that goes back begins none again, and gives nothing twice.
 * L4. What is under way when a window begins is carried over: it counts in the new one, and is spent there.
 */
import {
  type Amounts,
  exceeds,
  measuredBy,
  minus,
  type Measure,
  NOTHING,
  plus,
} from "../model/amounts.ts";
import { type Budget, budgetStream, type Reservation } from "../model/budget.ts";
import type { FactOf } from "../model/entry.ts";
import { invariant } from "../model/errors.ts";

/** What of a budget the ledger needs. */
export type BudgetSettings = Pick<Budget, "limit" | "perMs">;

export interface Ledger {
  /** When the window began, in milliseconds since 1970; 0 where it never ends. */
  readonly since: number;
  readonly spent: Amounts;
  readonly reserved: Amounts;
  /** Added by people, for this window. */
  readonly raised: Amounts;
}

export type ReserveVerdict =
  | { readonly kind: "reserved"; readonly ledger: Ledger }
  /** What others have set aside may come back: ask again when it is settled. */
  | { readonly kind: "later" }
  /** Even if all of that came back, there would not be enough. */
  | { readonly kind: "spent"; readonly measure: Measure };

/** Of which nothing was ever used. */
export function newLedger(spent: Amounts = NOTHING): Ledger {
  return { since: 0, spent, reserved: NOTHING, raised: NOTHING };
}

/** The ledger in the window of `nowMs`; the same if that has not begun yet (L3). */
export function inWindow(ledger: Ledger, { perMs }: BudgetSettings, nowMs: number): Ledger {
  if (perMs === undefined) return ledger;
  const since = Math.floor(nowMs / perMs) * perMs;
  if (since <= ledger.since) return ledger;
  return { since, spent: NOTHING, reserved: ledger.reserved, raised: NOTHING };
}

/** When the next window begins; undefined where none does. */
export function nextWindowAt(
  { since }: Ledger,
  { perMs }: BudgetSettings,
  nowMs: number,
): number | undefined {
  if (perMs === undefined) return undefined;
  return (Math.floor(Math.max(since, nowMs) / perMs) + 1) * perMs;
}

/** What may be used in this window. */
export function limitOf({ raised }: Ledger, { limit }: BudgetSettings): Amounts {
  return measuredBy(plus(limit, raised), limit);
}

/** Sets `amounts` aside if there is room for them (L1). */
export function reserve(
  ledger: Ledger,
  settings: BudgetSettings,
  amounts: Amounts,
): ReserveVerdict {
  const limit = limitOf(ledger, settings);
  const reserved = plus(ledger.reserved, measuredBy(amounts, limit));
  if (exceeds(plus(ledger.spent, reserved), limit) === undefined)
    return { kind: "reserved", ledger: { ...ledger, reserved } };
  const measure = exceeds(plus(ledger.spent, amounts), limit);
  return measure === undefined ? { kind: "later" } : { kind: "spent", measure };
}

/** Gives back what was set aside, and spends what it came to (L2). */
export function settle(
  ledger: Ledger,
  { limit }: BudgetSettings,
  { reserved, spent }: { readonly reserved: Amounts; readonly spent: Amounts },
): Ledger {
  return {
    ...ledger,
    reserved: minus(ledger.reserved, reserved),
    spent: plus(ledger.spent, measuredBy(spent, limit)),
  };
}

/** Adds to the limit of this window. */
export function raise(ledger: Ledger, by: Amounts): Ledger {
  return { ...ledger, raised: plus(ledger.raised, by) };
}

export type BudgetFact = FactOf<"budget.reserved" | "budget.settled" | "budget.raised">;

/** What identifies an attempt among all of a budget. */
export function reservationKey({ run, path, turn, attempt }: Omit<Reservation, "amounts">): string {
  return `${run} ${path} ${turn} ${attempt}`;
}

/** What the end of a budget's stream says: the ledger, and what is set aside with the entry that says so. */
export interface Restored {
  readonly ledger: Ledger;
  readonly open: ReadonlyMap<string, { readonly reservation: Reservation; readonly seq: number }>;
}

/** Reads the entries from the `from` of the newest one to the newest one, in order. */
export function restoredLedger(name: string, facts: readonly BudgetFact[]): Restored {
  const open = new Map<string, { readonly reservation: Reservation; readonly seq: number }>();
  const add = (reservation: Reservation, seq: number) =>
    open.set(reservationKey(reservation), { reservation, seq });
  for (const fact of facts) {
    const { seq, payload } = fact;
    if (payload.open !== undefined) {
      open.clear();
      for (const reservation of payload.open) add(reservation, seq);
    }
    if (fact.kind === "budget.reserved")
      for (const reservation of fact.payload.reservations) add(reservation, seq);
    if (fact.kind === "budget.settled")
      for (const settlement of fact.payload.settlements)
        if (settlement.unreserved !== true) open.delete(reservationKey(settlement));
  }
  const newest = facts.at(-1);
  invariant(newest !== undefined, `${budgetStream(name)} has no entry.`);
  const { since, spent, raised } = newest.payload;
  let reserved = NOTHING;
  for (const { reservation } of open.values()) reserved = plus(reserved, reservation.amounts);
  return { ledger: { since, spent, raised, reserved }, open };
}
