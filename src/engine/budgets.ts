/** Budgets as every engine and every reader sees them: which there are, and how they stand. */
import {
  type BudgetFact,
  type BudgetSettings,
  inWindow,
  type Ledger,
  limitOf,
  newLedger,
  nextWindowAt,
  type Restored,
  restoredLedger,
} from "../decide/budget.ts";
import { factOf, readStream } from "../history/read.ts";
import type { AgentDefinition } from "../model/agent-definition.ts";
import { type Amounts, measuredBy, minus, plus } from "../model/amounts.ts";
import { type Budget, type BudgetSnapshot, budgetStream } from "../model/budget.ts";
import type { Fact } from "../model/entry.ts";
import { BatonError } from "../model/errors.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import type { JournalStore } from "../ports/journal-store.ts";
import type { Catalogue } from "./definitions.ts";
import { headPages } from "./head-pages.ts";
import type { PriceTable } from "./usage.ts";

/** A budget that agents or workflows name. */
export interface DeclaredBudget {
  readonly budget: Budget;
  /** `name@version` of the agents and workflows under it. */
  readonly users: readonly string[];
}

const PREFIX = budgetStream("");

/** The budgets that agents and workflows name. Two of one name, or money in two currencies, are a problem. */
export function declaredBudgets(
  agents: Iterable<AgentDefinition>,
  workflows: Iterable<WorkflowDefinition>,
  problems: string[],
): ReadonlyMap<string, DeclaredBudget> {
  const declared = new Map<string, DeclaredBudget>();
  const currencies = new Set<string>();
  const add = (user: string, budgets: readonly Budget[]) => {
    for (const budget of budgets) {
      const known = declared.get(budget.name);
      if (budget.limit.currency !== undefined) currencies.add(budget.limit.currency);
      // Plain data, whose fields are always written in the same order.
      if (known !== undefined && JSON.stringify(known.budget) !== JSON.stringify(budget))
        problems.push(
          `${known.users.join(", ")} and ${user} share the budget "${budget.name}", with different settings.`,
        );
      else declared.set(budget.name, { budget, users: [...(known?.users ?? []), user] });
    }
  };
  for (const { id, budgets = [], maximum } of agents) {
    add(id, budgets);
    if (maximum?.currency !== undefined) currencies.add(maximum.currency);
  }
  for (const { id, budgets = [], runBudget } of workflows) {
    add(id, budgets);
    if (runBudget?.currency !== undefined) currencies.add(runBudget.currency);
  }
  if (currencies.size > 1)
    problems.push(`Budgets and maxima are in ${[...currencies].join(" and ")}: use one currency.`);
  return declared;
}

/**
 * What is limited must be what prices are in: nothing is converted.
 * @throws BatonError DEFINITION_INVALID
 */
export function checkCurrencies(
  { agents, budgets, workflows }: Pick<Catalogue, "agents" | "budgets" | "workflows">,
  prices: PriceTable,
): void {
  const limited = [
    ...[...agents.values()].map(({ maximum }) => maximum?.currency),
    ...[...budgets.values()].map(({ budget }) => budget.limit.currency),
    ...[...workflows.values()].map(({ runBudget }) => runBudget?.currency),
  ].find((currency) => currency !== undefined);
  if (limited === undefined) return;
  const problems = Object.entries(prices)
    .filter(([, { currency }]) => currency !== limited)
    .map(
      ([model, { currency }]) =>
        `The price of ${model} is in ${currency}, and budgets and maxima are in ${limited}.`,
    );
  if (problems.length === 0) return;
  throw new BatonError("DEFINITION_INVALID", problems.join(" "), { details: { problems } });
}

/** The budgets that the store has streams of. */
export async function budgetNames(
  store: JournalStore,
  namespace: string,
): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const page of headPages(store, { namespace, prefix: PREFIX }))
    for (const { stream } of page) names.push(stream.slice(PREFIX.length));
  return names;
}

