/** Budgets: named values that agents and workflows share, and what is recorded of them. The ledger is in decide/budget.ts. */
import { amountText, type Amounts, exceeds, measureName, MEASURES, NOTHING } from "./amounts.ts";
import type { AgentDefinition } from "./agent-definition.ts";
import type { Duration } from "./duration.ts";
import { isAgentName } from "./naming.ts";
import { type Reader, reader } from "./option-reader.ts";
import { definitionInvalid } from "./problems.ts";

/** An amount of each measure, as it is written: any of the four. */
export interface AmountOptions {
  /** Input and output tokens together, as `ctx.usage` reports them. */
  readonly tokens?: number;
  /** An exact decimal and its currency: `"50.00 EUR"`. What calls cost is in the price table given to `open()`. */
  readonly money?: string;
  /** Attempts that are made. */
  readonly calls?: number;
  /** Of the attempts together, also of those side by side. */
  readonly time?: Duration;
}

/** What {@link budget} takes: at least one measure. */
export interface BudgetOptions extends AmountOptions {
  /** The window after which it begins anew, aligned to 1970 in UTC: `"1d"` is a day. For ever if left out. */
  readonly per?: Duration;
  /**
   * What becomes of an attempt when it is spent: `fail` (if left out), for good, with `BUDGET_SPENT`; `wait`, until the next
   * window begins or a person raises it. `wait` needs `per`.
   */
  readonly whenSpent?: "fail" | "wait";
}

/** A limit over all runs that share it, in one namespace of one store. Made by {@link budget}. */
export interface Budget {
  readonly name: string;
  readonly limit: Amounts;
  readonly perMs?: number;
  readonly whenSpent: "fail" | "wait";
}

/** One attempt that may be under way, with what was set aside for it. */
export interface Reservation {
  readonly run: string;
  readonly path: string;
  readonly turn: number;
  readonly attempt: number;
  readonly amounts: Amounts;
}

/** One call that is not under way any more, with what it spent. `unreserved`: nothing was set aside for it (an attempt to compensate, a probe). */
export interface Settlement extends Reservation {
  readonly unreserved?: true;
}

/** What every entry of the stream `budget/<name>` says, so that its end alone tells how the budget stands. */
export interface BudgetRecord {
  /** When the window began, in milliseconds since 1970; 0 where it never ends. */
  readonly since: number;
  /** In this window, after this entry. */
  readonly spent: Amounts;
  /** What people have added for this window. */
  readonly raised: Amounts;
  /** From which entry on what is still set aside can be read. */
  readonly from: number;
  /** All that is set aside, from time to time: what the entries before this one set aside is in here, or over. */
  readonly open?: readonly Reservation[];
}

/** Why an attempt was refused by a budget: in the run's own entry of it. */
export interface BudgetMark {
  /** The budget's name; absent where it is the run's own. */
  readonly name?: string;
  readonly measure: string;
  readonly limit: Amounts;
  readonly spent: Amounts;
  readonly reserved: Amounts;
}

/** A budget as it stands. */
export interface BudgetSnapshot {
  readonly name: string;
  /** What the code says and people have added; absent where no code names it. */
  readonly limit?: Amounts;
  readonly spent: Amounts;
  /** Set aside for attempts that are under way. */
  readonly reserved: Amounts;
  /** What may still be reserved; absent where no code names it. */
  readonly left?: Amounts;
  /** What people have added for this window. */
  readonly raised: Amounts;
  /** Of the window, in milliseconds since 1970; absent where it never ends. */
  readonly since?: number;
  readonly until?: number;
  readonly whenSpent: "fail" | "wait";
  /** Runs of this process that wait for the next window. */
  readonly waitingRuns: number;
  /** `name@version` of the agents and workflows under it, as far as this process has them. */
  readonly users: readonly string[];
}

/** The stream that a budget is kept in. */
export function budgetStream(name: string): string {
  return `budget/${name}`;
}

const AMOUNTS = ["tokens", "money", "calls", "time"] as const;
const OPTIONS: ReadonlySet<string> = new Set([...AMOUNTS, "per", "whenSpent"]);
const RUN_OPTIONS: ReadonlySet<string> = new Set(AMOUNTS);
const MAXIMUM_OPTIONS: ReadonlySet<string> = new Set(["tokens", "money"]);

/**
 * A budget: what all attempts under it may use together, in each window. Give the same value to all agents and workflows that
 * share it.
 *
 * @example budget("model-spend", { tokens: 1_000_000, money: "50.00 EUR", calls: 10_000, per: "1d" })
 * @throws BatonError `DEFINITION_INVALID` with all problems in `details.problems`.
 */
export function budget(name: string, options: BudgetOptions): Budget {
  const problems: string[] = [];
  if (!isAgentName(name))
    problems.push(`The name "${name}" is not lower-case letters, digits, dashes and dots.`);
  const read = reader("the budget", options, OPTIONS, problems);
  const limit = amountsOf(read);
  if (problems.length === 0 && MEASURES.every((measure) => limit[measure] === undefined))
    read.problem("limits nothing: give it `tokens`, `money`, `calls` or `time`");
  const perMs = read.duration("per");
  if (perMs === 0) read.problem("has a `per` of 0");
  const whenSpent = read.oneOf("whenSpent", ["fail", "wait"]) === "wait" ? "wait" : "fail";
  if (whenSpent === "wait" && perMs === undefined)
    read.problem("has no `per`: a run that waits for it would wait for ever");
  if (problems.length > 0) throw definitionInvalid(`budget "${name}"`, problems);
  return Object.freeze({ name, limit, ...(perMs === undefined ? {} : { perMs }), whenSpent });
}

