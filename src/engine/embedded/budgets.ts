/**
 * The budgets of an engine: one account for each name, shared by all runs, and one for each run that has a budget of its own.
 * The ledger is in decide/budget.ts.
 *
 * Owns: what is set aside and spent, and which calls wait in memory for what others have set aside. Does not own: the record,
 * which is in the streams `budget/<name>` and in the runs' own journals; waits for a window, which are in the runs' journals.
 *
 * M1. A call is set aside of all its accounts or of none, in one go: nothing comes in between, so that nothing overshoots.
 * M2. A call begins only when what was set aside for it is in the journal.
 * M3. Who waits for what others have set aside goes on in order of arrival.
 * M4. What a process that died had set aside is settled at open: by what the run's journal says was used; all of it where that
 *     is not known; nothing where the call was never begun. Nothing leaks, and nothing is given twice.
 */
import {
  type BudgetSettings,
  inWindow,
  type Ledger,
  limitOf,
  newLedger,
  nextWindowAt,
  raise,
  reserve,
  settle,
} from "../../decide/budget.ts";
import type { AgentDefinition } from "../../model/agent-definition.ts";
import {
  type Amounts,
  amountText,
  isNothing,
  type Measure,
  measuredBy,
  MEASURES,
  measureName,
  NOTHING,
} from "../../model/amounts.ts";
import {
  attemptMaximum,
  type BudgetMark,
  type BudgetSnapshot,
  type Reservation,
} from "../../model/budget.ts";
import type { Failure } from "../../model/entry.ts";
import type { Gate } from "../../model/gate.ts";
import { BatonError } from "../../model/errors.ts";
import { budgetNames, budgetSnapshot, recordedBudget, settingsOf } from "../budgets.ts";
import type { BudgetRaise } from "../engine.ts";
import { type BudgetJournal, budgetJournal } from "./budget-journal.ts";
import { type OpenReservation, recoveredSpending } from "./budget-recovery.ts";
import type { Actor, Core } from "./core.ts";
import { releaseRuns, releaseWaiting } from "./runs.ts";

/** An attempt, as budgets know it. */
export type Place = Omit<Reservation, "amounts">;

/** What was set aside for a call; given back with what it came to. */
export interface Claim {
  readonly amounts: Amounts;
  /** The shared budgets it is of. */
  readonly budgets: readonly string[];
  readonly place: Place;
}

/** What whoever wants to call is told, at once or later; exactly one of them, once. */
export interface Claiming {
  /** `recorded`: what must be in the journal before the call begins. */
  readonly pass: (claim: Claim, recorded: Promise<unknown>) => void;
  readonly refused: (refusal: BudgetRefusal) => void;
}

export type BudgetRefusal =
  | { readonly kind: "held"; readonly gate: Gate; readonly dueAt: number }
  | { readonly kind: "failed"; readonly error: Failure; readonly mark: BudgetMark | undefined };

export interface Budgets {
  /** Reads how each budget stands, and settles what was left open. Called once, before any run goes on. */
  restore(): Promise<void>;
  /** Wakes runs that wait for a budget which was raised while they were not in memory. */
  wakeRaised(): void;
  /** Sets aside what an attempt may use. Where that is answered later, gives a function that withdraws the question. */
  enter(
    actor: Actor,
    agent: AgentDefinition,
    place: Place,
    claiming: Claiming,
  ): (() => void) | undefined;
  /** Gives back what was set aside, and spends what it came to; nothing where the call was never begun. */
  settle(claim: Claim, spent: Amounts | undefined): void;
  /** Spends what an attempt to compensate, or a probe, used: nothing is set aside for it, and it is never refused. */
  spend(actor: Actor, agent: AgentDefinition, place: Place, spent: Amounts): void;
  /** Forgets that a run waits: it has ended. */
  forget(run: string): void;
  snapshots(): readonly BudgetSnapshot[];
  /** @throws BatonError BUDGET_NOT_FOUND, ARGUMENT_INVALID */
  raiseByPerson(name: string, raised: BudgetRaise): Promise<void>;
  /** Whether something is not in the journal yet. */
  isWriting(): boolean;
  /** The engine has stopped: nothing is woken any more. */
  stop(): void;
}