/** How a budget stands by the end of its stream; undefined if it has none. */
export interface RecordedBudget extends Restored {
  readonly newest: Fact;
  readonly hash: string;
}

/**
 * Reads the end of a budget's stream: its newest entry, and from there back to where it says that the rest can be read.
 * @throws BatonError JOURNAL_BROKEN
 */
export async function recordedBudget(
  store: JournalStore,
  namespace: string,
  name: string,
): Promise<RecordedBudget | undefined> {
  const stream = { namespace, stream: budgetStream(name) };
  const head = await store.head(stream);
  if (head === undefined) return undefined;
  let from = head.lastSeq;
  for await (const recorded of readStream(store, stream, head.lastSeq))
    from = budgetFact(factOf(recorded), stream.stream).payload.from;
  const facts: BudgetFact[] = [];
  let hash = "";
  for await (const recorded of readStream(store, stream, from)) {
    facts.push(budgetFact(factOf(recorded), stream.stream));
    hash = recorded.hash;
  }
  const newest = facts.at(-1);
  if (newest === undefined)
    throw new BatonError("JOURNAL_BROKEN", `The newest entry of ${stream.stream} is missing.`);
  return { ...restoredLedger(name, facts), newest, hash };
}

function budgetFact(fact: Fact, stream: string): BudgetFact {
  if (
    fact.kind === "budget.reserved" ||
    fact.kind === "budget.settled" ||
    fact.kind === "budget.raised"
  )
    return fact;
  throw new BatonError("JOURNAL_BROKEN", `Entry ${fact.seq} of ${stream} is of no budget.`);
}

/** For a budget that only the journal knows: nothing is reserved of it, and it measures what it measured. */
export function settingsOf(
  declared: DeclaredBudget | undefined,
  recorded: Restored | undefined,
): BudgetSettings {
  if (declared !== undefined) return declared.budget;
  const { spent = {}, reserved = {} } = recorded?.ledger ?? {};
  return { limit: plus(spent, reserved) };
}

/** How a budget stands, for people and programs. */
export function budgetSnapshot(known: {
  readonly name: string;
  readonly ledger: Ledger;
  readonly declared: DeclaredBudget | undefined;
  readonly waitingRuns: number;
  readonly nowMs: number;
}): BudgetSnapshot {
  const { name, declared, waitingRuns, nowMs } = known;
  const budget = declared?.budget;
  const ledger = budget === undefined ? known.ledger : inWindow(known.ledger, budget, nowMs);
  const limit = budget === undefined ? undefined : limitOf(ledger, budget);
  const until = budget === undefined ? undefined : nextWindowAt(ledger, budget, nowMs);
  const shown = (amounts: Amounts) => (limit === undefined ? amounts : measuredBy(amounts, limit));
  const { since } = ledger;
  const [spent, reserved] = [shown(ledger.spent), shown(ledger.reserved)];
  return Object.freeze({
    name,
    ...(limit === undefined ? {} : { limit, left: minus(limit, plus(spent, reserved)) }),
    spent,
    reserved,
    raised: ledger.raised,
    ...(until === undefined ? {} : { since, until }),
    whenSpent: budget?.whenSpent ?? "fail",
    waitingRuns,
    users: declared?.users ?? [],
  });
}

/** How budgets stand, read from the journal: for a process that does not execute. */
export async function readBudgets(
  store: JournalStore,
  namespace: string,
  { budgets }: Pick<Catalogue, "budgets">,
  nowMs: number,
): Promise<readonly BudgetSnapshot[]> {
  const names = new Set([...budgets.keys(), ...(await budgetNames(store, namespace))]);
  const snapshots: BudgetSnapshot[] = [];
  for (const name of names) {
    const recorded = await recordedBudget(store, namespace, name);
    const ledger = recorded?.ledger ?? newLedger();
    const declared = budgets.get(name);
    snapshots.push(budgetSnapshot({ name, ledger, declared, waitingRuns: 0, nowMs }));
  }
  return snapshots;
}
