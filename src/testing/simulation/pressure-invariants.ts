/** Promise 13, and what rates are to do: found in the streams of the budgets, and a second time from what the agents saw. */
import type { RecordedEntry } from "../../history/read.ts";
import { type Amounts, exceeds, amountText, minus, NOTHING, plus } from "../../model/amounts.ts";
import type { Budget } from "../../model/budget.ts";
import type { Payloads } from "../../model/entry.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { partsOf } from "../../model/workflow-parts.ts";
import type { SeenCall } from "./outside.ts";

type Told = Payloads["budget.reserved"] | Payloads["budget.settled"] | Payloads["budget.raised"];

/** The budgets that workflows and their agents, and those nested in them, are under. */
export function budgetsOf(definitions: readonly WorkflowDefinition[]): ReadonlyMap<string, Budget> {
  const all = new Map<string, Budget>();
  for (const { agents, workflows } of definitions.map(partsOf))
    for (const { budgets = [] } of [...agents, ...workflows])
      for (const each of budgets) all.set(each.name, each);
  return all;
}

/**
 * What is wrong with the stream of one budget: after each entry what was settled in its window, and what is set aside, must
 * not be more than the limit. Calls for which nothing is set aside (an attempt to compensate, a probe) may go over it.
 */
export function checkBudget(
  { name, limit }: Budget,
  entries: readonly RecordedEntry[],
): readonly string[] {
  const broken: string[] = [];
  const open = new Map<string, Amounts>();
  let since = 0;
  let settled: Amounts = NOTHING;
  let free: Amounts = NOTHING;
  for (const { entry } of entries) {
    // The engine wrote it, in one of these very forms.
    const told = entry.payload as unknown as Told;
    const add = (what: string) => void broken.push(`Budget ${name} entry ${entry.seq}: ${what}`);
    if (told.since < since) add("its window began before that of the entry before.");
    const begins = told.since > since;
    if (begins) [since, settled, free] = [told.since, NOTHING, NOTHING];
    if ("settlements" in told) {
      for (const { run, path, turn, attempt, amounts, unreserved } of told.settlements) {
        const key = `${run} ${path} ${turn} ${attempt}`;
        settled = plus(settled, amounts);
        if (unreserved === true) free = plus(free, amounts);
        else if (!open.delete(key)) add(`it settles ${key}, for which nothing was set aside.`);
      }
    }
    // What is written as a window begins may have been settled before that: the ledger knows, and is believed that once.
    if (begins) settled = told.spent;
    if ("reservations" in told) {
      for (const { run, path, turn, attempt, amounts } of told.reservations) {
        const key = `${run} ${path} ${turn} ${attempt}`;
        if (open.has(key)) add(`it sets aside for ${key} twice.`);
        open.set(key, amounts);
      }
    }
    let reserved = NOTHING;
    for (const amounts of open.values()) reserved = plus(reserved, amounts);
    const used = plus(minus(settled, free), reserved);
    const over = exceeds(used, plus(limit, told.raised));
    if (over !== undefined)
      add(`${amountText(used, over)} are settled or set aside, of ${amountText(limit, over)}.`);
  }
  return broken;
}

/** What is wrong with the calls that agents under a budget saw: each was set aside before, and no more began than a window has. */
export function checkBudgetedCalls(
  budgets: ReadonlyMap<string, Budget>,
  calls: readonly SeenCall[],
): readonly string[] {
  const broken: string[] = [];
  const made = new Map<string, number>();
  for (const { kind, run, path, turn, attempt, agent, reserved, unreserved } of calls) {
    if (kind !== "execute") continue;
    const place = `${run} ${path} ${turn} ${attempt}`;
    for (const budget of unreserved)
      broken.push(`${agent} was called at ${place}, and nothing was set aside of ${budget}.`);
    // Where a process died before it called, the next one set aside anew: that is the one which counts.
    const newest = new Map(reserved.map((each) => [each.budget, each]));
    for (const { budget, since } of newest.values()) {
      const window = `${budget} ${since}`;
      const count = (made.get(window) ?? 0) + 1;
      made.set(window, count);
      const most = budgets.get(budget)?.limit.calls;
      if (most !== undefined && count === most + 1)
        broken.push(`More than ${most} calls were made of the budget ${budget}, since ${since}.`);
    }
  }
  return broken;
}

/** Runs whose agents were called more often than the run's own budget allows. */
export function checkRunBudgets(
  workflowOf: (run: string) => WorkflowDefinition | undefined,
  calls: readonly SeenCall[],
): readonly string[] {
  const broken: string[] = [];
  const made = new Map<string, number>();
  for (const { kind, run } of calls) {
    const most = kind === "execute" ? workflowOf(run)?.ownBudget?.calls : undefined;
    if (most === undefined) continue;
    const count = (made.get(run) ?? 0) + 1;
    made.set(run, count);
    if (count === most + 1) broken.push(`${run} made more than its ${most} calls.`);
  }
  return broken;
}

/** In any time of the length `per` no more calls may begin than the rate has, and its burst less one; restarts included. */
export function checkRates(calls: readonly SeenCall[]): readonly string[] {
  const broken: string[] = [];
  const begun = new Map<string, number[]>();
  for (const { rate, elapsedMs } of calls) {
    if (rate === undefined) continue;
    const { name, key, calls: count, burst, perMs } = rate;
    const place = `${name} ${key}`;
    const times = begun.get(place) ?? [];
    begun.set(place, times);
    times.push(elapsedMs);
    const most = count + burst - 1;
    const first = times.at(-1 - most);
    if (first !== undefined && elapsedMs - first < perMs)
      broken.push(
        `The rate ${place.trim()} let ${most + 1} calls begin within ${elapsedMs - first} ms of ${perMs}.`,
      );
  }
  return broken;
}