interface Account {
  /** Undefined for a run's own. */
  readonly name: string | undefined;
  readonly settings: BudgetSettings;
  readonly whenSpent: "fail" | "wait";
  readonly journal: BudgetJournal | undefined;
  ledger: Ledger;
  /** Calls that wait, in memory, for what others have set aside; in order of arrival (M3). */
  readonly waiting: Asking[];
  draining: boolean;
  /** Runs that wait for the next window. */
  readonly held: Set<string>;
  stopTimer: (() => void) | undefined;
}

interface Asking extends Claim {
  /** Grows with each call that asks. */
  readonly no: number;
  readonly accounts: readonly Account[];
  readonly claiming: Claiming;
}

interface State {
  readonly core: () => Core;
  readonly accounts: Map<string, Account>;
  readonly ofRuns: WeakMap<Actor, Account>;
  nextNo: number;
}

export function budgets(core: () => Core): Budgets {
  const state: State = { core, accounts: new Map(), ofRuns: new WeakMap(), nextNo: 0 };
  const { accounts } = state;
  return {
    restore: () => restore(state),
    wakeRaised: () => {
      for (const account of accounts.values())
        if (!isNothing(windowed(state, account).raised)) wakeHeld(state, account);
    },
    enter: (actor, agent, place, claiming) => enter(state, actor, agent, place, claiming),
    // Every claim was made by `enter`, which made it an asking.
    settle: (claim, spent) => settleClaim(state, claim as Asking, spent ?? NOTHING),
    spend: (actor, agent, place, spent) => {
      for (const account of sharedAccounts(state, actor, agent)) {
        const own = measuredBy(spent, account.settings.limit);
        account.ledger = settle(windowed(state, account), account.settings, {
          reserved: NOTHING,
          spent: own,
        });
        void account.journal?.settle({ ...place, amounts: own, unreserved: true });
      }
    },
    forget: (run) => {
      for (const { held } of accounts.values()) held.delete(run);
    },
    snapshots: () => [...accounts.values()].map((account) => snapshotOf(state, account)),
    raiseByPerson: (name, raised) => raiseByPerson(state, name, raised),
    isWriting: () => [...accounts.values()].some(({ journal }) => journal?.isWriting() === true),
    stop: () => {
      for (const account of accounts.values()) account.stopTimer?.();
    },
  };
}

async function restore(state: State): Promise<void> {
  const core = state.core();
  const { store, namespace } = core;
  const declared = core.catalogue.budgets;
  const left: OpenReservation[] = [];
  for (const name of new Set([...declared.keys(), ...(await budgetNames(store, namespace))])) {
    const recorded = await recordedBudget(store, namespace, name);
    const account: Account = {
      name,
      settings: settingsOf(declared.get(name), recorded),
      whenSpent: declared.get(name)?.budget.whenSpent ?? "fail",
      journal: budgetJournal(core, name, recorded, () => account.ledger),
      ledger: recorded?.ledger ?? newLedger(),
      waiting: [],
      draining: false,
      held: new Set(),
      stopTimer: undefined,
    };
    state.accounts.set(name, account);
    for (const { reservation } of recorded?.open.values() ?? []) left.push({ name, reservation });
  }
  // M4
  for (const { name, reservation, spent } of await recoveredSpending(store, namespace, left)) {
    const account = state.accounts.get(name);
    if (account === undefined) continue;
    const reserved = reservation.amounts;
    account.ledger = settle(windowed(state, account), account.settings, { reserved, spent });
    void account.journal?.settle({ ...reservation, amounts: measuredBy(spent, reserved) });
  }
}

/** The account's ledger, in the window of now. */
function windowed({ core }: State, account: Account): Ledger {
  account.ledger = inWindow(account.ledger, account.settings, core().clock.now());
  return account.ledger;
}

/** The shared budgets of an agent's call in a run: the agent's, and the workflow's. */
function sharedAccounts(
  { accounts }: State,
  { run }: Actor,
  agent: AgentDefinition,
): readonly Account[] {
  const names = new Set<string>();
  for (const { name } of agent.budgets ?? []) names.add(name);
  for (const { name } of run.definition.budgets ?? []) names.add(name);
  return [...names].flatMap((name) => accounts.get(name) ?? []);
}