/** Reads the amounts of options; what is wrong with them is added to the reader's problems. */
function amountsOf(read: Reader): Amounts {
  const given = (key: string) => read.field(key) !== undefined;
  const tokens = given("tokens") ? read.whole("tokens", 1, undefined) : undefined;
  const calls = given("calls") ? read.whole("calls", 1, undefined) : undefined;
  const timeMs = read.duration("time");
  if (timeMs === 0) read.problem("has a `time` of 0");
  const money = given("money") ? moneyOf(read) : undefined;
  return Object.freeze({
    ...(tokens === undefined ? {} : { tokens }),
    ...money,
    ...(calls === undefined ? {} : { calls }),
    ...(timeMs === undefined ? {} : { timeMs }),
  });
}

function moneyOf(read: Reader): Pick<Amounts, "money" | "currency"> {
  const given = read.field("money");
  const match =
    typeof given === "string" ? /^(\d{1,15}(?:\.\d{1,12})?) ([A-Z]{3})$/.exec(given) : null;
  if (match === null || /^[0.]+$/.test(match[1] ?? "")) {
    read.problem('has `money` that is not a decimal above 0 and a currency, such as "50.00 EUR"');
    return {};
  }
  return { money: match[1] ?? "", currency: match[2] ?? "" };
}

/** The amounts that a person adds. @throws BatonError `DEFINITION_INVALID` */
export function raiseOf(options: AmountOptions): Amounts {
  const problems: string[] = [];
  const read = reader("the raise", options, RUN_OPTIONS, problems);
  const amounts = amountsOf(read);
  if (problems.length === 0 && MEASURES.every((measure) => amounts[measure] === undefined))
    read.problem("adds nothing: give it `tokens`, `money`, `calls` or `time`");
  if (problems.length > 0) throw definitionInvalid("raise of a budget", problems);
  return amounts;
}

/** The option `runBudget` of a workflow. */
export function runBudgetOf(options: unknown, problems: string[]): Amounts {
  const read = reader("the runBudget", options, RUN_OPTIONS, problems);
  const limit = amountsOf(read);
  if (MEASURES.every((measure) => limit[measure] === undefined))
    read.problem("limits nothing: give it `tokens`, `money`, `calls` or `time`");
  return limit;
}

/** The option `maximum` of an agent: what one attempt may use at most. */
export function maximumOf(options: unknown, problems: string[]): Amounts {
  return amountsOf(reader("the maximum", options, MAXIMUM_OPTIONS, problems));
}

/** What one attempt of an agent is given: its maximum, one call, and its timeout. */
export function attemptMaximum({
  maximum = NOTHING,
  timeoutMs,
}: Pick<AgentDefinition, "maximum" | "timeoutMs">): Amounts {
  return { ...maximum, calls: 1, ...(timeoutMs === undefined ? {} : { timeMs: timeoutMs }) };
}

/** The option `budgets` of an agent or a workflow. */
export function budgetsOf(given: unknown, problems: string[]): readonly Budget[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [undefined];
  if (!list.every(isBudget)) {
    problems.push("The option `budgets` is not a list of budgets.");
    return [];
  }
  if (new Set(list.map(({ name }) => name)).size < list.length)
    problems.push("The option `budgets` has two budgets of one name.");
  return Object.freeze([...list]);
}

function isBudget(value: unknown): value is Budget {
  return (
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    "limit" in value &&
    "whenSpent" in value
  );
}

/** Why calls of an agent can't be under a limit: it measures something of which the agent has no maximum, or more than there ever is. */
export function maximumProblems(
  agent: Pick<AgentDefinition, "id" | "maximum" | "timeoutMs">,
  limit: Amounts,
  where: string,
): string[] {
  const { id } = agent;
  const maximum = attemptMaximum(agent);
  const missing = MEASURES.filter(
    (measure) => limit[measure] !== undefined && maximum[measure] === undefined,
  );
  const problems = missing.map((measure) =>
    measure === "timeMs"
      ? `The agent ${id} has no \`timeout\`, yet ${where} measures time.`
      : `The agent ${id} has no \`maximum.${measureName(measure)}\`, yet ${where} measures ${measureName(measure)}.`,
  );
  if (
    limit.money !== undefined &&
    maximum.money !== undefined &&
    limit.currency !== maximum.currency
  )
    problems.push(
      `The agent ${id} has its maximum in ${maximum.currency ?? ""}, ${where} is in ${limit.currency ?? ""}.`,
    );
  const over = missing.length === 0 ? exceeds(maximum, limit) : undefined;
  if (over !== undefined)
    problems.push(
      `The agent ${id} may use ${amountText(maximum, over)} in one attempt, and ${where} has ${amountText(limit, over)} in all: it could never be called.`,
    );
  return problems;
}
