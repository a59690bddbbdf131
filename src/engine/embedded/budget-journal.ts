/**
 * The stream of one budget: what was set aside, settled and raised, one append at a time.
 *
 * Owns the stream's head, and which entry says of each reservation that it is open. What comes while an append is under way
 * goes into the next one together: the cost of a call is a part of an entry.
 *
 * N1. Every entry says how the budget stands after all that came with it; what is given back comes before what is set aside, so
 *     that no entry says more than the limit.
 * N2. The newest entry names the one from which on all open reservations can be read, never further back than a bound.
 */
import { type Ledger, type Restored, reservationKey } from "../../decide/budget.ts";
import { ENGINE } from "../../decide/turn.ts";
import type { Amounts } from "../../model/amounts.ts";
import {
  type BudgetRecord,
  budgetStream,
  type Reservation,
  type Settlement,
} from "../../model/budget.ts";
import type { Author, Draft, Fact } from "../../model/entry.ts";
import type { StreamName } from "../../ports/journal-store.ts";
import type { RecordedBudget } from "../budgets.ts";
import type { Core } from "./core.ts";
import { extendStream, NO_ENTRY, placeAfter, type StreamEnd } from "./stream-journal.ts";

/** Entries that are read at the most to know what is set aside; then all of it is written again. */
const TAIL_MAX = 200;

export interface BudgetJournal {
  /** Each resolves once it is in the journal. @throws BatonError what the engine stopped with */
  reserve(reservation: Reservation): Promise<void>;
  settle(settlement: Settlement): Promise<void>;
  raise(amounts: Amounts, by: Author, reason: string): Promise<void>;
  /** Whether something is not in the journal yet. */
  isWriting(): boolean;
}

interface Raise {
  readonly amounts: Amounts;
  readonly by: Author;
  readonly reason: string;
}

interface Journal {
  readonly core: Core;
  readonly stream: StreamName;
  readonly name: string;
  readonly ledger: () => Ledger;
  end: StreamEnd;
  /** By key, in the order in which they were set aside, with the entry that says so. */
  readonly open: Map<string, Restored["open"] extends ReadonlyMap<string, infer V> ? V : never>;
  raises: Raise[];
  readonly reservations: Map<string, Reservation>;
  settlements: Settlement[];
  /** What has not been written yet, once somebody waits for it. */
  next: Promise<void> | undefined;
  last: Promise<void>;
  writing: number;
}

/** The stream of the budget `name`, which ends as `recorded` says. `ledger` tells how the budget stands now. */
export function budgetJournal(
  core: Core,
  name: string,
  recorded: RecordedBudget | undefined,
  ledger: () => Ledger,
): BudgetJournal {
  const journal: Journal = {
    core,
    stream: { namespace: core.namespace, stream: budgetStream(name) },
    name,
    ledger,
    end: endOf(recorded),
    open: new Map(recorded?.open),
    raises: [],
    reservations: new Map(),
    settlements: [],
    next: undefined,
    last: Promise.resolve(),
    writing: 0,
  };
  return {
    reserve: (reservation) => {
      journal.reservations.set(reservationKey(reservation), reservation);
      return flushed(journal);
    },
    settle: (settlement) => {
      // What was given back before it was written was never used, and need not be written at all.
      const isUnwritten =
        settlement.unreserved !== true && journal.reservations.delete(reservationKey(settlement));
      if (isUnwritten) return journal.last;
      journal.settlements.push(settlement);
      return flushed(journal);
    },
    raise: (amounts, by, reason) => {
      journal.raises.push({ amounts, by, reason });
      return flushed(journal);
    },
    isWriting: () => journal.writing > 0,
  };
}

function endOf(recorded: RecordedBudget | undefined): StreamEnd {
  if (recorded === undefined) return NO_ENTRY;
  const { hash, newest } = recorded;
  return { hash, seq: newest.seq, at: newest.at };
}

/** All that comes before the append before this one has ended is written together. */
function flushed(journal: Journal): Promise<void> {
  if (journal.next !== undefined) return journal.next;
  journal.writing += 1;
  const written = journal.last.then(async () => {
    journal.next = undefined;
    await write(journal);
    journal.writing -= 1;
  });
  journal.next = written;
  journal.last = written;
  // Whoever waits for it is told; the next one finds the engine stopped by itself.
  written.catch(() => {});
  return written;
}

async function write(journal: Journal): Promise<void> {
  const { core, stream, name, end } = journal;
  const facts = takeFacts(journal);
  if (facts.length === 0) return;
  const index = { status: "open", open: false, type: name };
  journal.end = await extendStream(core, stream, end, facts, index);
}

/** What has come since the last append, as entries (N1). */
function takeFacts(journal: Journal): readonly Fact[] {
  const { core, open } = journal;
  const reservations = [...journal.reservations.values()];
  const { raises, settlements } = journal;
  journal.reservations.clear();
  journal.raises = [];
  journal.settlements = [];
  const first = placeAfter(journal.end, core.clock.now());
  const facts: Fact[] = [];
  const say = (by: Author, draft: (record: BudgetRecord) => Pick<Draft, "kind" | "payload">) => {
    const seq = first.seq + facts.length;
    // A kind with its payload, its author and its place is a fact of that kind.
    facts.push({ ...draft(recordAt(journal, seq)), by, seq, at: first.at } as Fact);
  };
  for (const { by, amounts, reason } of raises)
    say(by, (record) => ({
      kind: "budget.raised",
      payload: { ...record, amounts, reason },
    }));
  if (settlements.length > 0) {
    for (const settlement of settlements)
      if (settlement.unreserved !== true) open.delete(reservationKey(settlement));
    say(ENGINE, (record) => ({ kind: "budget.settled", payload: { ...record, settlements } }));
  }
  if (reservations.length > 0) {
    const seq = first.seq + facts.length;
    say(ENGINE, (record) => ({ kind: "budget.reserved", payload: { ...record, reservations } }));
    for (const reservation of reservations)
      open.set(reservationKey(reservation), { reservation, seq });
  }
  return facts;
}

/** What the entry `seq` says of the whole budget (N2). */
function recordAt({ ledger, open }: Journal, seq: number): BudgetRecord {
  const { since, spent, raised } = ledger();
  let from = seq;
  for (const oldest of open.values()) {
    from = Math.min(seq, oldest.seq);
    break;
  }
  if (seq - from < TAIL_MAX) return { since, spent, raised, from };
  const all = [...open.values()].map(({ reservation }) => reservation);
  for (const [key, { reservation }] of open) open.set(key, { reservation, seq });
  return { since, spent, raised, from: seq, open: all };
}