/** The account of a run that has a budget of its own: its journal says what it has spent. */
function ownAccount({ ofRuns }: State, actor: Actor): Account | undefined {
  const { ownBudget } = actor.run.definition;
  if (ownBudget === undefined) return undefined;
  const known = ofRuns.get(actor);
  if (known !== undefined) return known;
  const limit = ownBudget;
  const account: Account = {
    name: undefined,
    settings: { limit },
    whenSpent: "fail",
    journal: undefined,
    ledger: newLedger(measuredBy(actor.run.spent ?? NOTHING, limit)),
    waiting: [],
    draining: false,
    held: new Set(),
    stopTimer: undefined,
  };
  ofRuns.set(actor, account);
  return account;
}

function enter(
  state: State,
  actor: Actor,
  agent: AgentDefinition,
  place: Place,
  claiming: Claiming,
): (() => void) | undefined {
  const shared = sharedAccounts(state, actor, agent);
  const own = ownAccount(state, actor);
  const accounts = own === undefined ? shared : [...shared, own];
  const amounts = attemptMaximum(agent);
  for (const account of accounts) {
    account.held.delete(place.run);
    const { limit } = account.settings;
    const unknown = MEASURES.find(
      (measure) => limit[measure] !== undefined && amounts[measure] === undefined,
    );
    if (unknown === undefined) continue;
    // Another version of the agent than the one that was checked: that of a fork, or one that an old run is pinned to.
    const what = `${agent.id} has no maximum of ${measureName(unknown)}, which ${titleOf(account)} measures.`;
    claiming.refused({
      kind: "failed",
      error: { code: "DEFINITION_INVALID", message: what },
      mark: undefined,
    });
    return undefined;
  }
  const names = shared.flatMap(({ name }) => name ?? []);
  const no = state.nextNo;
  state.nextNo += 1;
  const asking: Asking = { no, accounts, claiming, amounts, budgets: names, place };
  const waitsAt = ask(state, asking);
  if (waitsAt === undefined) return undefined;
  return () => {
    for (const account of accounts) {
      const at = account.waiting.indexOf(asking);
      if (at < 0) continue;
      account.waiting.splice(at, 1);
      drain(state, account);
    }
  };
}

/** Sets aside of all accounts or of none (M1). Gives the account at which the call waits, if it does. */
function ask(state: State, asking: Asking): Account | undefined {
  const { accounts, amounts, no } = asking;
  const after: Ledger[] = [];
  let full: Account | undefined;
  for (const account of accounts) {
    const verdict = reserve(windowed(state, account), account.settings, amounts);
    if (verdict.kind === "spent") {
      refuse(state, account, asking, verdict.measure);
      return undefined;
    }
    const isBehind = (account.waiting[0]?.no ?? no) < no;
    if (verdict.kind === "later" || isBehind) full ??= account;
    else after.push(verdict.ledger);
  }
  if (full !== undefined) {
    queue(state, full, asking);
    return full;
  }
  const recorded: Promise<void>[] = [];
  accounts.forEach((account, i) => {
    account.ledger = after[i] ?? account.ledger;
    const own = measuredBy(amounts, account.settings.limit);
    const written = account.journal?.reserve({ ...asking.place, amounts: own });
    if (written !== undefined) recorded.push(written);
  });
  asking.claiming.pass(asking, Promise.all(recorded));
  return undefined;
}

/** Puts a call among those who wait, in order of arrival; the next window may have room for it as well. */
function queue(state: State, account: Account, asking: Asking): void {
  const { waiting, settings } = account;
  let at = waiting.length;
  while (at > 0 && (waiting[at - 1]?.no ?? 0) > asking.no) at -= 1;
  waiting.splice(at, 0, asking);
  const { clock } = state.core();
  const nextAt = nextWindowAt(account.ledger, settings, clock.now());
  if (nextAt === undefined || account.stopTimer !== undefined) return;
  const delayMs = Math.min(TIMER_MAX_MS, Math.max(0, nextAt - clock.now()));
  account.stopTimer = clock.after(delayMs, () => {
    account.stopTimer = undefined;
    drain(state, account);
  });
}

/** Node's timers hold 31 bits of milliseconds. */
const TIMER_MAX_MS = 2_000_000_000;

/** Those who wait ask again, in order, until one must go on waiting. One that ends while it begins must not start this anew within itself. */
function drain(state: State, account: Account): void {
  if (account.draining || state.core().closing) return;
  account.draining = true;
  for (let first = account.waiting.shift(); first !== undefined; first = account.waiting.shift()) {
    if (ask(state, first) === account) break;
  }
  account.draining = false;
}

/** Not enough is left, whatever others give back. */
function refuse(state: State, account: Account, asking: Asking, measure: Measure): void {
  const { clock } = state.core();
  const { name, settings, ledger } = account;
  const nextAt = nextWindowAt(ledger, settings, clock.now());
  if (account.whenSpent === "wait" && nextAt !== undefined && name !== undefined) {
    account.held.add(asking.place.run);
    asking.claiming.refused({ kind: "held", gate: `budget/${name}`, dueAt: nextAt });
    return;
  }
  const limit = limitOf(ledger, settings);
  const { spent, reserved } = ledger;
  const text = (amounts: Amounts) => amountText({ ...amounts, ...currencyOf(limit) }, measure);
  const message = `${titleOf(account)} is spent: of ${text(limit)}, ${text(spent)} are spent and ${text(reserved)} set aside; this attempt may need ${text(asking.amounts)}.`;
  asking.claiming.refused({
    kind: "failed",
    error: { code: "BUDGET_SPENT", message },
    mark: {
      ...(name === undefined ? {} : { name }),
      measure: measureName(measure),
      limit,
      spent,
      reserved,
    },
  });
}

function currencyOf({ currency }: Amounts): Pick<Amounts, "currency"> {
  return currency === undefined ? {} : { currency };
}

function titleOf({ name }: Account): string {
  return name === undefined ? "The run's own budget" : `The budget ${name}`;
}

function settleClaim(state: State, claim: Asking, spent: Amounts): void {
  const { accounts, amounts, place } = claim;
  // What is left open when the engine has stopped is settled by the journal, at the next open.
  if (state.core().stopped !== undefined) return;
  for (const account of accounts) {
    const { limit } = account.settings;
    const own = measuredBy(spent, limit);
    account.ledger = settle(windowed(state, account), account.settings, {
      reserved: measuredBy(amounts, limit),
      spent: own,
    });
    void account.journal?.settle({ ...place, amounts: own });
  }
  for (const account of accounts) if (account.waiting.length > 0) drain(state, account);
}

async function raiseByPerson(
  state: State,
  name: string,
  { amounts, by, reason }: BudgetRaise,
): Promise<void> {
  const account = state.accounts.get(name);
  const declared = state.core().catalogue.budgets.get(name);
  if (account === undefined || declared === undefined) {
    const known = [...state.core().catalogue.budgets.keys()];
    throw new BatonError("BUDGET_NOT_FOUND", `No code here names a budget ${name}.`, {
      details: { budget: name, known },
    });
  }
  const { limit } = account.settings;
  const unmeasured = MEASURES.find(
    (measure) => amounts[measure] !== undefined && limit[measure] === undefined,
  );
  if (unmeasured !== undefined)
    throw new BatonError(
      "ARGUMENT_INVALID",
      `The budget ${name} does not measure ${measureName(unmeasured)}.`,
    );
  if (amounts.currency !== undefined && amounts.currency !== limit.currency)
    throw new BatonError(
      "ARGUMENT_INVALID",
      `The budget ${name} is in ${limit.currency ?? ""}, not in ${amounts.currency}.`,
    );
  account.ledger = raise(windowed(state, account), amounts);
  const recorded = account.journal?.raise(amounts, by, reason);
  drain(state, account);
  await recorded;
  wakeHeld(state, account);
}

/** Wakes the runs that wait for the next window: those of this process in order, then those that an earlier one left waiting. */
function wakeHeld(state: State, { name, held, settings, ledger, whenSpent }: Account): void {
  const core = state.core();
  const nextAt = nextWindowAt(ledger, settings, core.clock.now());
  if (name === undefined || whenSpent === "fail" || nextAt === undefined) return;
  const gate: Gate = `budget/${name}`;
  const known = [...held];
  held.clear();
  releaseRuns(core, gate, known, () => true)
    .then(() => releaseWaiting(core, gate, nextAt))
    .catch((error: unknown) => {
      if (core.stopped !== undefined) return;
      // They ask by themselves when the next window begins, which is in their journals.
      const message = `Runs that wait for the budget ${name} could not be woken: ${String(error)}`;
      core.log({ level: "error", message, at: core.clock.now() });
    });
}

function snapshotOf(state: State, { name = "", ledger, held }: Account): BudgetSnapshot {
  const { catalogue, clock } = state.core();
  const declared = catalogue.budgets.get(name);
  return budgetSnapshot({
    name,
    ledger,
    declared,
    waitingRuns: held.size,
    nowMs: clock.now(),
  });
}
